//! The kinds of values in GitHub's rows: counts, names, ids, objects.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The longest name that can be a label value.
const MAX_NAME_BYTES: usize = 1024;

/// A number or an average of things: finite and not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count(pub f64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a non-negative number")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Count, E> {
        Ok(Count(value as f64))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Count, E> {
        u64::try_from(value)
            .map(|value| Count(value as f64))
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Count, E> {
        if value.is_finite() && value >= 0.0 {
            Ok(Count(value))
        } else {
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }
}

/// A name that becomes a label value. It is borrowed from the row unless it has escapes.
#[derive(Clone, Debug, PartialEq)]
pub struct Name<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a string of at most {MAX_NAME_BYTES} bytes")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        check_name(text).map(Cow::Borrowed)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        check_name(text).map(|text| Cow::Owned(text.to_owned()))
    }
}

/// Rejects a name that the host would reject as a label value: here its position is known.
fn check_name<E: de::Error>(text: &str) -> Result<&str, E> {
    if text.len() > MAX_NAME_BYTES {
        return Err(E::invalid_length(text.len(), &NameVisitor));
    }
    Ok(text)
}

/// A [`Name`] that outlives the row.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedName(String);

impl<'de> Deserialize<'de> for OwnedName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(|name| Self(name.into_owned()))
    }
}

impl std::ops::Deref for OwnedName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Name<'_> {
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

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an id (an integer or a string)")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Id, E> {
        Ok(Id::Number(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        let text = check_name(text)?;
        Ok(text.parse().map_or_else(|_| Id::Text(text.to_owned()), Id::Number))
    }
}

/// A field that is deliberately ignored: unlike [`IgnoredAny`], it is not counted as unmapped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known;

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KnownVisitor)
    }
}

struct KnownVisitor;

impl<'de> Visitor<'de> for KnownVisitor {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Known, E> {
        Ok(Known)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Known, E> {
        Ok(Known)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Known, E> {
        Ok(Known)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Known, E> {
        Ok(Known)
    }

    fn visit_str<E>(self, _: &str) -> Result<Known, E> {
        Ok(Known)
    }

    fn visit_unit<E>(self) -> Result<Known, E> {
        Ok(Known)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Known, A::Error> {
        while seq.next_element::<Known>()?.is_some() {}
        Ok(Known)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Known, A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value::<Known>()?;
        }
        Ok(Known)
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

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(map))
    }
}
