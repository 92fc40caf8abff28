//! A deserializer that knows the path of each value, and counts what is not mapped: unknown fields,
//! and values that are not of the expected kind.
//!
//! It wraps another deserializer of a self-describing format. A path is only written out when there
//! is something to count.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::field::{Problem, take_reported};
use super::path::Path;
use super::unmapped::Unmapped;

/// A deserializer of the value at `path`.
pub struct Tracked<'p, D> {
    inner: D,
    path: &'p Path<'p>,
    unmapped: &'p mut Unmapped,
}

impl<'p, D> Tracked<'p, D> {
    /// A deserializer of a row.
    pub fn row(inner: D, unmapped: &'p mut Unmapped) -> Self {
        Self { inner, path: &Path::Root, unmapped }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tracked<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let Self { inner, path, unmapped } = self;
        let value =
            inner.deserialize_any(TrackedVisitor { visitor, path, unmapped: &mut *unmapped })?;
        if let Some(problem) = take_reported() {
            unmapped.note(path, problem);
        }
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        // The key may have been altered, which does not matter for an unknown field.
        take_reported();
        self.unmapped.note(self.path, Problem::Unknown);
        self.inner.deserialize_ignored_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

struct TrackedVisitor<'p, V> {
    visitor: V,
    path: &'p Path<'p>,
    unmapped: &'p mut Unmapped,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for TrackedVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_bool(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.visitor.visit_u64(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.visitor.visit_i64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.visitor.visit_f64(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.visitor.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.visitor.visit_borrowed_str(text)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let Self { visitor, path, unmapped } = self;
        visitor.visit_seq(TrackedArray { inner, path, unmapped })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let Self { visitor, path, unmapped } = self;
        visitor.visit_map(TrackedObject { inner, path, key: Cow::Borrowed(""), unmapped })
    }
}

struct TrackedArray<'p, A> {
    inner: A,
    path: &'p Path<'p>,
    unmapped: &'p mut Unmapped,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for TrackedArray<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Self { inner, path, unmapped } = self;
        inner.next_element_seed(TrackedSeed { seed, path, unmapped })
    }
}

struct TrackedObject<'de, 'p, A> {
    inner: A,
    path: &'p Path<'p>,
    key: Cow<'de, str>,
    unmapped: &'p mut Unmapped,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for TrackedObject<'de, '_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(KeySeed { seed, key: &mut self.key })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let path = Path::Key { parent: self.path, key: &self.key };
        self.inner.next_value_seed(TrackedSeed { seed, path: &path, unmapped: self.unmapped })
    }
}

struct TrackedSeed<'p, S> {
    seed: S,
    path: &'p Path<'p>,
    unmapped: &'p mut Unmapped,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for TrackedSeed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let Self { seed, path, unmapped } = self;
        seed.deserialize(Tracked { inner, path, unmapped })
    }
}

/// Keeps a copy of a key, which is borrowed from the row unless it has escapes.
struct KeySeed<'k, 'de, S> {
    seed: S,
    key: &'k mut Cow<'de, str>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<'_, 'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for KeySeed<'_, 'de, S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<S::Value, E> {
        *self.key = Cow::Borrowed(text);
        self.seed.deserialize(BorrowedStrDeserializer::new(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<S::Value, E> {
        *self.key = Cow::Owned(text.to_owned());
        self.seed.deserialize(StrDeserializer::new(text))
    }
}
