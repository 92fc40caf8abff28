//! The list of the days that are kept of each target.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::history::Days;
use crate::model::Target;
use crate::store::Store;

/// How long a list is used: reading it takes the longer the more days there are, and requests may come
/// without pause.
const USE_FOR: Duration = Duration::from_secs(10);
/// How long a request waits for it.
const WAIT: Duration = Duration::from_secs(1);

/// The days that are kept of a target.
#[derive(Default)]
pub(super) struct KeptDays {
    /// The days.
    pub days: Days,
    /// Identifies the list.
    pub digest: String,
}

/// Lists the days that are kept of each target.
pub(super) struct KeptLists {
    store: Arc<dyn Store>,
    /// The lists, and when they were read. One is read at a time.
    lists: Mutex<HashMap<Target, (Instant, Arc<KeptDays>)>>,
}

impl KeptLists {
    /// Those in a store.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, lists: Mutex::default() }
    }

    /// The days that are kept of a target: none if the store does not say so in time.
    pub(super) async fn get(&self, target: &Target) -> Arc<KeptDays> {
        // In memory, there is only the newest day.
        if !self.store.is_durable() {
            return Arc::default();
        }
        timeout(WAIT, self.read(target)).await.unwrap_or_default()
    }

    async fn read(&self, target: &Target) -> Arc<KeptDays> {
        let mut lists = self.lists.lock().await;
        // Old lists are removed, also those of targets that are no longer exported.
        lists.retain(|_, (read_at, _)| read_at.elapsed() < USE_FOR);
        if let Some((_, kept)) = lists.get(target) {
            return Arc::clone(kept);
        }
        let days = Days::list(&*self.store, target).await.unwrap_or_default();
        let kept = Arc::new(KeptDays { digest: days.digest(), days });
        lists.insert(target.clone(), (Instant::now(), Arc::clone(&kept)));
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;
    use crate::store::Memory;

    #[tokio::test]
    async fn a_store_in_memory_keeps_no_days() {
        let lists = KeptLists::new(Arc::new(Memory::default()));
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        assert_eq!(lists.get(&target).await.days.days().count(), 0);
        assert!(lists.lists.lock().await.is_empty());
    }
}
