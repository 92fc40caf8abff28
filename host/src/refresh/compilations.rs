//! The compilations of mapping files that are in progress.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use super::turns::Turns;
use crate::mappings::{PendingFile, Refusal};
use crate::wasm::{Engine, Mapping};

/// A compilation that has ended.
pub(super) type Compilation = (PendingFile, Result<Arc<Mapping>, Refusal>);

/// The compilations in progress.
pub(super) struct Compilations {
    engine: Engine,
    turns: Turns,
    running: JoinSet<Compilation>,
    by_file: HashMap<PendingFile, AbortHandle>,
}

impl Compilations {
    /// None.
    pub(super) fn new(engine: Engine) -> Self {
        let (turns, running, by_file) = (Turns::default(), JoinSet::new(), HashMap::new());
        Self { engine, turns, running, by_file }
    }

    /// Compiles these files. Compilations of other files end: they have changed again, or were removed.
    pub(super) fn set(&mut self, pending: Vec<PendingFile>) {
        self.by_file.retain(|file, compilation| {
            let is_pending = pending.contains(file);
            if !is_pending {
                compilation.abort();
            }
            is_pending
        });
        for file in pending {
            if self.by_file.contains_key(&file) {
                continue;
            }
            let (engine, turns, compiled) = (self.engine.clone(), self.turns.clone(), file.clone());
            let compilation = self.running.spawn(async move {
                let result = turns.take(compiled.compile(&engine)).await;
                (compiled, result)
            });
            self.by_file.insert(file, compilation);
        }
    }

    /// The next compilation that ends. `None`: there are none. It is safe to cancel.
    pub(super) async fn next(&mut self) -> Option<Compilation> {
        loop {
            // It fails if it was aborted.
            if let Ok((file, result)) = self.running.join_next().await? {
                self.by_file.remove(&file);
                return Some((file, result));
            }
        }
    }

    /// Whether none are in progress.
    pub(super) fn is_empty(&self) -> bool {
        self.by_file.is_empty()
    }

    /// Aborts all of them.
    pub(super) fn abort_all(&mut self) {
        self.running.abort_all();
        self.by_file.clear();
    }
}
