//! A day of the closed metrics API, nested by part, editor, model and language.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::{Count, Day, Known, Name, Object, or_unknown};

/// Code completions in editors: the key of the part, and the value of the label `stream`.
pub const CODE_COMPLETIONS: &str = "copilot_ide_code_completions";
/// Chats in editors.
pub const IDE_CHAT: &str = "copilot_ide_chat";
/// Chats on github.com.
const DOTCOM_CHAT: &str = "copilot_dotcom_chat";
/// Pull request summaries on github.com.
const PULL_REQUESTS: &str = "copilot_dotcom_pull_requests";

/// A day. Only the date is always present; GitHub sends null for parts without data.
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

/// A part of Copilot. Each part has some of the arrays.
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

/// A model. The gauges have no label for it, so numbers are summed over models.
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

/// A language, with its users in a part, or with code counts in a model.
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

/// The labels `editor`, `language` and `stream` of a sample.
pub type Labels = [String; 3];

/// The values of a family on one day.
pub type Values = BTreeMap<Labels, f64>;

/// The values of a day. Numbers are sums over models, and over an editor or language that occurs
/// twice. Users are distinct, so of two counts with the same labels the larger one is kept.
#[derive(Default)]
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
}

fn labels(editor: &str, language: &str, stream: &str) -> Labels {
    [editor, language, stream].map(str::to_owned)
}

fn sum(values: &mut Values, labels: &Labels, count: Option<Count>) {
    if let Some(Count(count)) = count {
        *values.entry(labels.clone()).or_default() += count;
    }
}

fn max(values: &mut Values, labels: &Labels, count: Option<Count>) {
    if let Some(Count(count)) = count {
        let value = values.entry(labels.clone()).or_default();
        *value = value.max(count);
    }
}

impl DayValues {
    /// The values of a day.
    pub fn new(day: &LegacyDay<'_>) -> Self {
        let mut samples = Self::default();
        let top = labels("", "", "");
        max(&mut samples.active_users, &top, day.total_active_users);
        max(&mut samples.engaged_users, &top, day.total_engaged_users);
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
        max(&mut self.engaged_users, &labels("", "", stream), part.total_engaged_users);
        for language in part.languages.iter().flatten() {
            let at = labels("", or_unknown(language.name.as_deref()), stream);
            max(&mut self.engaged_users, &at, language.total_engaged_users);
        }
        for editor in part.editors.iter().flatten() {
            let name = or_unknown(editor.name.as_deref());
            let at = labels(name, "", stream);
            max(&mut self.engaged_users, &at, editor.total_engaged_users);
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
        max(&mut self.custom_model, &at, custom);
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
}
