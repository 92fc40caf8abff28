//! What is published of one target.

use std::sync::Arc;

use super::status::{DocumentStatus, Outcome, Status, TargetStatus};
use crate::model::{Family, MappingId, Samples, Target, UnmappedField};

/// The samples that a mapping returned for a target.
#[derive(Clone, Debug)]
pub struct Published {
    /// The mapping that returned them.
    pub mapping: MappingId,
    /// Identifies what they were made of: see `runner::fingerprint`.
    pub fingerprint: String,
    /// The samples.
    pub samples: Arc<Samples>,
    /// The fields that the mapping does not know.
    pub unmapped: Arc<[UnmappedField]>,
}

impl Published {
    /// Whether it takes the place of what an entry serves: it is of the same mapping, or has the same family.
    fn replaces(&self, entry: &Entry) -> bool {
        let served = entry.published.iter().flat_map(|published| &published.samples.families);
        let mut served = served.map(|(family, _)| &family.name);
        let has = |name: &String| self.samples.families.iter().any(|(own, _)| own.name == *name);
        self.mapping.name == entry.mapping.name || served.any(has)
    }
}

/// What a target gets when its mappings change.
pub struct Placement {
    /// The target.
    pub target: Target,
    /// Its mappings from now on, with the families they may return.
    pub mappings: Vec<(MappingId, Vec<Arc<Family>>)>,
    /// The samples of those that are new.
    pub published: Vec<Published>,
    /// Whether these are all mappings. If not, restored samples of other ones stay, as their mappings
    /// may still be on their way.
    pub is_complete: bool,
}

/// The published state of one target.
pub(super) struct Part {
    pub target: Target,
    pub outcome: Outcome,
    pub documents: Vec<DocumentStatus>,
    pub entries: Vec<Entry>,
    /// The mappings of the replica whose samples are served. Empty: this one's own samples are.
    pub followed: Vec<MappingId>,
    /// Whether samples were served that had been stored.
    pub is_restored: bool,
}

/// A mapping in use and the samples that are served for it. Until it has returned some, those of the
/// mapping of the same name that it replaced are served.
pub(super) struct Entry {
    pub mapping: MappingId,
    pub published: Option<Published>,
    /// Whether only the replica that is followed has the mapping.
    pub is_foreign: bool,
}

impl Entry {
    /// The mapping whose samples are served, or will be.
    pub fn shown(&self) -> &MappingId {
        self.published.as_ref().map_or(&self.mapping, |published| &published.mapping)
    }
}

impl Part {
    pub fn new(target: Target) -> Self {
        let (outcome, documents, entries, followed) = Default::default();
        Self { target, outcome, documents, entries, followed, is_restored: false }
    }

    pub fn has_data(&self) -> bool {
        self.entries.iter().any(|entry| entry.published.is_some())
    }

    /// The mappings whose samples are served, or will be: the same in all replicas.
    pub fn shown(&self) -> Vec<&MappingId> {
        let of_entries = || self.entries.iter().map(Entry::shown);
        if self.followed.is_empty() {
            return of_entries().collect();
        }
        let served = self.entries.iter().filter_map(|entry| entry.published.as_ref());
        let served: Vec<&MappingId> = served.map(|published| &published.mapping).collect();
        let of_name = |name: &str| served.iter().find(|mapping| mapping.name == name).copied();
        let followed = self.followed.iter();
        let known = followed.map(|mapping| of_name(&mapping.name).unwrap_or(mapping));
        let is_unknown = |mapping: &&&MappingId| {
            self.followed.iter().all(|followed| followed.name != mapping.name)
        };
        known.chain(served.iter().filter(is_unknown).copied()).collect()
    }

    /// Whether it has data or has failed to get any.
    pub fn is_settled(&self) -> bool {
        self.has_data() || self.outcome.status != Status::Starting
    }

    /// Whether its samples are not those of a first refresh that still lacks documents.
    pub fn is_whole(&self) -> bool {
        let is_tried = match self.outcome.status {
            Status::Starting => false,
            // A leader that has everything has stored it a moment before.
            Status::Fresh => self.has_data(),
            _ => true,
        };
        self.is_restored || is_tried
    }

    /// The samples of its mappings that are left out because of a limit.
    pub fn left_out(&self) -> impl Iterator<Item = String> {
        let published = self.entries.iter().filter_map(|entry| entry.published.as_ref());
        published.filter_map(|published| {
            let left_out = published.samples.left_out.as_ref()?;
            Some(format!("mapping {}: {left_out}", published.mapping.name))
        })
    }

    pub fn status(&self) -> TargetStatus {
        let mut outcome = self.outcome.clone();
        outcome.left_out.extend(self.left_out());
        TargetStatus {
            target: self.target.clone(),
            outcome,
            mappings: self.shown().into_iter().cloned().collect(),
            has_data: self.has_data(),
            samples: self.samples(),
        }
    }

    fn samples(&self) -> Vec<Arc<Samples>> {
        let published = self.entries.iter().filter_map(|entry| entry.published.as_ref());
        published.map(|published| Arc::clone(&published.samples)).collect()
    }

