//! The closed metrics API: an array of days, each nested by part, editor, model and language.
//!
//! github.com answers 404 since 2026-04-02; GitHub Enterprise Server may still answer it, and
//! recorded files of it exist everywhere. It feeds the ten gauges of the original exporter.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::original::{CODE_COMPLETIONS, DOTCOM_CHAT, IDE_CHAT, Original, PULL_REQUESTS};
use crate::samples::{Catalogue, FamilyId, Samples};
use crate::time::Day;
use crate::values::{Count, Known, Name, Object, or_unknown};

/// One day. Only the date is sure to be there; GitHub writes null for parts without data.
#[derive(Debug, Deserialize)]
pub struct LegacyDay<'a> {
    pub date: Day,
    #[serde(default)]
    total_active_users: Option<Count>,
    #[serde(default)]
    total_engaged_users: Option<Count>,
    #[serde(borrow, default)]
    copilot_ide_code_completions: Option<Object<Part<'a>>>,
    #[serde(borrow, default)]
    copilot_ide_chat: Option<Object<Part<'a>>>,
    #[serde(borrow, default)]
    copilot_dotcom_chat: Option<Object<Part<'a>>>,
    #[serde(borrow, default)]
    copilot_dotcom_pull_requests: Option<Object<Part<'a>>>,
}

/// A part of Copilot. Which of the arrays are there depends on the part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    total_engaged_users: Option<Count>,
    #[serde(borrow)]
    languages: Option<Vec<Object<Language<'a>>>>,
    #[serde(borrow)]
    editors: Option<Vec<Object<Group<'a>>>>,
    #[serde(borrow)]
    models: Option<Vec<Object<Model<'a>>>>,
    #[serde(borrow)]
    repositories: Option<Vec<Object<Group<'a>>>>,
}

/// An editor or a repository, with its models.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group<'a> {
    #[serde(borrow)]
    name: Option<Name<'a>>,
    total_engaged_users: Option<Count>,
    #[serde(borrow)]
    models: Option<Vec<Object<Model<'a>>>>,
}

/// A model. The original's gauges have no label for it: its numbers are summed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model<'a> {
    #[serde(rename = "name")]
    _name: Known,
    is_custom_model: Option<bool>,
    #[serde(rename = "custom_model_training_date")]
    _custom_model_training_date: Known,
    #[serde(rename = "total_engaged_users")]
    _total_engaged_users: Known,
    total_chats: Option<Count>,
    total_chat_insertion_events: Option<Count>,
    total_chat_copy_events: Option<Count>,
    total_pr_summaries_created: Option<Count>,
    #[serde(borrow)]
    languages: Option<Vec<Object<Language<'a>>>>,
}

/// A language: with its users at the top of a part, with code counts under a model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Language<'a> {
    #[serde(borrow)]
    name: Option<Name<'a>>,
    total_engaged_users: Option<Count>,
    total_code_suggestions: Option<Count>,
    total_code_acceptances: Option<Count>,
    total_code_lines_suggested: Option<Count>,
    total_code_lines_accepted: Option<Count>,
}

/// The labels `editor language stream` of a sample.
type Labels = [String; 3];

/// The samples of one family of one day.
type Values = BTreeMap<Labels, f64>;

/// What is kept of one day. Numbers are sums: over models, and over an editor or language that
/// comes twice. Users are distinct, so that of two counts for the same labels the greater stays.
#[derive(Default)]
struct DaySamples {
    active_users: Values,
    engaged_users: Values,
    custom_model: Values,
    chats: Values,
    chat_copies: Values,
    chat_insertions: Values,
    suggestions: Values,
    acceptances: Values,
    lines_suggested: Values,
    lines_accepted: Values,
    /// By repository.
    summaries: BTreeMap<String, f64>,
}

fn labels(editor: &str, language: &str, stream: &str) -> Labels {
    [editor, language, stream].map(str::to_owned)
}

fn sum(values: &mut Values, labels: &Labels, count: Option<Count>) {
    if let Some(Count(count)) = count {
        *values.entry(labels.clone()).or_default() += count;
    }
}

fn greatest(values: &mut Values, labels: &Labels, count: Option<Count>) {
    if let Some(Count(count)) = count {
        let value = values.entry(labels.clone()).or_default();
        *value = value.max(count);
    }
}

impl DaySamples {
    fn new(day: &LegacyDay<'_>) -> Self {
        let mut samples = Self::default();
        let top = labels("", "", "");
        greatest(&mut samples.active_users, &top, day.total_active_users);
        greatest(&mut samples.engaged_users, &top, day.total_engaged_users);
        for (stream, part) in [
            (CODE_COMPLETIONS, &day.copilot_ide_code_completions),
            (IDE_CHAT, &day.copilot_ide_chat),
            (DOTCOM_CHAT, &day.copilot_dotcom_chat),
            (PULL_REQUESTS, &day.copilot_dotcom_pull_requests),
        ] {
            if let Some(part) = part {
                samples.add_part(stream, part);
            }
        }
        samples
    }

