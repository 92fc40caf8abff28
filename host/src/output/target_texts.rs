//! The samples of single targets as text, written once for as long as they stay the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use super::snapshot::write_exposition;
use crate::model::Samples;

/// A name, and a scope if the text is about that one only.
type Key = (String, Option<String>);

/// The texts that have been requested.
#[derive(Default)]
pub(super) struct TargetTexts(Mutex<HashMap<Key, Entry>>);

struct Entry {
    /// What it was written from. Weak: samples that have been replaced are freed, and their address is not
    /// used again as long as this points to it.
    samples: Vec<Weak<Samples>>,
    text: Bytes,
}

impl Entry {
    fn is_of(&self, samples: &[Arc<Samples>]) -> bool {
        let mut pairs = self.samples.iter().zip(samples);
        self.samples.len() == samples.len()
            && pairs.all(|(known, current)| known.as_ptr() == Arc::as_ptr(current))
    }
}

impl TargetTexts {
    /// The samples as text. It is written only if they are not those of the last time. The name and the
    /// scope must be those of a target: a text is kept for each.
    pub(super) fn get(
        &self,
        (name, scope): (&str, Option<&str>),
        samples: &[Arc<Samples>],
    ) -> prometheus::Result<Bytes> {
        let key = (name.to_owned(), scope.map(str::to_owned));
        // Held while it is written: many requests for the same text are one.
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = texts.get(&key).filter(|entry| entry.is_of(samples)) {
            return Ok(entry.text.clone());
        }
        // Those of replaced samples, and of targets that have been removed, are out of date.
        let is_current =
            |entry: &Entry| entry.samples.iter().all(|samples| samples.strong_count() > 0);
        texts.retain(|_, entry| is_current(entry));
        let text = write_exposition(samples.iter().map(|samples| &**samples), 0)?;
        let text = Bytes::from(text);
        let samples = samples.iter().map(Arc::downgrade).collect();
        texts.insert(key, Entry { samples, text: text.clone() });
        Ok(text)
    }
}
