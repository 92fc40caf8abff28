//! The raw documents of every target, as GitHub sent them.
//!
//! A mapping runs over what is here, so that a refresh which got only a part, or a new mapping,
//! needs no request for the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use crate::github::Document;
use crate::target::Target;

/// The documents of a target by name.
pub type Documents = BTreeMap<String, Document>;

/// The cache, in memory. Bodies are compressed, and shared by clones.
#[derive(Default)]
pub struct Cache(RwLock<HashMap<Target, Documents>>);

impl Cache {
    /// The documents of a target, as they are now.
    pub fn documents(&self, target: &Target) -> Documents {
        let targets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        targets.get(target).cloned().unwrap_or_default()
    }

    /// Puts the documents of a target in the place of those it had.
    pub fn replace(&self, target: &Target, documents: Documents) {
        let mut targets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        targets.insert(target.clone(), documents);
    }

    /// Calls `visit` for every document, without copying any.
    pub fn visit(&self, mut visit: impl FnMut(&Target, &str, &Document)) {
        let targets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for (target, documents) in targets.iter() {
            for (name, document) in documents {
                visit(target, name, document);
            }
        }
    }
}
