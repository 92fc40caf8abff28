//! Maps the documents of a day once: what a mapping has made of them is stored, until they, the mapping or
//! its options change.

use jiff::civil::Date;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::day::{MapFailure, Mapped, Subject, map_with};
use super::kept::DayDocuments;
use crate::model::Samples;
use crate::runner::{Runner, fingerprint};
use crate::store::{Key, Store, StoredSamples};

/// Maps the documents of a day, or loads what they were mapped into.
pub async fn map_day(
    (runner, store): (&Runner, &dyn Store),
    subject: &Subject<'_>,
    (day, documents): (Date, &DayDocuments),
    tracker: &TaskTracker,
) -> Result<Mapped, MapFailure> {
    let Subject { target, options, set } = subject;
    let mut mapped = Mapped::default();
    for member in set.members() {
        let key = Key::samples_of_day(target, member.name(), day);
        let input = fingerprint(member, target, options, &documents.newest);
        if let Some(samples) = load(store, &key, &input).await {
            let used = member.own(target.scope(), &documents.newest);
            mapped.add(Mapped { samples: vec![samples], used, malformed: Vec::new() });
            continue;
        }
        let of_member = map_with(member, runner, subject, documents, tracker).await?;
        // Those of other versions of the documents are not what was asked for.
        if let ([samples], []) = (of_member.samples.as_slice(), of_member.malformed.as_slice()) {
            let stored = StoredSamples {
                mapping: member.mapping.id(),
                fingerprint: input,
                samples: samples.clone(),
                unmapped: Vec::new(),
            };
            save(store, &key, stored).await;
        }
        mapped.add(of_member);
    }
    Ok(mapped)
}

/// The stored samples of an input.
async fn load(store: &dyn Store, key: &Key, input: &str) -> Option<Samples> {
    let document = store.get(key).await.ok()??;
    // It decompresses.
    let stored = tokio::task::spawn_blocking(move || StoredSamples::from_document(&document));
    let stored = stored.await.ok()??;
    (stored.fingerprint == input).then_some(stored.samples)
}

/// Stores samples. Without them, the documents are mapped again.
async fn save(store: &dyn Store, key: &Key, stored: StoredSamples) {
    if !store.is_durable() {
        return;
    }
    let document = tokio::task::spawn_blocking(move || stored.to_document()).await;
    let Ok(Ok(document)) = document else { return };
    if let Err(error) = store.put(key, &document).await {
        debug!(%error, "the samples of a day were not stored");
    }
}
