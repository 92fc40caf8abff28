//! Tries proposed mappings over what is cached, aside, and puts those that work in place, in one step
//! with what they made. No scrape waits for it, and none sees half of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::store::{Documents, Samples, fingerprint};
use crate::mappings::{Change, Library, MappingSet, Member, Proposal, Refusal};
use crate::runner::pipeline::{MapError, Mapped};
use crate::model::{Malformed, Manifest};
use crate::wasm::{Mapping, RunError};
use crate::output::publisher::Placed;
use crate::refresh::Shared;
use crate::config::TargetSettings;
use crate::model::Target;
use crate::telemetry::Swap;

/// How often documents may change while mappings are tried over them. Then refreshes wait.
const ROUNDS: usize = 2;
/// How many targets a mapping is tried for at once.
const TRIALS: usize = 2;

/// Why mappings are swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing has run yet.
    Start,
    /// Files or settings have changed.
    Change,
    /// A mapping failed again and again.
    Rollback,
}

/// The mappings whose samples are out, by target: their SHA-256.
pub type Published = HashMap<Target, HashSet<String>>;

/// Puts proposals in place.
pub struct Swapper {
    shared: Arc<Shared>,
    library: Arc<Mutex<Library>>,
}

/// A trial that ended well.
struct Tried {
    /// Of what: see [`fingerprint`].
    fingerprint: String,
    /// What it gave, if there was anything to map.
    mapped: Option<Mapped>,
    /// Whether it is kept already.
    stored: bool,
}

/// By target and SHA-256.
type Trials = HashMap<(Target, String), Tried>;

impl Swapper {
    /// Swaps in this library.
    pub fn new(shared: Arc<Shared>, library: Arc<Mutex<Library>>) -> Self {
        Self { shared, library }
    }

    /// The proposal with those mappings only that have run over the same documents before, and the default one.
    pub async fn proven(&self, proposal: &Proposal, targets: &[Arc<TargetSettings>]) -> Proposal {
        let mut unproven: HashSet<String> = HashSet::new();
        let blocking = TaskTracker::new();
        let set = Arc::clone(proposal.set());
        let of_files = set.members().iter().filter(|of| !proposal.is_default(&of.mapping));
        // It may have to stand in for one of them.
        let default = MappingSet::new(proposal.default_mapping().cloned()).unwrap_or_default();
        for member in of_files.chain(default.members()) {
            for settings in targets {
                let documents = self.shared.cache.documents(&settings.target);
                if member.fed(settings.target.scope(), &documents).next().is_none() {
                    continue;
                }
                match self.shared.stored(settings, &blocking, member, &documents).await {
                    Ok(Some(_)) => continue,
                    Ok(None) => {}
                    Err(error) => self.shared.count_store_error(&settings.target, "load", &error),
                }
                unproven.insert(member.mapping.sha256().to_owned());
            }
        }
        proposal.only(|mapping| !unproven.contains(mapping.sha256()))
    }

    /// Tries a proposal for these targets, those of its source, and puts in place what works.
    pub async fn swap(
        &self,
        mut proposal: Proposal,
        targets: &[Arc<TargetSettings>],
        cause: Cause,
    ) -> Published {
        let mut trials = Trials::new();
        let mut round = 0;
        let _no_refresh = loop {
            let held = match round {
                ROUNDS => Some(self.shared.swapping.write().await),
                _ => None,
            };
            self.try_all(&mut proposal, targets, cause, &mut trials).await;
            let held = match held {
                Some(held) => break held,
                None => self.shared.swapping.write().await,
            };
            if self.is_current(&proposal, targets, &trials) {
                break held;
            }
            round += 1;
        };
        if cause == Cause::Rollback && !self.is_better(&proposal, targets, &trials) {
            return Published::new();
        }
        let (placed, kept, published) = self.collect(&proposal, targets, trials);
        let (shared, library) = (Arc::clone(&self.shared), Arc::clone(&self.library));
        let changed = !proposal.set().is_same(proposal.old_set());
        let committed = tokio::task::spawn_blocking(move || {
            if changed {
                // It compresses everything there is.
                shared.publisher.place(placed);
            }
            let mut library = library.lock().unwrap_or_else(PoisonError::into_inner);
            library.commit(&proposal);
            let metrics = &shared.telemetry.mappings;
            metrics.set_quarantined(library.quarantined());
            let refused = library.has_refused() || proposal.has_refused();
            metrics.set_last_swap(!refused, changed);
            metrics.keep_only_anywhere(&library.names());
            drop(library);
            keep(&shared, kept);
            proposal
        });
        if let Ok(proposal) = committed.await {
            self.report(&proposal, targets, cause);
        }
        published
    }

