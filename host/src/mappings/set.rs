//! The mappings that run for a target side by side, and the documents that they want together.

use std::collections::HashMap;
use std::sync::Arc;

use super::conflict::Conflict;
use super::plan::{Feed, Plan};
use crate::model::names::{with_suffixes, without_suffix};
use crate::model::{Document, DocumentSpec, Documents, MappingId, MappingOption, Part, Scope};
use crate::wasm::{Mapping, Version};

/// A mapping of a set, and the documents that it is fed.
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

    /// The documents of a target that it is fed, in its order.
    pub fn fed<'a>(
        &'a self,
        scope: Scope,
        documents: &'a Documents,
    ) -> impl Iterator<Item = (&'a Feed, &'a Document)> {
        let is_fed = |feed: &Feed, document: &Document| document.source == feed.source;
        self.feeds(scope).iter().filter_map(move |feed| {
            let named = documents.get(&feed.document).filter(|document| is_fed(feed, document));
            // Another mapping may have had another name for it.
            let found = named.or_else(|| documents.values().find(|other| is_fed(feed, other)));
            Some((feed, found?))
        })
    }

    /// The parts of a document that it is fed. A mapping built for contract 0.1 expects a joined
    /// document to be of the joined day only; later versions get the newest day too.
    pub fn parts_for<'a>(
        &self,
        feed: &Feed,
        document: &'a Document,
        documents: &Documents,
    ) -> Vec<&'a Part> {
        let is_joined = |part: &&Part| {
            let mut days = feed.same_day_as.iter().filter_map(|name| documents.get(name));
            part.day.is_some() && days.any(|other| other.report_day == part.day)
        };
        let joined: Vec<&Part> = match self.mapping.version() {
            Version::V0_1 => document.parts.iter().filter(is_joined).collect(),
            Version::V0_2 => Vec::new(),
        };
        match joined.is_empty() {
            true => document.parts.iter().collect(),
            false => joined,
        }
    }

    /// A copy of the documents of a target that it is fed, by their names in the store.
    pub fn own(&self, scope: Scope, documents: &Documents) -> Documents {
        let fed = self.fed(scope, documents);
        fed.map(|(feed, document)| (feed.document.clone(), document.clone())).collect()
    }

    /// Takes the document that it calls `name` out of those that it was fed.
    pub fn take(&self, scope: Scope, own: &mut Documents, name: &str) -> Option<(&Feed, Document)> {
        let feed = self.feeds(scope).iter().find(|feed| feed.name == name)?;
        Some((feed, own.remove(&feed.document)?))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.mapping.name()
    }

    /// The options of a target that it has.
    pub fn options(&self, options: &[MappingOption]) -> Vec<MappingOption> {
        let manifest = self.mapping.manifest();
        options.iter().filter(|option| manifest.has_option(&option.name)).cloned().collect()
    }
}

/// Mappings that run side by side. It never changes: another set replaces it.
#[derive(Default)]
pub struct MappingSet {
    members: Vec<Member>,
    documents: [Vec<DocumentSpec>; 2],
}

impl MappingSet {
    /// Combines mappings. If several want one document, the first one decides how it is fetched.
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
                let similar = with_suffixes(&family.name)
                    .chain(without_suffix(&family.name).map(str::to_owned));
                for similar in similar {
                    if let Some(other) = families.get(&similar) {
                        let [one, other] = [family.name.clone(), other.clone()];
                        return Err(Conflict::Suffix(one, name.clone(), similar, other));
                    }
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

    /// Every document that any of them wants, each once.
    pub fn documents(&self, scope: Scope) -> &[DocumentSpec] {
        let [organization, enterprise] = &self.documents;
        match scope {
            Scope::Organization => organization,
            Scope::Enterprise => enterprise,
        }
    }

    /// What identifies the mappings, in their order.
    pub fn ids(&self) -> Vec<MappingId> {
        self.members.iter().map(|member| member.mapping.id()).collect()
    }

    /// Whether it has the same mappings, to the byte.
    pub fn is_same(&self, other: &Self) -> bool {
        self.ids() == other.ids()
    }
}
