//! The documents that several mappings want of one scope. What they both want is fetched once,
//! whatever they call it.

use super::conflict::Conflict;
use crate::github::Document;
use crate::plugin::documents_of;
use crate::plugin::wit::{DocumentSpec, Manifest, Need};
use crate::target::Scope;

/// A document that a mapping is fed.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// What the mapping calls it.
    pub name: String,
    /// What it is called in the cache: as the first mapping that wants it does.
    pub document: String,
    /// What it is: see [`Document::source_of`].
    pub source: String,
}

/// Collects them.
pub(super) struct Plan {
    scope: Scope,
    wanted: Vec<Wanted>,
}

struct Wanted {
    spec: DocumentSpec,
    source: String,
    /// The first mapping that wants it.
    mapping: String,
}

impl Plan {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, wanted: Vec::new() }
    }

    /// Adds what a mapping wants. Answers what it is to be fed.
    pub(super) fn add(&mut self, manifest: &Manifest) -> Result<Vec<Feed>, Conflict> {
        let mut feeds: Vec<Feed> = Vec::new();
        for spec in documents_of(manifest, self.scope.to_wit()) {
            // It is never fetched.
            if spec.need == Need::Offline {
                continue;
            }
            let source = Document::source_of(spec);
            // It refers to others by the mapping's own names; what is fed earlier is known.
            let known = |name: &String| {
                let feed = feeds.iter().find(|feed| feed.name == *name);
                feed.map(|feed| feed.document.clone())
            };
            let fallback_for = spec.fallback_for.as_ref().and_then(known);
            let same_day_as = spec.same_day_as.as_ref().and_then(known);
            let document = match self.wanted.iter_mut().find(|wanted| wanted.source == source) {
                Some(wanted) => {
                    if spec.need == Need::Required {
                        wanted.spec.need = Need::Required;
                    }
                    // One that wants it in any case gets it in any case.
                    if wanted.spec.fallback_for != fallback_for {
                        wanted.spec.fallback_for = None;
                    }
                    wanted.spec.name.clone()
                }
                None => {
                    self.check_name(spec, &source, &manifest.name)?;
                    let spec = DocumentSpec { fallback_for, same_day_as, ..spec.clone() };
                    let name = spec.name.clone();
                    let (source, mapping) = (source.clone(), manifest.name.clone());
                    self.wanted.push(Wanted { spec, source, mapping });
                    name
                }
            };
            feeds.push(Feed { name: spec.name.clone(), document, source });
        }
        Ok(feeds)
    }

    /// A name stands for one document: in the cache, in the settings and in the metrics.
    fn check_name(&self, spec: &DocumentSpec, source: &str, mapping: &str) -> Result<(), Conflict> {
        match self.wanted.iter().find(|wanted| wanted.spec.name == spec.name) {
            None => Ok(()),
            Some(other) => Err(Conflict::Document(
                spec.name.clone(),
                other.mapping.clone(),
                mapping.to_owned(),
                other.source.clone(),
                source.to_owned(),
            )),
        }
    }

    pub(super) fn into_documents(self) -> Vec<DocumentSpec> {
        self.wanted.into_iter().map(|wanted| wanted.spec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::wit::{self, FetchKind};

    fn spec(name: &str, path: &str, need: Need, fallback_for: Option<&str>) -> DocumentSpec {
        DocumentSpec {
            name: name.to_owned(),
            scope: wit::Scope::Organization,
            path: path.to_owned(),
            fetch: FetchKind::Plain,
            need,
            fallback_for: fallback_for.map(str::to_owned),
            same_day_as: None,
        }
    }

    fn manifest(name: &str, documents: Vec<DocumentSpec>) -> Manifest {
        let (name, version) = (name.to_owned(), "1".to_owned());
        Manifest { name, version, documents, options: vec![], families: vec![] }
    }

    #[test]
    fn what_two_mappings_want_is_fetched_once_whatever_they_call_it() {
        let mut plan = Plan::new(Scope::Organization);
        let first = [
            spec("seats", "/orgs/{org}/seats", Need::Optional, None),
            spec("old", "/orgs/{org}/old", Need::Optional, Some("seats")),
        ];
        plan.add(&manifest("one", first.to_vec())).unwrap();
        let second = [
            spec("people", "/orgs/{org}/seats", Need::Required, None),
            spec("old", "/orgs/{org}/old", Need::Optional, None),
            spec("recorded", "", Need::Offline, None),
        ];
        let feeds = plan.add(&manifest("two", second.to_vec())).unwrap();
        let names: Vec<_> = feeds.iter().map(|f| (f.name.as_str(), f.document.as_str())).collect();
        assert_eq!(names, [("people", "seats"), ("old", "old")]);
        let documents = plan.into_documents();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].need, Need::Required);
        // The second wants it whether or not the other is there.
        assert_eq!(documents[1].fallback_for, None);
    }

    #[test]
    fn a_name_for_two_documents_is_a_conflict_that_names_both_mappings() {
        let mut plan = Plan::new(Scope::Organization);
        let document = |path| vec![spec("seats", path, Need::Optional, None)];
        plan.add(&manifest("one", document("/orgs/{org}/seats"))).unwrap();
        let conflict = plan.add(&manifest("two", document("/orgs/{org}/billing"))).unwrap_err();
        assert_eq!(
            conflict.to_string(),
            "the mappings \"one\" and \"two\" both have a document \"seats\", and it is not the same: \
             plain /orgs/{org}/seats and plain /orgs/{org}/billing"
        );
    }
}
