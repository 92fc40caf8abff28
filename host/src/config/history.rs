//! The section `history`: daily samples.

use super::parse::{Parser, section, value};
use super::values::Number;
use crate::model::names::check_metric_name;

section! {
    /// What is kept of the past, and how daily samples are named.
    #[derive(Clone, Debug, PartialEq)]
    pub struct HistoryOptions {
        /// For how many days the documents of days are kept in the cache directory.
        #[serde(deserialize_with = "value::<Number<u32, 4, 1200, 400>, _>")]
        pub keep_days: u32 = 400,
        /// The start of the names of daily samples.
        #[serde(deserialize_with = "value::<Prefix, _>")]
        pub prefix: String = "daily_".to_owned(),
    }
}

/// The start of the names of families.
struct Prefix;

impl Parser for Prefix {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        if text.is_empty() {
            let reason = "live and daily series would be the same";
            return Err(format!("it is empty, so {reason}; it should be a prefix such as daily_"));
        }
        check_metric_name(text)
            .map_err(|problem| format!("{text:?} is not a prefix such as daily_: {problem}"))?;
        Ok(text.to_owned())
    }
}
