//! Plans the documents that several mappings want of one scope. A document that more than one of them
//! wants is fetched once, whatever they call it.

use super::conflict::Conflict;
use crate::model::{DocumentSpec, Manifest, Need, Scope};

/// A document that a mapping is fed.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// The mapping's name for it.
    pub name: String,
    /// Its name in the store: that of the first mapping that wants it.
    pub document: String,
    /// What it is: see [`DocumentSpec::source`].
    pub source: String,
    /// The documents in the store whose day it is joined on.
    pub same_day_as: Vec<String>,
}

/// Collects the documents.
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

impl Wanted {
    /// Another mapping wants the document too: it is fetched as if both had asked for it alone.
    fn merge(&mut self, other: &DocumentSpec) {
        if other.need == Need::Required {
            self.spec.need = Need::Required;
        }
        if self.spec.fallback_for != other.fallback_for {
            self.spec.fallback_for = None;
        }
        for day in &other.same_day_as {
            if !self.spec.same_day_as.contains(day) {
                self.spec.same_day_as.push(day.clone());
            }
        }
        match self.spec.only_with.is_empty() || other.only_with.is_empty() {
            true => self.spec.only_with.clear(),
            false => self.spec.only_with.extend(other.only_with.iter().cloned()),
        }
        if self.spec.permission.is_none() {
            self.spec.permission.clone_from(&other.permission);
        }
    }
}

impl Plan {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, wanted: Vec::new() }
    }

    /// Adds what a mapping wants, and returns what it is fed.
    pub(super) fn add(&mut self, manifest: &Manifest) -> Result<Vec<Feed>, Conflict> {
        let mut feeds: Vec<Feed> = Vec::new();
        for spec in manifest.documents_of(self.scope) {
            // It is never fetched.
            if spec.need == Need::Offline {
                continue;
            }
            let source = spec.source();
            // A mapping refers to documents by its own names; the earlier ones are known.
            let stored_name = |name: &String| {
                let feed = feeds.iter().find(|feed| feed.name == *name);
                feed.map(|feed| feed.document.clone())
            };
            let same_day_as: Vec<_> = spec.same_day_as.iter().filter_map(stored_name).collect();
            let spec = DocumentSpec {
                fallback_for: spec.fallback_for.as_ref().and_then(stored_name),
                same_day_as: same_day_as.clone(),
                ..spec.clone()
            };
            let name = spec.name.clone();
            let document = match self.wanted.iter_mut().find(|wanted| wanted.source == source) {
                Some(wanted) => {
                    wanted.merge(&spec);
                    wanted.spec.name.clone()
                }
                None => {
                    self.check_name(&spec, &source, &manifest.name)?;
                    let (source, mapping) = (source.clone(), manifest.name.clone());
                    self.wanted.push(Wanted { spec, source, mapping });
                    name.clone()
                }
            };
            feeds.push(Feed { name, document, source, same_day_as });
        }
        Ok(feeds)
    }

    /// A name stands for one document: in the store, in the settings and in the metrics.
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
    use crate::model::FetchKind;

    fn spec(name: &str, path: &str, need: Need, fallback_for: Option<&str>) -> DocumentSpec {
        DocumentSpec {
            name: name.to_owned(),
            scope: Scope::Organization,
            path: path.to_owned(),
            fetch: FetchKind::Plain,
            need,
            fallback_for: fallback_for.map(str::to_owned),
            same_day_as: vec![],
            only_with: vec![],
            permission: None,
        }
    }

    fn manifest(name: &str, documents: Vec<DocumentSpec>) -> Manifest {
        let (name, version) = (name.to_owned(), "1".to_owned());
        Manifest { name, version, documents, ..Manifest::default() }
    }

    #[test]
    fn a_document_of_two_mappings_is_fetched_once_whatever_they_call_it() {
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
    fn a_day_that_a_second_mapping_joins_on_is_not_dropped() {
        let mut plan = Plan::new(Scope::Organization);
        let documents = |joined: bool| {
            let day = |name: &str| {
                spec(name, &format!("/orgs/{{org}}/{name}?day={{day}}"), Need::Optional, None)
            };
            let same_day_as = if joined { vec!["teams".to_owned()] } else { vec![] };
            vec![day("teams"), DocumentSpec { same_day_as, ..day("users") }]
        };
        plan.add(&manifest("one", documents(false))).unwrap();
        let feeds = plan.add(&manifest("two", documents(true))).unwrap();
        assert_eq!(feeds[1].same_day_as, ["teams"]);
        assert_eq!(plan.into_documents()[1].same_day_as, ["teams"]);
    }

    #[test]
    fn a_document_that_two_options_turn_on_is_fetched_with_either() {
        let with = |options: &[&str]| {
            let only_with = options.iter().map(|option| (*option).to_owned()).collect();
            vec![DocumentSpec {
                only_with,
                ..spec("costs", "/orgs/{org}/costs", Need::Optional, None)
            }]
        };
        let mut plan = Plan::new(Scope::Organization);
        plan.add(&manifest("one", with(&["a"]))).unwrap();
        plan.add(&manifest("two", with(&["b"]))).unwrap();
        assert_eq!(plan.into_documents()[0].only_with, ["a", "b"]);
        let mut plan = Plan::new(Scope::Organization);
        plan.add(&manifest("one", with(&["a"]))).unwrap();
        plan.add(&manifest("two", with(&[]))).unwrap();
        assert!(plan.into_documents()[0].only_with.is_empty());
    }

    #[test]
    fn one_name_for_two_documents_is_a_conflict_that_names_both_mappings() {
        let mut plan = Plan::new(Scope::Organization);
        let document = |path| vec![spec("seats", path, Need::Optional, None)];
        plan.add(&manifest("one", document("/orgs/{org}/seats"))).unwrap();
        let conflict = plan.add(&manifest("two", document("/orgs/{org}/billing"))).unwrap_err();
        assert_eq!(
            conflict.to_string(),
            "the mappings \"one\" and \"two\" have different documents named \"seats\": \
             plain /orgs/{org}/seats and plain /orgs/{org}/billing"
        );
    }
}