    /// Serves what was stored, before it is known which mappings run.
    pub fn restore(&mut self, stored: Vec<Published>) {
        self.is_restored = true;
        self.entries.clear();
        for published in stored {
            self.restore_one(published);
        }
    }

    /// Changes the mappings. One of a name that was in use before keeps its samples, unless another
    /// mapping has one of their families now: it must not be served twice.
    pub fn place(&mut self, mappings: &[(MappingId, Vec<Arc<Family>>)], is_complete: bool) {
        let mut before = std::mem::take(&mut self.entries);
        let is_following = !self.followed.is_empty();
        let belongs_to_other = |family: &Family, name: &str| {
            let others = mappings.iter().filter(|(mapping, _)| mapping.name != name);
            others.flat_map(|(_, families)| families).any(|other| other.name == family.name)
        };
        let entries = mappings.iter().map(|(mapping, _)| {
            let name = &mapping.name;
            let old = before.iter_mut().find(|old| old.mapping.name == *name);
            let published = old.and_then(|old| old.published.take());
            let is_alone = |published: &Published| {
                let mut families = published.samples.families.iter();
                !families.any(|(family, _)| belongs_to_other(family, name))
            };
            // What is followed is served as it is.
            let is_served = |published: &Published| is_following || is_alone(published);
            let published = published.filter(is_served);
            Entry { mapping: mapping.clone(), published, is_foreign: false }
        });
        self.entries = entries.collect();
        if !is_complete || is_following {
            let is_free = |published: &Published| {
                let mut families = published.samples.families.iter();
                !families.any(|(family, _)| belongs_to_other(family, &published.mapping.name))
            };
            let is_other = |old: &Entry| {
                mappings.iter().all(|(mapping, _)| mapping.name != old.mapping.name)
                    && old.published.as_ref().is_some_and(|old| is_following || is_free(old))
            };
            self.entries.extend(before.into_iter().filter(is_other));
        }
    }

    /// Serves new samples. Those of a mapping that is not in use any more are ignored.
    pub fn publish(&mut self, published: Vec<Published>) {
        for published in published {
            let same = |entry: &&mut Entry| entry.mapping.sha256 == published.mapping.sha256;
            if let Some(entry) = self.entries.iter_mut().find(same) {
                entry.published = Some(published);
            }
        }
    }

    /// Serves exactly the samples that another replica has stored, which has these mappings, whatever
    /// mappings this one has. Those of a mapping without stored samples are not served: they would be a
    /// mixture.
    pub fn follow(&mut self, stored: Vec<Published>, mappings: &[MappingId]) {
        self.followed = mappings.to_vec();
        self.is_restored = true;
        // What the store has lost of the leader's samples, the leader stores again.
        let is_lost = |entry: &Entry| {
            let is_of_leader = mappings.iter().any(|mapping| mapping.name == entry.mapping.name);
            is_of_leader && !stored.iter().any(|stored| stored.replaces(entry))
        };
        self.entries.retain(|entry| !entry.is_foreign || is_lost(entry));
        for entry in self.entries.iter_mut().filter(|entry| !is_lost(entry)) {
            entry.published = None;
        }
        for published in stored {
            let same = |entry: &&mut Entry| entry.mapping.name == published.mapping.name;
            match self.entries.iter_mut().find(same) {
                Some(entry) => entry.published = Some(published),
                None => {
                    let mapping = published.mapping.clone();
                    let published = Some(published);
                    self.entries.push(Entry { mapping, published, is_foreign: true });
                }
            }
        }
        // Their order is that of the families.
        let position = |entry: &Entry| {
            let mut names = mappings.iter().map(|mapping| &mapping.name);
            names.position(|name| *name == entry.mapping.name).unwrap_or(usize::MAX)
        };
        self.entries.sort_by_key(position);
    }

    /// Serves the samples of its own mappings from now on.
    pub fn lead(&mut self) {
        self.followed.clear();
        self.entries.retain(|entry| !entry.is_foreign);
    }

    fn restore_one(&mut self, published: Published) {
        let mapping = published.mapping.clone();
        self.entries.push(Entry { mapping, published: Some(published), is_foreign: false });
    }

