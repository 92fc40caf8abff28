//! Bounds how many mappings are compiled at once, so that a file that takes long does not hold up the
//! others.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many are compiled at once, not counting those that take long.
const CONCURRENT: usize = 2;
/// How many are compiled at once, counting those that take long. Each may need as much memory as is
/// allowed.
const CONCURRENT_IN_ALL: usize = 4;
/// After this time the next one may start.
const SHORT: Duration = Duration::from_secs(5);

/// The turns. Clones share them.
#[derive(Clone)]
pub(super) struct Turns {
    short_ones: Arc<Semaphore>,
    all: Arc<Semaphore>,
    short: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(SHORT)
    }
}

impl Turns {
    fn new(short: Duration) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { short_ones: semaphore(CONCURRENT), all: semaphore(CONCURRENT_IN_ALL), short }
    }

    /// Waits for its turn, and does the work. Its turn ends when the future is dropped.
    pub(super) async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        // They are never closed.
        let _one_of_all = self.all.acquire().await;
        let short_one = self.short_ones.acquire().await;
        let mut work = pin!(work);
        if let Ok(done) = timeout(self.short, work.as_mut()).await {
            return done;
        }
        drop(short_one);
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn work_that_takes_long_does_not_hold_up_the_rest() {
        let turns = Turns::new(Duration::from_millis(1));
        let mut endless = JoinSet::new();
        for _ in 0..CONCURRENT_IN_ALL - 1 {
            let turns = turns.clone();
            endless.spawn(async move { turns.take(pending::<()>()).await });
        }
        assert_eq!(turns.take(async { 7 }).await, 7);
        endless.shutdown().await;
        assert_eq!(turns.all.available_permits(), CONCURRENT_IN_ALL);
        assert_eq!(turns.short_ones.available_permits(), CONCURRENT);
    }
}
