//! Tries proposed mappings over what is cached, aside, and puts those that work in place, in one step
//! with what they made. No scrape waits for it, and none sees half of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::cache::{Documents, Samples, fingerprint};
use crate::mappings::{Change, Library, Member, Proposal, Refusal};
use crate::pipeline::{MapError, Mapped};
use crate::plugin::wit::{Malformed, Manifest};
use crate::plugin::{Mapping, RunError};
use crate::publisher::Placed;
use crate::refresh::Shared;
use crate::settings::TargetSettings;
use crate::target::Target;
use crate::telemetry::Swap;

/// How often documents may change while mappings are tried over them. Then refreshes wait.
const ROUNDS: usize = 2;

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
            shared.telemetry.mappings.set_quarantined(library.quarantined());
            (shared, proposal)
        });
        let Ok((shared, proposal)) = committed.await else { return published };
        self.report(&proposal, targets, cause);
        tokio::task::spawn_blocking(move || keep(&shared, kept));
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
                for settings in targets {
                    let documents = self.shared.cache.documents(&settings.target);
                    let of = fingerprint(member, settings, &documents);
                    let key = (settings.target.clone(), member.mapping.sha256().to_owned());
                    if trials.get(&key).is_some_and(|tried| tried.fingerprint == of) {
                        continue;
                    }
                    // What ran before, and what is built in, does what it can.
                    let lenient = cause == Cause::Rollback || proposal.is_default(&member.mapping);
                    match self.try_one(settings, member, &documents, lenient).await {
                        Ok((mapped, stored)) => {
                            trials.insert(key, Tried { fingerprint: of, mapped, stored });
                        }
                        Err(error) => {
                            let refusal = Refusal::Trial(settings.target.to_string(), error.into());
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
        if lenient {
            let good = Documents::new();
            let attempt =
                self.shared.map_what_can_be(settings, &blocking, member, documents, &good).await;
            return Ok((attempt.mapped.map(|(mapped, _)| mapped), false));
        }
        let run = self.shared.map(settings, &blocking, member, documents).await;
        let run = run.unwrap_or_else(|error| {
            Err(MapError::Read("of all".to_owned(), std::io::Error::other(error)))
        });
        match run {
            Ok(mapped) => Ok(((fed > 0).then_some(mapped), false)),
            // It lacks what is not there yet, and may say so.
            Err(MapError::Run(RunError::Malformed(Malformed { document, .. })))
                if is_missing(member, settings, documents, &document) =>
            {
                Ok((None, false))
            }
            Err(MapError::Run(RunError::Malformed(_))) if fed == 0 => Ok((None, false)),
            Err(error) => Err(error),
        }
    }

    /// Whether everything was tried over what is cached now.
    fn is_current(
        &self,
        proposal: &Proposal,
        targets: &[Arc<TargetSettings>],
        trials: &Trials,
    ) -> bool {
        targets.iter().all(|settings| {
            let documents = self.shared.cache.documents(&settings.target);
            let members = proposal.set().members().iter();
            members.filter(|member| is_new(proposal, member)).all(|member| {
                let key = (settings.target.clone(), member.mapping.sha256().to_owned());
                let now = fingerprint(member, settings, &documents);
                trials.get(&key).is_some_and(|tried| tried.fingerprint == now)
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
                    self.shared.telemetry.mappings.forget(target, Some(gone.name()));
                    kept.push(Kept::Nothing(target.clone(), gone.name().to_owned()));
                }
            }
        }
        (placed, kept, published)
    }

    /// Says what changed, in the log and in the metrics.
    fn report(&self, proposal: &Proposal, targets: &[Arc<TargetSettings>], cause: Cause) {
        let metrics = &self.shared.telemetry.mappings;
        let mut refused = false;
        for change in proposal.changes() {
            match change {
                Change::Added(path, mapping) => {
                    let (Manifest { name, version, .. }, sha256) =
                        (mapping.manifest(), mapping.sha256());
                    let file = path.display();
                    info!(%file, name, version, sha256, targets = targets.len(), "mapping in use");
                    metrics.replace(name);
                    let reason = if cause == Cause::Start { "start" } else { "added" };
                    metrics.count_swap(Swap::Success(reason));
                }
                Change::Removed(path, mapping) => {
                    let (file, name) = (path.display(), &mapping.manifest().name);
                    info!(%file, name, "mapping no longer in use");
                    metrics.count_swap(Swap::Success("removed"));
                }
                Change::RolledBack(path, mapping) => {
                    let (file, now) = (path.display(), in_place_of(proposal, mapping));
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
                    refused = true;
                }
            }
        }
        if !proposal.changes().is_empty() || cause == Cause::Start {
            let changed = !proposal.set().is_same(proposal.old_set());
            metrics.set_last_swap(!refused && cause != Cause::Rollback, changed);
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