    /// The samples of a mapping that are served.
    pub fn published(&self, sha256: &str) -> Option<&Published> {
        let mut published = self.entries.iter().filter_map(|entry| entry.published.as_ref());
        published.find(|published| published.mapping.sha256 == sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FamilySamples, MetricKind, Scope};

    fn id(name: &str, version: &str) -> MappingId {
        let sha256 = format!("{name}{version}");
        MappingId { name: name.to_owned(), version: version.to_owned(), sha256 }
    }

    fn family(name: &str) -> Arc<Family> {
        let (name, help) = (name.to_owned(), "h".to_owned());
        Arc::new(Family {
            name,
            help,
            kind: MetricKind::Gauge,
            label_names: vec![],
            enabled_by: None,
            detail: 0,
        })
    }

    fn published(mapping: MappingId, name: &str) -> Published {
        let columns = FamilySamples {
            name: name.to_owned(),
            label_values: vec![],
            values: vec![1.0],
            timestamps: None,
        };
        let samples = Samples { families: vec![(family(name), columns)], ..Samples::default() };
        let (samples, unmapped) = (Arc::new(samples), Arc::from([]));
        Published { mapping, fingerprint: "f".to_owned(), samples, unmapped }
    }

    fn shown(part: &Part) -> Vec<(&str, bool)> {
        let entries = part.entries.iter();
        entries.map(|entry| (&*entry.shown().sha256, entry.published.is_some())).collect()
    }

    #[test]
    fn the_samples_of_a_mapping_stay_until_its_successor_has_some() {
        let mut part = Part::new(Target::new(Scope::Organization, "octo-org").unwrap());
        part.restore(vec![published(id("a", "1"), "a_seats")]);
        assert_eq!(shown(&part), [("a1", true)]);
        part.place(&[(id("a", "2"), vec![family("a_seats")])], true);
        assert_eq!(shown(&part), [("a1", true)]);
        // What a mapping returns that is not in use is ignored.
        part.publish(vec![published(id("a", "3"), "a_seats")]);
        assert_eq!(shown(&part), [("a1", true)]);
        part.publish(vec![published(id("a", "2"), "a_seats")]);
        assert_eq!(shown(&part), [("a2", true)]);
        assert!(part.published("a1").is_none());
        assert_eq!(part.published("a2").unwrap().fingerprint, "f");
    }

    #[test]
    fn restored_samples_stay_until_their_mapping_is_loaded() {
        let mut part = Part::new(Target::new(Scope::Organization, "octo-org").unwrap());
        part.restore(vec![published(id("a", "1"), "a_seats"), published(id("b", "1"), "b_seats")]);
        part.place(&[(id("a", "1"), vec![family("a_seats")])], false);
        assert_eq!(shown(&part), [("a1", true), ("b1", true)]);
        part.place(&[(id("a", "1"), vec![family("a_seats")])], true);
        assert_eq!(shown(&part), [("a1", true)]);
    }

    #[test]
    fn what_another_replica_has_stored_replaces_everything() {
        let mut part = Part::new(Target::new(Scope::Organization, "octo-org").unwrap());
        part.place(&[(id("a", "2"), vec![]), (id("b", "1"), vec![])], true);
        part.publish(vec![published(id("a", "2"), "seats"), published(id("b", "1"), "b_seats")]);
        assert!(!part.is_whole());
        // The other replica has an older version of one mapping, and others.
        let stored = vec![published(id("a", "1"), "seats"), published(id("c", "1"), "c_seats")];
        part.follow(stored, &[id("c", "1"), id("a", "1"), id("d", "1")]);
        assert_eq!(shown(&part), [("c1", true), ("a1", true), ("b1", false)]);
        // Those without samples are named too, and mappings that only this replica has are not.
        assert_eq!(part.shown(), [&id("c", "1"), &id("a", "1"), &id("d", "1")]);
        // Its own mappings change.
        part.place(&[(id("a", "3"), vec![family("c_seats")])], true);
        assert_eq!(part.shown(), [&id("c", "1"), &id("a", "1"), &id("d", "1")]);
        // The other one was updated.
        let stored = vec![published(id("a", "3"), "seats"), published(id("b", "1"), "b_seats")];
        part.follow(stored, &[id("a", "3"), id("b", "1")]);
        assert_eq!(shown(&part), [("a3", true), ("b1", true)]);
        assert!(part.is_whole());
        // This replica becomes the leader.
        part.lead();
        assert_eq!(part.shown(), [&id("a", "3")]);
    }

    #[test]
    fn samples_of_the_leader_that_the_store_has_lost_stay_unless_another_mapping_has_their_families()
     {
        let mut part = Part::new(Target::new(Scope::Organization, "octo-org").unwrap());
        part.place(&[(id("a", "1"), vec![])], true);
        let (a, b) = (published(id("a", "1"), "seats"), published(id("b", "1"), "b_seats"));
        let mappings = [id("a", "1"), id("b", "1")];
        part.follow(vec![a.clone(), b.clone()], &mappings);
        assert_eq!(shown(&part), [("a1", true), ("b1", true)]);
        for stored in [vec![a.clone()], vec![b.clone()]] {
            part.follow(stored, &mappings);
            assert_eq!(shown(&part), [("a1", true), ("b1", true)]);
        }
        part.follow(vec![published(id("b", "2"), "seats")], &[id("a", "1"), id("b", "2")]);
        assert_eq!(shown(&part), [("a1", false), ("b2", true)]);
        part.follow(vec![b], &[id("b", "1")]);
        assert_eq!(shown(&part), [("b1", true), ("a1", false)]);
    }

    #[test]
    fn a_family_that_moved_to_another_mapping_is_not_served_twice() {
        let mut part = Part::new(Target::new(Scope::Organization, "octo-org").unwrap());
        part.restore(vec![published(id("a", "1"), "seats")]);
        part.place(&[(id("a", "2"), vec![]), (id("b", "1"), vec![family("seats")])], true);
        assert_eq!(shown(&part), [("a2", false), ("b1", false)]);
        assert!(!part.has_data());
    }
}
