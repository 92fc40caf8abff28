//! The settings of a run: which days, and which options are on.

use crate::contract::{Error, OptionSpec, OptionValue, Scope, Span};

/// An option of the mapping. Every option is `true` or `false`, and off by default.
#[derive(Debug)]
pub struct OptionDefinition {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl OptionDefinition {
    /// The option in the types of the contract.
    pub fn spec(&self) -> OptionSpec {
        OptionSpec {
            name: self.name.to_owned(),
            help: self.help.to_owned(),
            default_value: "false".to_owned(),
        }
    }
}

/// The settings of a run.
#[derive(Debug, Default)]
pub struct Settings {
    /// Whether every day in the documents is wanted instead of the newest.
    pub history: bool,
    /// What kind of account the documents are about; unknown in the manifest.
    pub scope: Option<Scope>,
    enabled: Vec<&'static str>,
}

impl Settings {
    /// Parses the options of a run. An invalid one is left out, and the error is returned as well.
    pub fn parse(
        scope: Scope,
        span: Span,
        values: &[OptionValue],
        known: &[&'static OptionDefinition],
    ) -> (Self, Option<Error>) {
        let history = span == Span::History;
        let mut settings = Self { history, scope: Some(scope), enabled: Vec::new() };
        let mut error = None;
        for OptionValue { name, value } in values {
            let Some(option) = known.iter().find(|option| option.name == *name) else {
                error = Some(Error::InvalidOption(format!("unknown option {name:?}")));
                continue;
            };
            match value.parse() {
                Ok(true) => settings.enabled.push(option.name),
                Ok(false) => settings.enabled.retain(|enabled| *enabled != option.name),
                Err(_) => {
                    error = Some(Error::InvalidOption(format!(
                        "{name} must be true or false, not {value:?}"
                    )));
                }
            }
        }
        (settings, error)
    }

    /// Whether an option is on.
    pub fn is_enabled(&self, option: &str) -> bool {
        self.enabled.contains(&option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAILS: OptionDefinition = OptionDefinition { name: "details", help: "" };

    fn parse(name: &str, value: &str) -> (bool, Option<Error>) {
        let option = OptionValue { name: name.to_owned(), value: value.to_owned() };
        let (settings, error) =
            Settings::parse(Scope::Organization, Span::Latest, &[option], &[&DETAILS]);
        (settings.is_enabled("details"), error)
    }

    #[test]
    fn an_option_is_off_unless_it_is_true() {
        assert_eq!(parse("details", "true"), (true, None));
        assert_eq!(parse("details", "false"), (false, None));
        let (settings, _) = Settings::parse(Scope::Organization, Span::Latest, &[], &[&DETAILS]);
        assert!(!settings.is_enabled("details"));
    }

    #[test]
    fn an_unknown_option_and_an_invalid_value_are_errors() {
        assert!(matches!(parse("detail", "true"), (false, Some(Error::InvalidOption(_)))));
        assert!(matches!(parse("details", "yes"), (false, Some(Error::InvalidOption(_)))));
    }
}
