//! Values that cost only themselves if they are not what they should be.
//!
//! GitHub adds and changes fields almost every month. A value of an unexpected kind must not take
//! the rest of its row with it, so every field of a row is a [`Field`]. The deserializer in
//! `tracking`, which knows the path of the value, counts it.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What is wrong with a value, a field or a row. Each kind is reported with the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The field is unknown.
    Unknown,
    /// The value is not of the expected kind, so it is left out.
    Invalid,
    /// The name is kept, but not as GitHub sent it: it is too long or contains control characters.
    Altered,
    /// The field is missing, so the row is left out or says nothing.
    Missing,
    /// Two rows for the same thing differ, so one of them is left out.
    Conflict,
}

impl Problem {
    /// The text after the path.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Invalid => " (invalid)",
            Self::Altered => " (altered)",
            Self::Missing => " (missing)",
            Self::Conflict => " (conflict)",
        }
    }
}

thread_local! {
    /// The problem of the value that was decoded last. A value has no other way to report one: it
    /// does not know its path, and an error would end the whole row.
    static LAST: Cell<Option<Problem>> = const { Cell::new(None) };
}

/// Reports a problem of the value that is being decoded.
pub fn report(problem: Problem) {
    LAST.set(Some(problem));
}

/// Takes the problem of the value that was decoded last.
pub fn take_reported() -> Option<Problem> {
    LAST.take()
}

/// A field of a row: absent (or null), present, or not of the expected kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T> {
    /// The field does not exist or is null: not available.
    #[default]
    Absent,
    /// The value is not of the expected kind.
    Invalid,
    /// The value.
    Present(T),
}

impl<T> Field<T> {
    /// The value, if any.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// The value, if any.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// Whether the field has a value that is not of the expected kind.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::Invalid)
    }
}

impl<T: std::ops::Deref> Field<T> {
    /// What the value dereferences to, such as the text of a name.
    pub fn as_deref(&self) -> Option<&T::Target> {
        self.get().map(|value| &**value)
    }
}

impl<T> Field<Vec<T>> {
    /// The elements; none if the array is absent.
    pub fn elements(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }
}

/// A kind of value. `None` stands for a value of another kind.
pub trait FromJson<'de>: Sized {
    /// From `true` or `false`.
    fn from_bool(_value: bool) -> Option<Self> {
        None
    }

    /// From a non-negative integer.
    fn from_u64(_value: u64) -> Option<Self> {
        None
    }

    /// From any other number.
    fn from_f64(_value: f64) -> Option<Self> {
        None
    }

    /// From a string that does not outlive this call.
    fn from_text(_text: &str) -> Option<Self> {
        None
    }

    /// From a string of the body.
    fn from_borrowed(text: &'de str) -> Option<Self> {
        Self::from_text(text)
    }

    /// From an array.
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        while array.next_element::<Known>()?.is_some() {}
        Ok(None)
    }

    /// From an object.
    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_key::<IgnoredAny>()?.is_some() {
            object.next_value::<Known>()?;
        }
        Ok(None)
    }
}

impl<'de, T: FromJson<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

fn present<T>(value: Option<T>) -> Field<T> {
    value.map_or_else(
        || {
            report(Problem::Invalid);
            Field::Invalid
        },
        Field::Present,
    )
}

impl<'de, T: FromJson<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(present(T::from_bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(present(T::from_u64(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(present(T::from_f64(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(present(T::from_f64(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(present(T::from_text(text)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(present(T::from_borrowed(text)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        T::from_array(array).map(present)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::from_object(object).map(present)
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Known, A::Error> {
        while array.next_element::<Known>()?.is_some() {}
        Ok(Known)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Known, A::Error> {
        while object.next_key::<IgnoredAny>()?.is_some() {
            object.next_value::<Known>()?;
        }
        Ok(Known)
    }
}

/// An array whose elements cost only themselves.
impl<'de, T: FromJson<'de>> FromJson<'de> for Vec<T> {
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut elements = Self::new();
        while let Some(element) = array.next_element::<Field<T>>()? {
            elements.extend(element.into_option());
        }
        Ok(Some(elements))
    }
}

/// Any string, as it is.
impl<'de: 'a, 'a> FromJson<'de> for Cow<'a, str> {
    fn from_text(text: &str) -> Option<Self> {
        Some(Cow::Owned(text.to_owned()))
    }

    fn from_borrowed(text: &'de str) -> Option<Self> {
        Some(Cow::Borrowed(text))
    }
}
