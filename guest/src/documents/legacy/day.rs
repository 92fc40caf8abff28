//! A day of the closed metrics API, nested by part, editor, model and language.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::{Count, Day, Field, Known, Name, Object, or_unknown};

/// Code completions in editors: the key of the part, and the value of the label `stream`.
pub const CODE_COMPLETIONS: &str = "copilot_ide_code_completions";
/// Chats in editors.
pub const IDE_CHAT: &str = "copilot_ide_chat";
/// Chats on github.com.
const DOTCOM_CHAT: &str = "copilot_dotcom_chat";
/// Pull request summaries on github.com.
const PULL_REQUESTS: &str = "copilot_dotcom_pull_requests";

/// A day. Only the date is always present; GitHub sends null for parts without data.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LegacyDay<'a> {
    pub date: Field<Day>,
    total_active_users: Field<Count>,
    total_engaged_users: Field<Count>,
    #[serde(borrow)]
    copilot_ide_code_completions: Field<Object<Part<'a>>>,
    #[serde(borrow)]
    copilot_ide_chat: Field<Object<Part<'a>>>,
    #[serde(borrow)]
    copilot_dotcom_chat: Field<Object<Part<'a>>>,
    #[serde(borrow)]
    copilot_dotcom_pull_requests: Field<Object<Part<'a>>>,
}

/// A part of Copilot. Each part has some of the arrays.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    total_engaged_users: Field<Count>,
    #[serde(borrow)]
    languages: Field<Vec<Object<Language<'a>>>>,
    #[serde(borrow)]
    editors: Field<Vec<Object<Editor<'a>>>>,
    #[serde(borrow)]
    models: Field<Vec<Object<Model<'a>>>>,
    #[serde(borrow)]
    repositories: Field<Vec<Object<Repository<'a>>>>,
}

/// An editor, with its models.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Editor<'a> {
    #[serde(borrow)]
    name: Field<Name<'a>>,
    total_engaged_users: Field<Count>,
    #[serde(borrow)]
    models: Field<Vec<Object<Model<'a>>>>,
}

/// A repository, with its models. The gauges have no label for it, so its engaged users are unmapped.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository<'a> {
    #[serde(borrow)]
    name: Field<Name<'a>>,
    #[serde(borrow)]
    models: Field<Vec<Object<Model<'a>>>>,
}

/// A model. The gauges have no label for it, so numbers are summed over models. Distinct users cannot
/// be summed, so those of a model are unmapped.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model<'a> {
    #[serde(rename = "name")]
    _name: Known,
    is_custom_model: Field<bool>,
    #[serde(rename = "custom_model_training_date")]
    _custom_model_training_date: Known,
    total_chats: Field<Count>,
    total_chat_insertion_events: Field<Count>,
    total_chat_copy_events: Field<Count>,
    total_pr_summaries_created: Field<Count>,
    #[serde(borrow)]
    languages: Field<Vec<Object<Code<'a>>>>,
}

/// A language in a part, with its users.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Language<'a> {
    #[serde(borrow)]
    name: Field<Name<'a>>,
    total_engaged_users: Field<Count>,
}

/// A language in a model, with its code.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Code<'a> {
    #[serde(borrow)]
    name: Field<Name<'a>>,
    total_code_suggestions: Field<Count>,
    total_code_acceptances: Field<Count>,
    total_code_lines_suggested: Field<Count>,
    total_code_lines_accepted: Field<Count>,
}

/// The labels `editor`, `language` and `stream` of a sample.
pub type Labels = [String; 3];

/// The values of a family on one day.
pub type Values = BTreeMap<Labels, f64>;

/// The values of a day. Numbers are sums over models, and over an editor or language that occurs
/// twice. Users are distinct, so of two counts with the same labels the larger one is kept.
#[derive(Debug, Default, PartialEq)]
pub struct DayValues {
    pub active_users: Values,
    pub engaged_users: Values,
    pub custom_model: Values,
    pub chats: Values,
    pub chat_copies: Values,
    pub chat_insertions: Values,
    pub suggestions: Values,
    pub acceptances: Values,
    pub lines_suggested: Values,
    pub lines_accepted: Values,
    /// By repository.
    pub summaries: BTreeMap<String, f64>,
    /// Whether two counts of engaged users have the same labels and differ.
    pub has_conflict: bool,
}

