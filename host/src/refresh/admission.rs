//! Bounds how many targets fetch at once, so that the first ones of many are served while others have not been
//! requested yet. Otherwise, all of them would end at the same time: the last possible one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many targets fetch for each request that may be sent at once, so that no slot is idle while one of
/// them is mapped.
const PER_SLOT: usize = 2;
/// After this time, the next one may begin: a target that waits for GitHub does not delay the others.
const SHORT: Duration = Duration::from_secs(5);

/// Lets targets fetch. Clones share the turns.
#[derive(Clone)]
pub(super) struct Admission {
    turns: Arc<Semaphore>,
    short: Duration,
}

impl Admission {
    /// `concurrency` is how many requests may be sent at once.
    pub(super) fn new(concurrency: usize) -> Self {
        Self::with(concurrency.saturating_mul(PER_SLOT).min(Semaphore::MAX_PERMITS), SHORT)
    }

    fn with(turns: usize, short: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), short }
    }

    /// Waits for its turn, and does the work. Its turn ends with the work, or when it has taken long.
    pub(super) async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        // It is never closed.
        let turn = self.turns.acquire().await;
        let mut work = pin!(work);
        if let Ok(done) = timeout(self.short, work.as_mut()).await {
            return done;
        }
        drop(turn);
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn the_next_target_begins_when_one_has_ended() {
        let (admission, begun) = (Admission::with(2, Duration::MAX), Arc::new(AtomicUsize::new(0)));
        let end = Arc::new(Notify::new());
        let mut targets = JoinSet::new();
        for _ in 0..5 {
            let (admission, begun, end) = (admission.clone(), Arc::clone(&begun), Arc::clone(&end));
            targets.spawn(async move {
                let work = async {
                    begun.fetch_add(1, Ordering::Relaxed);
                    end.notified().await;
                };
                admission.take(work).await;
            });
        }
        for ended in 0..4 {
            // All that can run have run.
            while begun.load(Ordering::Relaxed) < (ended + 2).min(5) {
                tokio::task::yield_now().await;
            }
            assert_eq!(admission.turns.available_permits(), 0);
            assert!(begun.load(Ordering::Relaxed) <= ended + 2);
            end.notify_one();
            targets.join_next().await.unwrap().unwrap();
        }
        end.notify_one();
        targets.join_next().await.unwrap().unwrap();
        assert_eq!(admission.turns.available_permits(), 2);
    }

    #[tokio::test]
    async fn targets_that_hang_do_not_delay_the_others() {
        let admission = Admission::with(2, Duration::from_millis(1));
        let mut hanging = JoinSet::new();
        for _ in 0..10 {
            let admission = admission.clone();
            hanging.spawn(async move { admission.take(pending::<()>()).await });
        }
        assert_eq!(admission.take(async { 7 }).await, 7);
        hanging.shutdown().await;
        assert_eq!(admission.turns.available_permits(), 2);
    }
}
