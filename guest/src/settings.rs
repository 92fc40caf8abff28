//! The settings of a run: which days, and which options are on.

use crate::contract::{Error, OptionSpec, OptionValue, Scope, Span};

/// An option of the mapping that is `true` or `false`, and off by default.
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

/// An option of the mapping that is a number: zero or more.
#[derive(Debug)]
pub struct NumberDefinition {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// What it is unless it is set.
    pub default: f64,
}

impl NumberDefinition {
    /// The option in the types of the contract.
    pub fn spec(&self) -> OptionSpec {
        OptionSpec {
            name: self.name.to_owned(),
            help: self.help.to_owned(),
            default_value: self.default.to_string(),
        }
    }
}

/// The options that a run may have.
#[derive(Debug, Default)]
pub struct KnownOptions {
    /// Those that are on or off.
    pub switches: Vec<&'static OptionDefinition>,
    /// Those that are numbers.
    pub numbers: Vec<&'static NumberDefinition>,
}

impl KnownOptions {
    /// The options in the types of the contract.
    pub fn specs(&self) -> Vec<OptionSpec> {
        let switches = self.switches.iter().map(|option| option.spec());
        switches.chain(self.numbers.iter().map(|number| number.spec())).collect()
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
    numbers: Vec<(&'static str, f64)>,
}

impl Settings {
    /// Parses the options of a run. An invalid one is left out, and the error is returned as well.
    pub fn parse(
        scope: Scope,
        span: Span,
        values: &[OptionValue],
        known: &KnownOptions,
    ) -> (Self, Option<Error>) {
        let history = span == Span::History;
        let mut settings = Self { history, scope: Some(scope), ..Self::default() };
        let mut error = None;
        for OptionValue { name, value } in values {
            if let Some(number) = known.numbers.iter().find(|number| number.name == *name) {
                match value.parse::<f64>() {
                    Ok(value) if value.is_finite() && value >= 0.0 => {
                        settings.numbers.retain(|(set, _)| *set != number.name);
                        settings.numbers.push((number.name, value));
                    }
                    _ => {
                        error = Some(Error::InvalidOption(format!(
                            "{name} must be a number such as {}, not {value:?}",
                            number.default
                        )));
                    }
                }
                continue;
            }
            let Some(option) = known.switches.iter().find(|option| option.name == *name) else {
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

    /// The value of a number.
    pub fn number(&self, number: &NumberDefinition) -> f64 {
        let set = self.numbers.iter().find(|(name, _)| *name == number.name);
        set.map_or(number.default, |(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAILS: OptionDefinition = OptionDefinition { name: "details", help: "" };

    const PRICE: NumberDefinition = NumberDefinition { name: "price", help: "", default: 19.0 };

    fn settings(values: &[(&str, &str)]) -> (Settings, Option<Error>) {
        let option = |(name, value): &(&str, &str)| OptionValue {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let values: Vec<_> = values.iter().map(option).collect();
        let known = KnownOptions { switches: vec![&DETAILS], numbers: vec![&PRICE] };
        Settings::parse(Scope::Organization, Span::Latest, &values, &known)
    }

    fn parse(name: &str, value: &str) -> (bool, Option<Error>) {
        let (settings, error) = settings(&[(name, value)]);
        (settings.is_enabled("details"), error)
    }

    #[test]
    fn an_option_is_off_unless_it_is_true() {
        assert_eq!(parse("details", "true"), (true, None));
        assert_eq!(parse("details", "false"), (false, None));
        assert!(!settings(&[]).0.is_enabled("details"));
    }

    #[test]
    fn a_number_has_its_default_unless_it_is_set_and_the_last_value_counts() {
        assert_eq!(settings(&[]).0.number(&PRICE), 19.0);
        assert_eq!(settings(&[("price", "0")]).0.number(&PRICE), 0.0);
        assert_eq!(settings(&[("price", "3"), ("price", "17.5")]).0.number(&PRICE), 17.5);
        assert_eq!(PRICE.spec().default_value, "19");
    }

    #[test]
    fn what_is_not_a_number_from_zero_up_is_an_error_and_leaves_the_default() {
        for value in ["", "19 $", "-1", "NaN", "inf", "true"] {
            let (settings, error) = settings(&[("price", value)]);
            assert_eq!(settings.number(&PRICE), 19.0);
            let Some(Error::InvalidOption(reason)) = error else { panic!("{value:?}") };
            assert_eq!(reason, format!("price must be a number such as 19, not {value:?}"));
        }
    }

    #[test]
    fn an_unknown_option_and_an_invalid_value_are_errors() {
        assert!(matches!(parse("detail", "true"), (false, Some(Error::InvalidOption(_)))));
        assert!(matches!(parse("details", "yes"), (false, Some(Error::InvalidOption(_)))));
    }
}
