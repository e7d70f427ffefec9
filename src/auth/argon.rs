//! Secrets with an Argon2 hash: verified off the asynchronous threads, few at once, and each right one only once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak};

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretSlice};
use subtle::ConstantTimeEq as _;
use tokio::sync::{OnceCell, Semaphore};

use super::secrets::Secret;

/// Most different secrets of a tenant that wait to be verified: beyond it somebody guesses, and whoever comes is
/// refused at once instead of waiting for some 50 ms times all before.
const WAITING_MAX: usize = 8;
/// Most verifications at once in this process, where it has cores enough.
const AT_ONCE_MAX: usize = 4;

/// How many verifications there may be at once: half of the cores, so that guessing never takes what requests need.
static AT_ONCE: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).clamp(1, AT_ONCE_MAX)
});

/// Those of all tenants. The queue is first come, first served, and a tenant has no more in it than its [`Share`] lets
/// it: they take turns, hash by hash, however many guesses there are at one of them.
static SLOTS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(*AT_ONCE));

/// What one tenant may have of all verifications, those that wait for a slot included: half of the slots, and so at
/// least one. All its other secrets wait here.
#[derive(Clone)]
pub(super) struct Share(Arc<Semaphore>);

impl Share {
    /// That of another tenant.
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new((*AT_ONCE / 2).max(1))))
    }
}

/// The key under which right secrets are remembered; none without a source of randomness, and then none is.
static KEY: LazyLock<Option<hmac::Key>> = LazyLock::new(|| {
    let random = aws_lc_rs::rand::SystemRandom::new();
    hmac::Key::generate(hmac::HMAC_SHA256, &random).ok()
});

/// A keyed hash of user and secret: neither can be found from it, even by whoever reads this process' memory later,
/// without the key and a guess.
type Mark = [u8; 32];

/// Too many unknown secrets are being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

struct Entry {
    /// The PHC string.
    text: String,
    hash: PasswordHash,
    secret: Secret,
    /// The one secret that this hash was found to be of.
    verified: OnceLock<Mark>,
}

/// The secrets of a tenant that have an Argon2 hash.
pub(super) struct Argon2Secrets {
    entries: Arc<[Entry]>,
    share: Share,
    /// Those that are being looked at: who brings the same one waits for the same verdict.
    waiting: Mutex<HashMap<Mark, Weak<OnceCell<Option<usize>>>>>,
}

