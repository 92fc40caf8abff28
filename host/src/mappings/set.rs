//! The mappings that run for a target, one beside the other, and the documents that they want
//! together.

use std::collections::HashMap;
use std::sync::Arc;

use super::conflict::Conflict;
use super::plan::{Feed, Plan};
use crate::cache::Documents;
use crate::github::Document;
use crate::plugin::Mapping;
use crate::plugin::wit::{DocumentSpec, OptionValue};
use crate::settings::TargetSettings;
use crate::target::Scope;

/// A mapping in a set, and what it is fed.
pub struct Member {
    /// The mapping.
    pub mapping: Arc<Mapping>,
    feeds: [Vec<Feed>; 2],
}

impl Member {
    /// The documents that it is fed, in its order.
    pub fn feeds(&self, scope: Scope) -> &[Feed] {
        let [organization, enterprise] = &self.feeds;
        match scope {
            Scope::Organization => organization,
            Scope::Enterprise => enterprise,
        }
    }

    /// Those of a target's documents that it is fed, in its order.
    pub fn fed<'a>(
        &'a self,
        scope: Scope,
        documents: &'a Documents,
    ) -> impl Iterator<Item = (&'a Feed, &'a Document)> {
        let is = |feed: &Feed, document: &Document| document.source == feed.source;
        self.feeds(scope).iter().filter_map(move |feed| {
            let named = documents.get(&feed.document).filter(|document| is(feed, document));
            // Another mapping may have had another name for it.
            let found = named.or_else(|| documents.values().find(|document| is(feed, document)));
            Some((feed, found?))
        })
    }

    /// Those of a target's documents that it is fed, by themselves.
    pub fn own(&self, scope: Scope, documents: &Documents) -> Documents {
        let fed = self.fed(scope, documents);
        fed.map(|(feed, document)| (feed.document.clone(), document.clone())).collect()
    }

    /// Takes the document that it calls `name` out of those that it was fed, if it was.
    pub fn take(&self, scope: Scope, own: &mut Documents, name: &str) -> Option<(&Feed, Document)> {
        let feed = self.feeds(scope).iter().find(|feed| feed.name == name)?;
        Some((feed, own.remove(&feed.document)?))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.mapping.manifest().name
    }

    /// Those of a target's options that are its own.
    pub fn options(&self, settings: &TargetSettings) -> Vec<OptionValue> {
        let mut options = settings.mapping.to_wit();
        let own = &self.mapping.manifest().options;
        options.retain(|option| own.iter().any(|spec| spec.name == option.name));
        options
    }
}

/// Mappings that run beside one another. It never changes: another set takes its place.
#[derive(Default)]
pub struct MappingSet {
    members: Vec<Member>,
    documents: [Vec<DocumentSpec>; 2],
}

impl MappingSet {
    /// Puts mappings together. Where several want one document, the first says how it is fetched.
    pub fn new(mappings: impl IntoIterator<Item = Arc<Mapping>>) -> Result<Self, Conflict> {
        let mut families: HashMap<String, String> = HashMap::new();
        let mut plans = [Plan::new(Scope::Organization), Plan::new(Scope::Enterprise)];
        let mut members: Vec<Member> = Vec::new();
        for mapping in mappings {
            let manifest = mapping.manifest();
            let name = &manifest.name;
            for family in &manifest.families {
                if let Some(other) = families.insert(family.name.clone(), name.clone()) {
                    return Err(Conflict::Family(family.name.clone(), other, name.clone()));
                }
            }
            let [organization, enterprise] = &mut plans;
            let feeds = [organization.add(manifest)?, enterprise.add(manifest)?];
            members.push(Member { mapping, feeds });
        }
        Ok(Self { members, documents: plans.map(Plan::into_documents) })
    }

    /// The mappings, in the order of their families on `/metrics`.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Every document that any of them wants to be fetched, each once.
    pub fn documents(&self, scope: Scope) -> &[DocumentSpec] {
        let [organization, enterprise] = &self.documents;
        match scope {
            Scope::Organization => organization,
            Scope::Enterprise => enterprise,
        }
    }

    /// Whether it is of the same mappings, to the byte.
    pub fn is_same(&self, other: &Self) -> bool {
        let digests = |set: &Self| -> Vec<String> {
            set.members.iter().map(|member| member.mapping.sha256().to_owned()).collect()
        };
        digests(self) == digests(other)
    }
}