fn labels(editor: &str, language: &str, stream: &str) -> Labels {
    [editor, language, stream].map(str::to_owned)
}

fn sum(values: &mut Values, labels: &Labels, count: &Field<Count>) {
    if let Some(Count(count)) = count.get() {
        *values.entry(labels.clone()).or_default() += *count;
    }
}

/// Keeps the larger of two counts with the same labels. Returns whether they differ.
fn max(values: &mut Values, labels: &Labels, count: &Field<Count>) -> bool {
    let Some(Count(count)) = count.get() else { return false };
    let value = values.entry(labels.clone()).or_insert(*count);
    let differs = *value != *count;
    *value = value.max(*count);
    differs
}

impl DayValues {
    /// Whether the day, without its date, has no numbers.
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The number of users who were active on the day.
    pub fn users(&self) -> f64 {
        self.active_users.values().sum()
    }

    /// The values of a day.
    pub fn new(day: &LegacyDay<'_>) -> Self {
        let mut samples = Self::default();
        let top = labels("", "", "");
        max(&mut samples.active_users, &top, &day.total_active_users);
        samples.add_engaged(&top, &day.total_engaged_users);
        for (stream, part) in [
            (CODE_COMPLETIONS, &day.copilot_ide_code_completions),
            (IDE_CHAT, &day.copilot_ide_chat),
            (DOTCOM_CHAT, &day.copilot_dotcom_chat),
            (PULL_REQUESTS, &day.copilot_dotcom_pull_requests),
        ] {
            if let Some(part) = part.get() {
                samples.add_part(stream, part);
            }
        }
        samples
    }

    fn add_engaged(&mut self, labels: &Labels, users: &Field<Count>) {
        self.has_conflict |= max(&mut self.engaged_users, labels, users);
    }

    fn add_part(&mut self, stream: &str, part: &Part<'_>) {
        self.add_engaged(&labels("", "", stream), &part.total_engaged_users);
        for language in part.languages.elements() {
            let at = labels("", or_unknown(language.name.as_deref()), stream);
            self.add_engaged(&at, &language.total_engaged_users);
        }
        for editor in part.editors.elements() {
            let name = or_unknown(editor.name.as_deref());
            let at = labels(name, "", stream);
            self.add_engaged(&at, &editor.total_engaged_users);
            for model in editor.models.elements() {
                self.add_model(name, stream, model);
            }
        }
        for model in part.models.elements() {
            self.add_model("", stream, model);
        }
        for repository in part.repositories.elements() {
            let name = or_unknown(repository.name.as_deref());
            for model in repository.models.elements() {
                self.add_model("", stream, model);
                if let Some(Count(created)) = model.total_pr_summaries_created.get() {
                    *self.summaries.entry(name.to_owned()).or_default() += *created;
                }
            }
        }
    }

    fn add_model(&mut self, editor: &str, stream: &str, model: &Model<'_>) {
        let at = labels(editor, "", stream);
        if let Some(custom) = model.is_custom_model.get() {
            max(&mut self.custom_model, &at, &Field::Present(Count((*custom).into())));
        }
        sum(&mut self.chats, &at, &model.total_chats);
        sum(&mut self.chat_copies, &at, &model.total_chat_copy_events);
        sum(&mut self.chat_insertions, &at, &model.total_chat_insertion_events);
        for language in model.languages.elements() {
            let at = labels(editor, or_unknown(language.name.as_deref()), stream);
            sum(&mut self.suggestions, &at, &language.total_code_suggestions);
            sum(&mut self.acceptances, &at, &language.total_code_acceptances);
            sum(&mut self.lines_suggested, &at, &language.total_code_lines_suggested);
            sum(&mut self.lines_accepted, &at, &language.total_code_lines_accepted);
        }
    }
}
