//! What the mapping says about itself.

use crate::contract::{DocumentSpec, Manifest, Scope};
use crate::documents;
use crate::output::Catalogue;
use crate::settings::Settings;

/// The manifest of the default mapping, collected from the table of documents.
pub fn manifest() -> Manifest {
    let mut catalogue = Catalogue::default();
    documents::declare(&mut catalogue, &Settings::default());
    Manifest {
        name: "github-copilot".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        documents: [Scope::Organization, Scope::Enterprise].into_iter().flat_map(specs).collect(),
        options: documents::options().into_iter().map(|option| option.spec()).collect(),
        families: catalogue.into_families(),
    }
}

/// The documents of a scope in the order of the table, but those that replace another one last.
fn specs(scope: Scope) -> Vec<DocumentSpec> {
    let all = documents::TABLE.iter().flat_map(|registration| registration.documents);
    let mut documents: Vec<_> = all.filter(|document| document.is_in(scope)).collect();
    documents.sort_by_key(|document| document.fallback_for.is_some());
    documents.into_iter().map(|document| document.spec()).collect()
}
