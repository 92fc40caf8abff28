//! Connects the types of settings with serde, so that a field of a section names its parser:
//! `#[serde(deserialize_with = "value::<Ttl, _>")]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A type of setting.
pub(super) trait Parser {
    /// The parsed value.
    type Value;

    /// Parses the trimmed text of a setting. The error says what is wrong and what would be right.
    fn parse(text: &str) -> Result<Self::Value, String>;
}

/// A value that is deserialized by its parser: for maps and lists.
pub(super) struct Parsed<P: Parser>(pub P::Value);

impl<'de, P: Parser> Deserialize<'de> for Parsed<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        value::<P, D>(deserializer).map(Self)
    }
}

/// Deserializes a value.
pub(super) fn value<'de, P: Parser, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<P::Value, D::Error> {
    // Numbers are read as text too: the parsers' errors say what would be right.
    let text = String::deserialize(deserializer)?;
    P::parse(text.trim()).map_err(D::Error::custom)
}

/// Deserializes a value that may be missing.
pub(super) fn optional<'de, P: Parser, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<P::Value>, D::Error> {
    Ok(Option::<Parsed<P>>::deserialize(deserializer)?.map(|Parsed(value)| value))
}

/// Deserializes a list of values.
pub(super) fn list<'de, P: Parser, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<P::Value>, D::Error> {
    let list = Vec::<Parsed<P>>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Parsed(value)| value).collect())
}

/// Declares a section of a file: a struct whose fields have a type, a default, a documentation and
/// (by `deserialize_with`) a parser, all in one place. Unknown keys are errors.
macro_rules! section {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field_visibility:vis $field:ident: $type:ty = $default:expr,
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $visibility struct $name {
            $($(#[$field_meta])* $field_visibility $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

pub(super) use section;
