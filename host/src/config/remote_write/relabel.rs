//! The section `write_relabel_configs`.
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config>

use clap::ValueEnum;
use regex::Regex;
use serde::Deserialize;

use crate::config::parse::{Parser, optional, section, value};
use crate::config::values::{Choice, Number};
use crate::model::names::is_label_name;

/// A rule that changes the labels of a series, or drops the series.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RelabelSection")]
pub struct RelabelRule {
    /// The labels whose values are joined.
    pub source_labels: Vec<String>,
    /// What stands between the joined values.
    pub separator: String,
    /// The label that is set or compared. For [`RelabelAction::Replace`], it may refer to groups.
    pub target_label: String,
    /// What the joined values, or the names of labels, have to match.
    pub regex: Pattern,
    /// The modulus of [`RelabelAction::Hashmod`].
    pub modulus: u64,
    /// What the target label is set to. It may refer to groups as `$1` or `${name}`.
    pub replacement: String,
    /// What is done.
    pub action: RelabelAction,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub enum RelabelAction {
    /// Sets the target label if the joined values match.
    #[default]
    Replace,
    /// Drops series whose joined values do not match.
    Keep,
    /// Drops series whose joined values match.
    Drop,
    /// Sets the target label to a number below the modulus.
    Hashmod,
    /// Copies the labels whose names match to other names.
    Labelmap,
    /// Removes the labels whose names match.
    Labeldrop,
    /// Removes the labels whose names do not match.
    Labelkeep,
    /// Sets the target label to the joined values in lower case.
    Lowercase,
    /// Sets the target label to the joined values in upper case.
    Uppercase,
    /// Drops series whose joined values differ from the target label.
    Keepequal,
    /// Drops series whose joined values equal the target label.
    Dropequal,
}

impl RelabelAction {
    /// The word in the config file.
    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A regular expression that matches whole texts. Two are equal if they are written alike.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles an expression and anchors it at both ends, as Prometheus does.
    pub fn new(text: &str) -> Result<Self, String> {
        let anchored = |text: &str| Regex::new(&format!("^(?s:{text})$"));
        match Regex::new(text).and_then(|_| anchored(text)) {
            Ok(regex) => Ok(Self { text: text.to_owned(), regex }),
            Err(error) => {
                let error = error.to_string();
                // The crate draws where the error is, in several lines; the last one says what it is.
                let reason = error.lines().last().unwrap_or_default();
                let reason = reason.trim_start_matches("error: ");
                Err(format!("{text:?} is not a regular expression in the syntax of RE2: {reason}"))
            }
        }
    }

    /// The expression. It matches whole texts only.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The parser of [`Pattern`].
struct Expression;

impl Parser for Expression {
    type Value = Pattern;

    fn parse(text: &str) -> Result<Pattern, String> {
        Pattern::new(text)
    }
}

section! {
    struct RelabelSection {
        /// The labels whose values are joined.
        source_labels: Option<Vec<String>> = None,
        /// What stands between the joined values.
        separator: Option<String> = None,
        /// The label that is set or compared.
        target_label: Option<String> = None,
        /// What the joined values, or the names of labels, have to match.
        #[serde(deserialize_with = "optional::<Expression, _>")]
        regex: Option<Pattern> = None,
        /// The modulus.
        #[serde(deserialize_with = "optional::<Number<u64, 1, { u64::MAX }, 8>, _>")]
        modulus: Option<u64> = None,
        /// What the target label is set to.
        replacement: Option<String> = None,
        /// What is done.
        #[serde(deserialize_with = "value::<Choice<RelabelAction>, _>")]
        action: RelabelAction = RelabelAction::Replace,
    }
}

impl RelabelSection {
    /// The first key that is set and has no meaning for the action.
    fn unused(&self) -> Option<&'static str> {
        use RelabelAction::{
            Drop, Dropequal, Hashmod, Keep, Keepequal, Labeldrop, Labelkeep, Labelmap, Lowercase,
            Replace, Uppercase,
        };
        let used: &[&str] = match self.action {
            Replace => &["source_labels", "separator", "target_label", "regex", "replacement"],
            Keep | Drop => &["source_labels", "separator", "regex"],
            Hashmod => &["source_labels", "separator", "target_label", "modulus"],
            Labelmap => &["regex", "replacement"],
            Labeldrop | Labelkeep => &["regex"],
            Lowercase | Uppercase => &["source_labels", "separator", "target_label"],
            Keepequal | Dropequal => &["source_labels", "target_label"],
        };
        let set = [
            ("source_labels", self.source_labels.is_some()),
            ("separator", self.separator.is_some()),
            ("target_label", self.target_label.is_some()),
            ("regex", self.regex.is_some()),
            ("modulus", self.modulus.is_some()),
            ("replacement", self.replacement.is_some()),
        ];
        set.into_iter().find(|(key, is_set)| *is_set && !used.contains(key)).map(|(key, _)| key)
    }
}

/// Whether a text is the name of a label once its references to groups are replaced.
fn is_label_template(text: &str) -> bool {
    let Ok(groups) = Regex::new(r"\$(\{[0-9A-Za-z_]+\}|[0-9A-Za-z_]+)") else { return false };
    is_label_name(&groups.replace_all(text, "a"))
}

impl TryFrom<RelabelSection> for RelabelRule {
    type Error = String;

    fn try_from(section: RelabelSection) -> Result<Self, String> {
        use RelabelAction::{
            Dropequal, Hashmod, Keepequal, Labelmap, Lowercase, Replace, Uppercase,
        };
        let action = section.action;
        if let Some(key) = section.unused() {
            return Err(format!(
                "{key} has no meaning for the action {}: remove it",
                action.word()
            ));
        }
        let default = || Pattern::new("(.*)");
        let target_label = section.target_label.unwrap_or_default();
        let replacement = section.replacement.unwrap_or_else(|| "$1".to_owned());
        match action {
            Replace | Hashmod | Lowercase | Uppercase | Keepequal | Dropequal => {
                let is_valid = match action {
                    Replace => is_label_template(&target_label),
                    _ => is_label_name(&target_label),
                };
                if target_label.is_empty() {
                    let action = action.word();
                    return Err(format!("it has no target_label, which the action {action} needs"));
                }
                if !is_valid {
                    return Err(format!(
                        "target_label: {target_label:?} is not the name of a label"
                    ));
                }
            }
            Labelmap if !is_label_template(&replacement) => {
                return Err(format!("replacement: {replacement:?} is not the name of a label"));
            }
            _ => {}
        }
        if action == Hashmod && section.modulus.is_none() {
            return Err("it has no modulus, which the action hashmod needs".to_owned());
        }
        Ok(Self {
            source_labels: section.source_labels.unwrap_or_default(),
            separator: section.separator.unwrap_or_else(|| ";".to_owned()),
            target_label,
            regex: section.regex.map_or_else(default, Ok)?,
            modulus: section.modulus.unwrap_or_default(),
            replacement,
            action,
        })
    }
}
