//! The static bearer token of a caller: made at random, known to the configuration by its hash.

use std::fmt::Write as _;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::SetupError;

/// A new token of 256 random bits, in base64url.
pub(in crate::cli) fn new() -> Result<SecretString, SetupError> {
    let mut bits = [0_u8; 32];
    rand::fill(&mut bits).map_err(|_| SetupError::NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bits).into())
}

/// The SHA-256 of the token as it is sent, in lower-case hex.
pub(in crate::cli) fn hash(token: &SecretString) -> String {
    let digest = digest::digest(&digest::SHA256, token.expose_secret().as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_differ() {
        let (one, other) = (new().unwrap(), new().unwrap());
        assert_eq!(one.expose_secret().len(), 43);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }

    #[test]
    fn hashes_as_everybody_does() {
        assert_eq!(hash(&"abc".into()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
