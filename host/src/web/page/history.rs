//! What the mappings of a target make of its documents, day by day.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio_util::task::TaskTracker;

use crate::model::Documents;
use crate::mappings::{MappingSet, Member};
use crate::runner::pipeline::{self, MapError};
use crate::model::{Malformed, SampleSet};
use crate::wasm::{Mapping, RunError};
use crate::refresh::{Feeding, MAX_RUNS, Shared};
use crate::config::TargetSettings;

/// More than anybody counts. Without what is larger, every sum is a number.
const MOST: f64 = 1e15;

/// The samples of many days.
#[derive(Default)]
pub(super) struct History {
    parts: Vec<(Arc<Mapping>, SampleSet)>,
    /// What is in the manifests.
    declared: HashSet<String>,
    /// Why mappings made none.
    pub(super) failures: Vec<String>,
}

/// A sample of a day.
pub(super) struct Sample<'a> {
    labels: Vec<(&'a str, &'a str)>,
    /// The day.
    pub(super) day: Date,
    /// The value.
    pub(super) value: f64,
}

impl Sample<'_> {
    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(of, _)| *of == name).map(|(_, value)| *value)
    }
}

impl History {
    /// Runs those mappings that have any of the families.
    pub(super) async fn run(
        shared: &Shared,
        settings: &TargetSettings,
        set: &MappingSet,
        documents: &Documents,
        families: &'static [&'static str],
    ) -> Self {
        let mut history = Self::default();
        let manifests = set.members().iter().map(|member| member.mapping.manifest());
        history.declared =
            manifests.flat_map(|of| &of.families).map(|family| family.name.clone()).collect();
        for member in set.members().iter().filter(|member| has_any(member, families)) {
            match of_member(shared, settings, member, documents, families).await {
                Ok(Some(samples)) => history.parts.push((Arc::clone(&member.mapping), samples)),
                Ok(None) => {}
                Err(failure) => {
                    history.failures.push(format!("mapping {}: {failure}", member.name()));
                }
            }
        }
        history
    }

    /// Whether any of the mappings may have the family.
    pub(super) fn declares(&self, family: &str) -> bool {
        self.declared.contains(family)
    }

    /// The samples of a family.
    pub(super) fn samples<'a>(&'a self, family: &str) -> impl Iterator<Item = Sample<'a>> {
        self.parts.iter().flat_map(move |(mapping, set)| {
            let declared = mapping.manifest().families.iter().find(|of| of.name == family);
            let samples = set.families.iter().find(|of| of.name == family);
            declared.zip(samples).into_iter().flat_map(move |(family, samples)| {
                let names = &family.label_names;
                let times = samples.timestamps.iter().flatten();
                times.zip(&samples.values).enumerate().filter_map(move |(at, (time, value))| {
                    let ids = samples.label_values.get(at * names.len()..(at + 1) * names.len())?;
                    let values = ids.iter().filter_map(|id| set.strings.get(*id as usize));
                    let labels = names.iter().map(String::as_str).zip(values.map(String::as_str));
                    let time = Timestamp::from_millisecond(*time).ok()?;
                    if value.abs() > MOST {
                        return None;
                    }
                    let day = time.to_zoned(TimeZone::UTC).date();
                    Some(Sample { labels: labels.collect(), day, value: *value })
                })
            })
        })
    }
}

fn has_any(member: &Member, families: &[&str]) -> bool {
    let declared = &member.mapping.manifest().families;
    declared.iter().any(|family| families.contains(&family.name.as_str()))
}

/// Runs a mapping, without the documents that it finds malformed. `None`: nothing is there for it.
async fn of_member(
    shared: &Shared,
    settings: &TargetSettings,
    member: &Member,
    documents: &Documents,
    families: &'static [&'static str],
) -> Result<Option<SampleSet>, String> {
    let scope = settings.target.scope();
    let mut own = member.own(scope, documents);
    for _ in 0..MAX_RUNS {
        if own.is_empty() {
            return Ok(None);
        }
        let run = |feeding: Feeding| {
            let (mapping, bodies) = (&feeding.mapping, feeding.readers());
            pipeline::history(mapping, &feeding.target, &feeding.options, bodies, families)
        };
        // It goes on, even when the exporter stops; nothing comes of it then.
        let ran = shared.run(settings, &TaskTracker::new(), member, &own, run).await;
        let error = match ran.map_err(|error| error.to_string())? {
            Ok(samples) => return Ok(Some(samples)),
            Err(error) => error,
        };
        // By itself: what is served is as it was.
        shared.telemetry.mappings.count_failure(&settings.target, member.name(), "pictures");
        let MapError::Run(RunError::Malformed(Malformed { document, .. })) = &error else {
            return Err(error.to_string());
        };
        if member.take(scope, &mut own, document).is_none() {
            return Err(error.to_string());
        }
    }
    Err(format!("it found {MAX_RUNS} documents malformed"))
}
