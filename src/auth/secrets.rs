//! Static tokens and passwords, of which only hashes are known here: which secret is whose.

use std::sync::Arc;

use aws_lc_rs::digest;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::config::{Caller, CallerAuth, Realm, SecretHash, StaticToken};

use super::argon::{Argon2Secrets, Busy, Share};

/// A secret that is configured, without its hash.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    /// Whose it is.
    pub(super) caller: Arc<Caller>,
    /// With which user it comes; none for a bearer token.
    pub(super) user: Option<String>,
    /// What the log calls it.
    pub(super) name: Option<String>,
    /// From when on it is not taken, in seconds since 1970.
    expires: Option<u64>,
}

impl Secret {
    fn new(caller: &Arc<Caller>, user: Option<&str>, token: &StaticToken) -> Self {
        Self {
            caller: Arc::clone(caller),
            user: user.map(str::to_owned),
            name: token.name.clone(),
            expires: token.expires.map(|expires| u64::try_from(expires.unix_timestamp()).unwrap_or(0)),
        }
    }

    /// Whether its time is not over.
    pub(super) fn is_live(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// Whether it comes with this user; how long it takes tells nothing but a length.
    pub(super) fn is_of(&self, user: Option<&[u8]>) -> Choice {
        match (&self.user, user) {
            (None, None) => Choice::from(1),
            (Some(own), Some(user)) => own.as_bytes().ct_eq(user),
            _ => Choice::from(0),
        }
    }
}

/// All static tokens of a tenant, or all its users and passwords.
pub(super) struct Secrets {
    /// The SHA-256 of each.
    quick: Vec<([u8; 32], Secret)>,
    /// Those that take time.
    slow: Argon2Secrets,
}

impl Secrets {
    /// The static bearer tokens.
    pub(super) fn tokens(realm: &Realm, share: &Share) -> Self {
        Self::of(realm, share, |auth| match auth {
            CallerAuth::Token { tokens } => Some((None, tokens)),
            _ => None,
        })
    }

    /// The users and passwords.
    pub(super) fn passwords(realm: &Realm, share: &Share) -> Self {
        Self::of(realm, share, |auth| match auth {
            CallerAuth::Basic { user, passwords } => Some((Some(user.as_str()), passwords)),
            _ => None,
        })
    }

    fn of(
        realm: &Realm,
        share: &Share,
        which: impl Fn(&CallerAuth) -> Option<(Option<&str>, &Vec<StaticToken>)>,
    ) -> Self {
        let (mut quick, mut slow) = (Vec::new(), Vec::new());
        for configured in realm.callers.values() {
            let Some((user, tokens)) = which(&configured.auth) else { continue };
            let caller = Arc::new(configured.clone());
            for token in tokens {
                let secret = Secret::new(&caller, user, token);
                match &token.hash {
                    SecretHash::Sha256(hash) => quick.push((*hash, secret)),
                    SecretHash::Argon2(hash) => slow.push((hash.as_str(), secret)),
                }
            }
        }
        Self { quick, slow: Argon2Secrets::new(slow, share) }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.quick.is_empty() && self.slow.is_empty()
    }

    /// Takes over which secrets were found right before a reload.
    pub(super) fn inherit(&self, previous: &Self) {
        self.slow.inherit(&previous.slow);
    }

    /// Whose secret this is, as far as that costs next to nothing. How long it takes depends on how many there are,
    /// never on which of them comes how close.
    pub(super) fn quick(&self, user: Option<&[u8]>, secret: &[u8], now: u64) -> Option<Secret> {
        let hash = digest::digest(&digest::SHA256, secret);
        let (mut live, mut expired) = (u32::MAX, u32::MAX);
        for (index, (known, of)) in (0_u32..).zip(&self.quick) {
            let same = known.as_slice().ct_eq(hash.as_ref()) & of.is_of(user);
            let found = if of.is_live(now) { &mut live } else { &mut expired };
            found.conditional_assign(&index, same);
        }
        // The same token may be listed with and without an end.
        let index = usize::try_from(if live == u32::MAX { expired } else { live }).ok()?;
        match self.quick.get(index) {
            Some((_, secret)) => Some(secret.clone()),
            None => self.slow.remembered(user, secret),
        }
    }

    /// Whose secret this is, where only the slow hashes tell.
    ///
    /// # Errors
    /// [`Busy`] if too many unknown secrets are being looked at.
    pub(super) async fn slow(
        &self,
        user: Option<&[u8]>,
        secret: &[u8],
        now: u64,
    ) -> Result<Option<Secret>, Busy> {
        self.slow.find(user, secret, now).await
    }
}
