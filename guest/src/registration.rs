//! What a collector declares about itself: its documents, their framing, its options.

use crate::collector::New;
use crate::contract::{DocumentSpec, FetchKind, Need, Scope};
use crate::input::Framing;
use crate::settings::OptionDefinition;

/// A row of the table of documents.
pub struct Registration {
    /// The documents whose rows the collector takes. A collector without documents derives its
    /// samples from other collectors.
    pub documents: &'static [DocumentDefinition],
    /// How rows are laid out in a body.
    pub framing: Framing,
    /// Whether a body without a single byte is valid.
    pub may_be_empty: bool,
    /// The options that the collector reads.
    pub options: &'static [OptionDefinition],
    /// Makes the collector.
    pub new: New,
}

impl Registration {
    /// A collector with no documents and options, for `..Registration::new(…)`.
    pub const fn new(new: New) -> Self {
        Self { documents: &[], framing: Framing::Rows, may_be_empty: false, options: &[], new }
    }
}

/// A document of one scope: the constant form of [`DocumentSpec`].
#[derive(Clone, Copy)]
pub struct DocumentDefinition {
    scope: Scope,
    /// Its name in the manifest.
    pub name: &'static str,
    path: &'static str,
    fetch: FetchKind,
    need: Need,
    /// The document that it replaces if that one does not exist.
    pub fallback_for: Option<&'static str>,
    same_day_as: Option<&'static str>,
}

impl DocumentDefinition {
    /// An optional document.
    pub const fn new(
        scope: Scope,
        name: &'static str,
        path: &'static str,
        fetch: FetchKind,
    ) -> Self {
        Self {
            scope,
            name,
            path,
            fetch,
            need: Need::Optional,
            fallback_for: None,
            same_day_as: None,
        }
    }

    /// An optional report of an organization.
    pub const fn organization_report(name: &'static str, path: &'static str) -> Self {
        Self::new(Scope::Organization, name, path, FetchKind::Report)
    }

    /// An optional report of an enterprise.
    pub const fn enterprise_report(name: &'static str, path: &'static str) -> Self {
        Self::new(Scope::Enterprise, name, path, FetchKind::Report)
    }

    /// The same document, required.
    pub const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// The same document, never fetched but accepted offline.
    pub const fn offline(self) -> Self {
        Self { need: Need::Offline, ..self }
    }

    /// The same document, fetched only if `document` does not exist.
    pub const fn fallback_for(self, document: &'static str) -> Self {
        Self { fallback_for: Some(document), ..self }
    }

    /// The same document, also fetched for the day of `document`.
    pub const fn same_day_as(self, document: &'static str) -> Self {
        Self { same_day_as: Some(document), ..self }
    }

    /// Whether a scope has the document.
    pub fn is_in(&self, scope: Scope) -> bool {
        self.scope == scope
    }

    /// The document in the types of the contract.
    pub fn spec(&self) -> DocumentSpec {
        DocumentSpec {
            name: self.name.to_owned(),
            scope: self.scope,
            path: self.path.to_owned(),
            fetch: self.fetch,
            need: self.need,
            fallback_for: self.fallback_for.map(str::to_owned),
            same_day_as: self.same_day_as.map(str::to_owned),
        }
    }
}