impl Argon2Secrets {
    /// Secrets with their PHC strings. One whose string can't be read is never right.
    pub(super) fn new(secrets: Vec<(&str, Secret)>, share: &Share) -> Self {
        let entries = secrets.into_iter().filter_map(|(text, secret)| match PasswordHash::new(text) {
            Ok(hash) => Some(Entry { text: text.to_owned(), hash, secret, verified: OnceLock::new() }),
            Err(error) => {
                tracing::error!(caller = %secret.caller.name, %error, "an Argon2 hash can't be read and is left out");
                None
            }
        });
        Self { entries: entries.collect(), share: share.clone(), waiting: Mutex::default() }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes over what was found right before, for hashes that are the same.
    pub(super) fn inherit(&self, previous: &Self) {
        for entry in self.entries.iter() {
            let same = |old: &&Entry| old.text == entry.text && old.secret.user == entry.secret.user;
            if let Some(mark) = previous.entries.iter().find(same).and_then(|old| old.verified.get()) {
                // Nobody was recognised by the new one yet; and if so, by the same secret.
                let _same = entry.verified.set(*mark);
            }
        }
    }

    /// Whose secret this is, if it was found right before. It may have expired since.
    pub(super) fn remembered(&self, user: Option<&[u8]>, secret: &[u8]) -> Option<Secret> {
        if self.entries.is_empty() {
            return None;
        }
        remembered(&self.entries, &mark(user, secret)?)
    }

    /// Whose secret this is; an expired one is not found any more.
    ///
    /// # Errors
    /// [`Busy`]; also where the work was cut short.
    pub(super) async fn find(
        &self,
        user: Option<&[u8]>,
        secret: &[u8],
        now: u64,
    ) -> Result<Option<Secret>, Busy> {
        let of_user = |entry: &&Entry| bool::from(entry.secret.is_of(user));
        let live = || self.entries.iter().enumerate().filter(|(_, entry)| entry.secret.is_live(now));
        let mut candidates: Vec<usize> =
            live().filter(|(_, entry)| of_user(entry)).map(|(index, _)| index).collect();
        let known_user = !candidates.is_empty();
        // Whoever guesses a user must not learn by the clock that there is none such.
        candidates.extend(live().map(|(index, _)| index).take(usize::from(!known_user)));
        if candidates.is_empty() {
            return Ok(None);
        }
        let mark = mark(user, secret).ok_or(Busy)?;
        let turn = self.turn(mark)?;
        let found = turn
            .get_or_try_init(async || {
                // Somebody who hung up may have brought the work to its end.
                if let Some(index) = index_of(&self.entries, &mark) {
                    return Ok(Some(index));
                }
                self.verify(&candidates, known_user, secret, mark).await
            })
            .await;
        self.waiting().remove(&mark);
        Ok(found?.and_then(|index| self.entries.get(index)).map(|entry| entry.secret.clone()))
    }

    /// The entry of these candidates whose secret it is; notes it there.
    async fn verify(
        &self,
        candidates: &[usize],
        known_user: bool,
        secret: &[u8],
        mark: Mark,
    ) -> Result<Option<usize>, Busy> {
        let own = Arc::clone(&self.share.0).acquire_owned().await.map_err(|_| Busy)?;
        let (own, secret) = (Arc::new(own), Arc::new(SecretSlice::from(secret.to_vec())));
        for index in candidates.iter().copied() {
            let slot = SLOTS.acquire().await.map_err(|_| Busy)?;
            let (entries, own, secret) = (Arc::clone(&self.entries), Arc::clone(&own), Arc::clone(&secret));
            let work = tokio::task::spawn_blocking(move || {
                // Held until the work is done, even if nobody waits for it any more.
                let _held = (slot, own);
                is_right(&entries, index, known_user, &secret, mark)
            });
            if work.await.map_err(|_| Busy)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<Mark, Weak<OnceCell<Option<usize>>>>> {
        // Nothing that holds it can panic half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, mark: Mark) -> Result<Arc<OnceCell<Option<usize>>>, Busy> {
        let mut waiting = self.waiting();
        if let Some(turn) = waiting.get(&mark).and_then(Weak::upgrade) {
            return Ok(turn);
        }
        waiting.retain(|_, turn| turn.strong_count() > 0);
        if waiting.len() >= WAITING_MAX {
            return Err(Busy);
        }
        let turn = Arc::default();
        waiting.insert(mark, Arc::downgrade(&turn));
        Ok(turn)
    }
}

/// Whether it is the secret of this entry; notes it there.
fn is_right(entries: &[Entry], index: usize, known_user: bool, secret: &SecretSlice<u8>, mark: Mark) -> bool {
    let right =
        |entry: &&Entry| Argon2::default().verify_password(secret.expose_secret(), &entry.hash).is_ok();
    let Some(entry) = entries.get(index).filter(right).filter(|_| known_user) else { return false };
    entry.verified.get_or_init(|| mark);
    true
}

fn remembered(entries: &[Entry], mark: &Mark) -> Option<Secret> {
    entries.get(index_of(entries, mark)?).map(|entry| entry.secret.clone())
}

fn index_of(entries: &[Entry], mark: &Mark) -> Option<usize> {
    entries.iter().position(|entry| entry.verified.get().is_some_and(|own| bool::from(own.ct_eq(mark))))
}

fn mark(user: Option<&[u8]>, secret: &[u8]) -> Option<Mark> {
    let mut context = hmac::Context::with_key(KEY.as_ref()?);
    // The length keeps user and password apart; a token has no user, which is not the empty one.
    let length = user.map_or(u64::MAX, |user| user.len() as u64);
    context.update(&length.to_be_bytes());
    context.update(user.unwrap_or_default());
    context.update(secret);
    context.sign().as_ref().try_into().ok()
}
