//! The kinds of values in GitHub's rows: counts, flags, names, ids, objects.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::field::{FromJson, Problem, report};
use super::text::label;

/// The largest number that is accepted. Sums and unit conversions of such numbers stay finite.
const MAX_COUNT: f64 = 1e100;

/// A number or an average of things: finite and not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count(pub f64);

impl FromJson<'_> for Count {
    fn from_u64(value: u64) -> Option<Self> {
        Some(Self(value as f64))
    }

    fn from_f64(value: f64) -> Option<Self> {
        // The sum turns -0 into 0.
        (0.0..=MAX_COUNT).contains(&value).then_some(Self(value + 0.0))
    }
}

/// An amount or a quantity on a bill: finite, and perhaps negative, as a discount or a correction is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount(pub f64);

impl FromJson<'_> for Amount {
    fn from_u64(value: u64) -> Option<Self> {
        Some(Self(value as f64))
    }

    fn from_f64(value: f64) -> Option<Self> {
        // The sum turns -0 into 0.
        (-MAX_COUNT..=MAX_COUNT).contains(&value).then_some(Self(value + 0.0))
    }
}

impl FromJson<'_> for bool {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

/// A name that becomes a label value. It is borrowed from the row unless it has escapes. It is at
/// most [`MAX_LABEL_BYTES`](super::text::MAX_LABEL_BYTES) long and has no control characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Name<'a>(pub Cow<'a, str>);

impl<'a> Name<'a> {
    fn new(text: Cow<'a, str>) -> Self {
        match label(&text) {
            Some(altered) => {
                report(Problem::Altered);
                Self(Cow::Owned(altered))
            }
            None => Self(text),
        }
    }
}

impl<'de: 'a, 'a> FromJson<'de> for Name<'a> {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self::new(Cow::Owned(text.to_owned())))
    }

    fn from_borrowed(text: &'de str) -> Option<Self> {
        Some(Self::new(Cow::Borrowed(text)))
    }
}

impl std::ops::Deref for Name<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The key of a field.
impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Name::new(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Name::new(Cow::Owned(text.to_owned())))
    }
}

/// A [`Name`] that outlives the row.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedName(String);

impl FromJson<'_> for OwnedName {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(Name::new(Cow::Borrowed(text)).0.into_owned()))
    }
}

impl std::ops::Deref for OwnedName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The name, or `unknown` if it is missing: for Prometheus, an empty label is the same as none.
pub fn or_unknown(name: Option<&str>) -> &str {
    name.filter(|text| !text.is_empty()).unwrap_or("unknown")
}

/// An identifier. GitHub sends the same identifier as a number in one place and as a string in
/// another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// A number, or a string of digits.
    Number(u64),
    /// Any other string.
    Text(String),
}

impl Id {
    /// A user's id, or the login if there is no id, so that the rows of a user have the same key.
    pub fn of_user(id: Option<&Self>, login: Option<&str>) -> Option<Self> {
        let login = login.filter(|login| !login.is_empty());
        id.cloned().or_else(|| login.map(|login| Self::Text(login.to_owned())))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl FromJson<'_> for Id {
    fn from_u64(value: u64) -> Option<Self> {
        Some(Self::Number(value))
    }

    fn from_text(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(Self::Number(number));
        }
        (!text.is_empty()).then(|| Self::Text(Name::new(Cow::Borrowed(text)).0.into_owned()))
    }
}

/// A JSON object. Derived structs also accept an array, field by field in the order of the source.
/// GitHub never sends one, and its numbers would end up in the wrong fields.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Object<T>(pub T);

impl<T> std::ops::Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> FromJson<'de> for Object<T> {
    fn from_object<A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|value| Some(Self(value)))
    }
}
