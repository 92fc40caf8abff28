//! Stored documents: what was written is read again, a changed file is not, and a file with a valid checksum
//! but any content is read without harm.

#![no_main]

use std::io::{Read, Write};

use copilot_metrics_exporter::body::{Body, Spool};
use copilot_metrics_exporter::model::{Document, Part, Scope, Target, Validator};
use copilot_metrics_exporter::store::fuzzing::{read as read_file, write};
use copilot_metrics_exporter::store::{Key, Slot};
use copilot_metrics_fuzz::unnamed_file;
use jiff::Timestamp;
use jiff::civil::date;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

/// How many bytes of a record are changed, each in a copy of it.
const CHANGES: usize = 40;

fn key() -> Key {
    let target = Target::new(Scope::Organization, "acme").unwrap();
    Key::document(&target, "seats", None, Slot::Good)
}

/// A document with a part for each of the first lines, and one for the rest.
fn document(bytes: &[u8]) -> Document {
    let fetched_at: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let part = |line: &[u8]| {
        let text = String::from_utf8_lossy(line).into_owned();
        let validator = Validator { resource: text.clone(), etag: Some(text.clone()) };
        Part {
            body: Body::of(line).unwrap(),
            validator: (line.len() % 2 == 0).then_some(validator),
            next: (line.len() % 3 == 0).then_some(text),
            day: (line.len() % 5 == 0).then_some(date(2026, 11, 20)),
        }
    };
    let parts = bytes.splitn(3, |byte| *byte == b'\n').map(part).collect();
    Document::new(parts, fetched_at, Some(date(2026, 11, 20)))
}

/// The document of a record, whose bodies are in memory or in a file.
fn read(record: &[u8], key: &Key, spool: Option<&Spool>) -> Result<Document, String> {
    let mut file = unnamed_file();
    file.write_all(record).unwrap();
    read_file(file, key, spool)
}

/// The bytes that are kept of each body.
fn bodies(document: &Document) -> Vec<Vec<u8>> {
    let bytes = |part: &Part| {
        let mut bytes = Vec::new();
        part.body.compressed().read_to_end(&mut bytes).unwrap();
        bytes
    };
    document.parts.iter().map(bytes).collect()
}

/// Writes a document and reads it again.
fn check(document: &Document, key: &Key) {
    let record = write(key, document).unwrap();
    for spool in [None, Some(&Spool::default())] {
        let again = read(&record, key, spool);
        assert_eq!(again.as_ref(), Ok(document));
        assert_eq!(again.map(|again| bodies(&again)), Ok(bodies(document)));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let key = key();
    let stored = document(bytes);
    check(&stored, &key);
    let record = write(&key, &stored).unwrap();
    let another = Key::document(&key.target, "billing", None, Slot::Good);
    assert!(read(&record, &another, None).is_err());
    for at in (0..record.len()).step_by(1 + record.len() / CHANGES) {
        assert!(read(&record[..at], &key, None).is_err());
        let mut changed = record.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(read(&changed, &key, None).is_err());
    }

    let mut forged = bytes.to_vec();
    forged.extend_from_slice(&Sha256::digest(bytes));
    if let Ok(document) = read(&forged, &key, None) {
        check(&document, &key);
        for part in &document.parts {
            // It need not be gzip.
            part.body.reader().take(1 << 16).read_to_end(&mut Vec::new()).ok();
        }
    }
});