    fn add_part(&mut self, stream: &str, part: &Part<'_>) {
        greatest(&mut self.engaged_users, &labels("", "", stream), part.total_engaged_users);
        for language in part.languages.iter().flatten() {
            let at = labels("", or_unknown(language.name.as_deref()), stream);
            greatest(&mut self.engaged_users, &at, language.total_engaged_users);
        }
        for editor in part.editors.iter().flatten() {
            let name = or_unknown(editor.name.as_deref());
            let at = labels(name, "", stream);
            greatest(&mut self.engaged_users, &at, editor.total_engaged_users);
            for model in editor.models.iter().flatten() {
                self.add_model(name, stream, model);
            }
        }
        for model in part.models.iter().flatten() {
            self.add_model("", stream, model);
        }
        for repository in part.repositories.iter().flatten() {
            let name = or_unknown(repository.name.as_deref());
            for model in repository.models.iter().flatten() {
                self.add_model("", stream, model);
                if let Some(Count(created)) = model.total_pr_summaries_created {
                    *self.summaries.entry(name.to_owned()).or_default() += created;
                }
            }
        }
    }

    fn add_model(&mut self, editor: &str, stream: &str, model: &Model<'_>) {
        let at = labels(editor, "", stream);
        let custom = model.is_custom_model.map(|custom| Count(f64::from(u8::from(custom))));
        greatest(&mut self.custom_model, &at, custom);
        sum(&mut self.chats, &at, model.total_chats);
        sum(&mut self.chat_copies, &at, model.total_chat_copy_events);
        sum(&mut self.chat_insertions, &at, model.total_chat_insertion_events);
        for language in model.languages.iter().flatten() {
            let at = labels(editor, or_unknown(language.name.as_deref()), stream);
            sum(&mut self.suggestions, &at, language.total_code_suggestions);
            sum(&mut self.acceptances, &at, language.total_code_acceptances);
            sum(&mut self.lines_suggested, &at, language.total_code_lines_suggested);
            sum(&mut self.lines_accepted, &at, language.total_code_lines_accepted);
        }
    }

    fn by_family(&self, original: &Original) -> [(FamilyId, &Values); 10] {
        [
            (original.total_active_users, &self.active_users),
            (original.total_engaged_users, &self.engaged_users),
            (original.is_custom_model, &self.custom_model),
            (original.total_chats, &self.chats),
            (original.total_chat_copy_events, &self.chat_copies),
            (original.total_chat_insertion_events, &self.chat_insertions),
            (original.total_code_suggestions, &self.suggestions),
            (original.total_code_acceptances, &self.acceptances),
            (original.total_code_lines_suggested, &self.lines_suggested),
            (original.total_code_lines_accepted, &self.lines_accepted),
        ]
    }
}

/// Collects the days of the closed API. Without `history` the newest one only.
pub struct LegacyCollector {
    history: bool,
    report_day: FamilyId,
    summaries: FamilyId,
    /// The days, each with the time its document was fetched.
    days: BTreeMap<Day, (i64, DaySamples)>,
}

impl LegacyCollector {
    /// Declares the families that the original exporter did not have.
    pub fn declare(catalogue: &mut Catalogue, history: bool) -> Self {
        Self {
            history,
            report_day: catalogue.gauge(
                "legacy_report_day_timestamp_seconds",
                "The start, in UTC, of the newest day that the closed metrics API is about, in seconds since 1970.",
                &[],
            ),
            summaries: catalogue.gauge(
                "legacy_pull_request_summaries",
                "Pull request summaries that Copilot wrote on the newest day of the closed metrics API.",
                &["repository"],
            ),
            days: BTreeMap::new(),
        }
    }

    /// The newest day there is.
    pub fn newest_day(&self) -> Option<Day> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// Whether there is this day.
    pub fn has(&self, day: Day) -> bool {
        self.days.contains_key(&day)
    }

    /// Takes a day. Days come in any order; of two rows for one day the one fetched later counts.
    pub fn add(&mut self, day: &LegacyDay<'_>, fetched_at: i64) {
        if !self.history && self.newest_day().is_some_and(|newest| newest > day.date) {
            return;
        }
        if self.days.get(&day.date).is_some_and(|(seen_at, _)| *seen_at > fetched_at) {
            return;
        }
        if !self.history {
            self.days.clear();
        }
        self.days.insert(day.date, (fetched_at, DaySamples::new(day)));
    }

    /// Adds the samples; those of the original's gauges where `original` is given.
    pub fn finish(&self, samples: &mut Samples, original: Option<&Original>) {
        for (day, (_, values)) in &self.days {
            let at = day.start_ms();
            samples.push(self.report_day, &[], at as f64 / 1000.0, at);
            for (family, values) in original.iter().flat_map(|o| values.by_family(o)) {
                for (labels, value) in values {
                    let labels = labels.each_ref().map(String::as_str);
                    samples.push_original(family, labels, *value, at);
                }
            }
            for (repository, created) in &values.summaries {
                samples.push(self.summaries, &[repository], *created, at);
            }
        }
    }
}
