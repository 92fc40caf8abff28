//! The compilations of mapping files that are in progress.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use super::turns::Turns;
use crate::mappings::{PendingFile, Refusal};
use crate::model::Limits;
use crate::wasm::{Engine, Mapping};

/// A compilation that has ended.
pub(super) struct Compilation {
    /// The file.
    pub file: PendingFile,
    /// The result.
    pub result: Result<Arc<Mapping>, Refusal>,
    /// The limits that applied.
    pub limits: Arc<Limits>,
}

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
                let compile = async {
                    let limits = engine.limits();
                    (compiled.compile(&engine).await, limits)
                };
                let (result, limits) = turns.take(compile).await;
                Compilation { file: compiled, result, limits }
            });
            self.by_file.insert(file, compilation);
        }
    }

    /// The next compilation that ends. `None`: there are none. It is safe to cancel.
    pub(super) async fn next(&mut self) -> Option<Compilation> {
        loop {
            let ended = self.running.join_next_with_id().await?;
            let id = ended.as_ref().map_or_else(|error| error.id(), |(id, _)| *id);
            // One that had already ended when it was aborted may have a successor.
            self.by_file.retain(|_, compilation| compilation.id() != id);
            if let Ok((_, compilation)) = ended {
                return Some(compilation);
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
