//! Locks by key: one change to a user at a time, so that read-modify-write loses nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// From so many entries on, those that nobody holds are swept out.
const SWEEP_AT: usize = 1024;

type Entries = HashMap<String, Weak<tokio::sync::Mutex<()>>>;

/// A lock for each key that somebody holds.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<Entries>);

impl Locks {
    /// Waits until nobody else holds the key.
    pub(super) async fn lock(&self, key: String) -> OwnedMutexGuard<()> {
        let lock = {
            let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() >= SWEEP_AT {
                entries.retain(|_, lock| lock.strong_count() > 0);
            }
            let held = entries.get(&key).and_then(Weak::upgrade);
            held.unwrap_or_else(|| {
                let lock = Arc::new(tokio::sync::Mutex::new(()));
                entries.insert(key, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_held_by_one_and_others_are_free() {
        let locks = Locks::default();
        let held = locks.lock("a".into()).await;
        let other = locks.lock("b".into()).await;
        let wait = tokio::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(wait, locks.lock("a".into())).await.is_err());
        drop(held);
        assert!(tokio::time::timeout(wait, locks.lock("a".into())).await.is_ok());
        drop(other);
    }

    #[tokio::test]
    async fn keys_that_nobody_holds_are_forgotten() {
        let locks = Locks::default();
        for n in 0..3 * SWEEP_AT {
            drop(locks.lock(n.to_string()).await);
        }
        assert!(locks.0.lock().unwrap().len() <= SWEEP_AT);
    }
}
