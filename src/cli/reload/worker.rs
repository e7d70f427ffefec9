//! A thread that waits for the file system in place of those who serve requests: a mount may hang for ever.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long the file system may take.
const PATIENCE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

/// One thread, so that work on a mount that hangs does not pile up; and none of the runtime's, which waits for its own
/// before the process ends.
pub(super) struct Worker(SyncSender<Job>);

impl Worker {
    pub(super) fn new() -> Self {
        let (jobs, to_do) = sync_channel::<Job>(1);
        let work = move || to_do.into_iter().for_each(|job| job());
        if let Err(error) = thread::Builder::new().name("files".into()).spawn(work) {
            tracing::error!(%error, "there is no thread to read the configuration again");
        }
        Self(jobs)
    }

    /// What the work gives; none where that takes too long.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.run_within(PATIENCE, work).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody waits for it any more where it took too long.
            let _late = tell.send(work());
        });
        if self.0.try_send(job).is_err() {
            // Since the thread is still busy with what nobody waits for any more.
            tokio::time::sleep(patience).await;
            return None;
        }
        tokio::time::timeout(patience, told).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_hangs_is_left_and_the_next_is_done_when_it_ends() {
        let worker = Worker::new();
        let (release, held) = sync_channel::<()>(0);
        let patience = Duration::from_millis(20);
        assert_eq!(worker.run_within(patience, move || held.recv().is_ok()).await, None);
        for _ in 0..3 {
            assert_eq!(worker.run_within(patience, || 1).await, None);
        }
        release.send(()).unwrap();
        while worker.run_within(patience, || 2).await != Some(2) {}
        assert_eq!(worker.run(|| 3).await, Some(3));
    }
}
