//! A realm's signing keys, which are always ES256, and the JSON Web Key Set that shows them.

use std::io;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Map, Value, json};

/// One key pair.
pub(super) struct Key {
    id: String,
    x: String,
    y: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Key {
    /// A new pair under this `kid`.
    pub(super) fn generate(id: String) -> io::Result<Self> {
        let no_randomness = |_: aws_lc_rs::error::Unspecified| io::Error::other("no key could be generated");
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(no_randomness)?;
        let private = pair.to_pkcs8v1().map_err(no_randomness)?;
        // Uncompressed: 0x04, then the two coordinates.
        let point = pair.public_key().as_ref();
        let coordinate = |range| point.get(range).map(|bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes));
        let (Some(x), Some(y)) = (coordinate(1..33), coordinate(33..65)) else {
            return Err(io::Error::other("a P-256 key has two coordinates of 32 bytes"));
        };
        let verifies = DecodingKey::from_ec_components(&x, &y).map_err(io::Error::other)?;
        Ok(Self { id, x, y, signs: EncodingKey::from_ec_der(private.as_ref()), verifies })
    }

    fn jwk(&self) -> Value {
        json!({
            "kid": self.id, "kty": "EC", "alg": "ES256", "use": "sig", "crv": "P-256", "x": self.x, "y": self.y,
        })
    }
}

/// All keys of a realm, the one that signs first.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// Signs with this one from now on; what the others signed stays good.
    pub(super) fn add(&mut self, key: Key) {
        self.0.insert(0, key);
    }

    /// The JSON Web Key Set.
    pub(super) fn jwks(&self) -> Value {
        json!({ "keys": self.0.iter().map(Key::jwk).collect::<Vec<_>>() })
    }

    /// A JWT of these claims; `None` where there is no key.
    pub(super) fn sign(&self, claims: &Value) -> Option<String> {
        let key = self.0.first()?;
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key.id.clone());
        encode(&header, claims, &key.signs).ok()
    }

    /// The claims of a JWT that one of the keys signed, whatever they say; time is not looked at.
    pub(super) fn verify(&self, token: &str) -> Option<Map<String, Value>> {
        let id = decode_header(token).ok()?.kid?;
        let key = self.0.iter().find(|key| key.id == id)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        decode(token, &key.verifies, &validation).ok().map(|data| data.claims)
    }
}