    /// Tries every mapping that is new, until all that are left have passed.
    async fn try_all(
        &self,
        proposal: &mut Proposal,
        targets: &[Arc<TargetSettings>],
        cause: Cause,
        trials: &mut Trials,
    ) {
        'again: loop {
            let set = Arc::clone(proposal.set());
            for member in set.members().iter().filter(|member| is_new(proposal, member)) {
                // What ran before, and what is built in, does what it can.
                let lenient = cause == Cause::Rollback || proposal.is_default(&member.mapping);
                let pending = targets.iter().filter_map(|settings| {
                    let documents = self.shared.cache.documents(&settings.target);
                    let of = fingerprint(member, settings, &documents);
                    let key = (settings.target.clone(), member.mapping.sha256().to_owned());
                    let is_tried = trials.get(&key).is_some_and(|tried| tried.fingerprint == of);
                    (!is_tried).then_some((settings, documents, of, key))
                });
                let pending: Vec<_> = pending.collect();
                let runs =
                    pending.into_iter().map(|(settings, documents, fingerprint, key)| async move {
                        let tried =
                            self.try_one(settings, member, &documents, lenient, cause).await;
                        (tried.map(|(mapped, stored)| Tried { fingerprint, mapped, stored }), key)
                    });
                // The first that fails ends it: one that spins is not waited for once for every target.
                let mut runs = stream::iter(runs).buffer_unordered(TRIALS);
                while let Some((tried, key)) = runs.next().await {
                    match tried {
                        Ok(tried) => _ = trials.insert(key, tried),
                        Err(error) => {
                            drop(runs);
                            let refusal = Refusal::Trial(key.0.to_string(), error.into());
                            proposal.refuse_mapping(&member.mapping, refusal);
                            continue 'again;
                        }
                    }
                }
            }
            return;
        }
    }

    /// Tries a mapping over what is cached of a target. `None`: there is nothing for it.
    async fn try_one(
        &self,
        settings: &TargetSettings,
        member: &Member,
        documents: &Documents,
        lenient: bool,
        cause: Cause,
    ) -> Result<(Option<Mapped>, bool), MapError> {
        let blocking = TaskTracker::new();
        let fed = member.fed(settings.target.scope(), documents).count();
        if fed > 0 {
            match self.shared.stored(settings, &blocking, member, documents).await {
                Ok(Some(mapped)) => return Ok((Some(mapped), true)),
                Ok(None) => {}
                Err(error) => self.shared.count_store_error(&settings.target, "load", &error),
            }
        }
        let start = cause == Cause::Start;
        let good = Documents::new();
        let what_can_be =
            || self.shared.map_what_can_be(settings, &blocking, member, documents, &good);
        if lenient {
            let attempt = what_can_be().await;
            // What is left out at a start is for the refresh to deal with.
            let whole = attempt.malformed.is_empty() || !start;
            return Ok((attempt.mapped.filter(|_| whole).map(|(mapped, _)| mapped), false));
        }
        let run = self.shared.map(settings, &blocking, member, documents).await;
        let error = match run.unwrap_or_else(|error| Err(MapError::Ended(error))) {
            Ok(mapped) => return Ok(((fed > 0).then_some(mapped), false)),
            Err(error) => error,
        };
        let MapError::Run(RunError::Malformed(Malformed { document, .. })) = &error else {
            return Err(error);
        };
        // It lacks what is not there yet, and may say so.
        if fed == 0 || is_missing(member, settings, documents, document) {
            return Ok((None, false));
        }
        // At a start nothing else could stay in use: one bad document does not take the others down.
        match start && what_can_be().await.mapped.is_some() {
            true => Ok((None, false)),
            false => Err(error),
        }
    }

    /// Whether the mappings that come back make something of what those that go fail at.
    fn is_better(
        &self,
        proposal: &Proposal,
        targets: &[Arc<TargetSettings>],
        trials: &Trials,
    ) -> bool {
        self.all_tried(proposal, targets, trials, |member, settings, documents, tried| {
            tried.mapped.is_some()
                || member.fed(settings.target.scope(), documents).next().is_none()
        })
    }

    /// Whether everything was tried over what is cached now.
    fn is_current(
        &self,
        proposal: &Proposal,
        targets: &[Arc<TargetSettings>],
        trials: &Trials,
    ) -> bool {
        self.all_tried(proposal, targets, trials, |member, settings, documents, tried| {
            tried.fingerprint == fingerprint(member, settings, documents)
        })
    }

    /// Whether every new mapping was tried for every target, and each trial is such.
    fn all_tried(
        &self,
        proposal: &Proposal,
        targets: &[Arc<TargetSettings>],
        trials: &Trials,
        is: impl Fn(&Member, &TargetSettings, &Documents, &Tried) -> bool,
    ) -> bool {
        targets.iter().all(|settings| {
            let documents = self.shared.cache.documents(&settings.target);
            let members = proposal.set().members().iter();
            members.filter(|member| is_new(proposal, member)).all(|member| {
                let key = (settings.target.clone(), member.mapping.sha256().to_owned());
                trials.get(&key).is_some_and(|tried| is(member, settings, &documents, tried))
            })
        })
    }

    /// What every target gets, what of it is to be kept in the store, and whose samples are out then.
    fn collect(
        &self,
        proposal: &Proposal,
        targets: &[Arc<TargetSettings>],
        mut trials: Trials,
    ) -> (Vec<Placed>, Vec<Kept>, Published) {
        let (mut placed, mut kept, mut published) = (Vec::new(), Vec::new(), Published::new());
        for member in proposal.set().members().iter().filter(|member| is_new(proposal, member)) {
            self.shared.telemetry.mappings.replace(member.name());
        }
        for settings in targets {
            let target = &settings.target;
            let mut families = Vec::new();
            for member in proposal.set().members() {
                let sha256 = member.mapping.sha256().to_owned();
                let Some(tried) = trials.remove(&(target.clone(), sha256.clone())) else {
                    continue;
                };
                let Some(mapped) = tried.mapped else { continue };
                self.shared.telemetry.mappings.set_samples(target, member.name(), &mapped);
                if !tried.stored {
                    let samples = Samples::new(tried.fingerprint, &mapped);
                    kept.push(Kept::Samples(target.clone(), member.name().to_owned(), samples));
                }
                published.entry(target.clone()).or_default().insert(sha256.clone());
                families.push((sha256, mapped.families));
            }
            let set = Arc::clone(proposal.set());
            placed.push(Placed { target: target.clone(), set, families });
            for gone in proposal.old_set().members() {
                let stays = |member: &Member| member.name() == gone.name();
                if !proposal.set().members().iter().any(stays) {
                    kept.push(Kept::Nothing(target.clone(), gone.name().to_owned()));
                }
            }
            let names: Vec<&str> = proposal.set().members().iter().map(Member::name).collect();
            self.shared.telemetry.mappings.keep_only(target, &names);
        }
        (placed, kept, published)
    }

    /// Says what changed, in the log and in the metrics.
    fn report(&self, proposal: &Proposal, targets: &[Arc<TargetSettings>], cause: Cause) {
        let metrics = &self.shared.telemetry.mappings;
        for change in proposal.changes() {
            match change {
                Change::Added(path, mapping) => {
                    let (Manifest { name, version, .. }, sha256) =
                        (mapping.manifest(), mapping.sha256());
                    let file = path.display();
                    info!(%file, name, version, sha256, targets = targets.len(), "mapping in use");
                    let reason = if cause == Cause::Start { "start" } else { "added" };
                    metrics.count_swap(Swap::Success(reason));
                }
                Change::Removed(path, mapping) => {
                    let (file, name) = (path.display(), &mapping.manifest().name);
                    info!(%file, name, "mapping no longer in use");
                    metrics.count_swap(Swap::Success("removed"));
                }
                Change::RolledBack(path, mapping) => {
                    let (file, now) = (path.display(), in_place_of(proposal, &mapping));
                    let (Manifest { name, version, .. }, sha256) =
                        (mapping.manifest(), mapping.sha256());
                    warn!(%file, name, version, sha256, now, "mapping rolled back: it failed again and again, and is not tried again until the file changes");
                    metrics.count_swap(Swap::Success("rollback"));
                    metrics.count_rollback(name);
                }
                Change::Refused(path, refusal) => {
                    let (file, reason) = (path.display(), refusal.cause());
                    warn!(%file, reason, error = %refusal, "mapping refused; what was in use stays");
                    metrics.count_swap(Swap::Failure(reason));
                }
            }
        }
    }
}

