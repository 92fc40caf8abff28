//! The private parts that the fuzz targets in `tests/fuzz` call. Only `cargo fuzz` builds it.

use std::fs::File;
use std::io;

use super::key::Key;
use super::record;
use crate::body::Spool;
use crate::model::Document;

/// The record of a document.
pub fn write(key: &Key, document: &Document) -> io::Result<Vec<u8>> {
    let mut record = Vec::new();
    record::write(&mut record, key, document)?;
    Ok(record)
}

/// The document of a file with a record.
pub fn read(file: File, key: &Key, spool: Option<&Spool>) -> Result<Document, String> {
    record::read(file, key, spool).map_err(|error| error.to_string())
}