/// What is kept over a restart.
enum Kept {
    Samples(Target, String, Samples),
    Nothing(Target, String),
}

fn keep(shared: &Shared, kept: Vec<Kept>) {
    for one in kept {
        let (target, result) = match one {
            Kept::Samples(target, mapping, samples) => {
                let saved = shared.cache.save_samples(&target, &mapping, &samples);
                (target, saved)
            }
            Kept::Nothing(target, mapping) => {
                let removed = shared.cache.remove_samples(&target, &mapping);
                (target, removed)
            }
        };
        if let Err(error) = result {
            shared.count_store_error(&target, "save", &error);
        }
    }
}

/// Whether a mapping is not in use yet.
fn is_new(proposal: &Proposal, member: &Member) -> bool {
    let same = |old: &Member| old.mapping.sha256() == member.mapping.sha256();
    !proposal.old_set().members().iter().any(same)
}

/// Whether a document that a mapping complains about is none that it was given.
fn is_missing(
    member: &Member,
    settings: &TargetSettings,
    documents: &Documents,
    name: &str,
) -> bool {
    let scope = settings.target.scope();
    let known = member.feeds(scope).iter().any(|feed| feed.name == *name);
    known && !member.fed(scope, documents).any(|(feed, _)| feed.name == *name)
}

/// The version of the mapping that took the place of one.
fn in_place_of(proposal: &Proposal, mapping: &Mapping) -> String {
    let name = &mapping.manifest().name;
    let mut members = proposal.set().members().iter();
    let now = members.find(|member| member.name() == name);
    now.map(|member| member.mapping.manifest().version.clone()).unwrap_or_default()
}
