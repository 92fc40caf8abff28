//! The store in a directory: a file for each document, readable by its owner only.
//!
//! `documents/api.github.com/organization/octo-org/seats`, and next to it `seats.confirmed`, which says
//! when GitHub last confirmed that file, so that the bodies need not be written again.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::{Builder, NamedTempFile};
use tokio::time::Instant;

use super::error::StoreError;
use super::interface::{Put, Store, is_newer};
use super::key::{Key, Slot};
use super::lease::{Lease, Leases};
use super::record::{self, ReadError};
use crate::body::Spool;
use crate::model::{Document, Target};

/// Files that are being written. One that exists at the start was left by a crash.
const UNFINISHED: &str = ".unfinished-";
/// The subdirectories.
const DOCUMENTS: &str = "documents";
const SET_ASIDE: &str = "set-aside";

/// A directory.
pub struct Disk {
    files: Arc<Files>,
    leases: Mutex<Leases>,
}

/// The files of the directory. All functions block.
struct Files {
    directory: PathBuf,
    /// Where the bodies of documents go.
    spool: Spool,
    /// Held by a writer, so that comparing with what is stored and replacing it is one step.
    writing: Mutex<()>,
}

/// When a file was last confirmed.
#[derive(Serialize, Deserialize)]
struct Confirmation {
    /// The checksum of the file it is about.
    checksum: String,
    at: Timestamp,
}

impl Disk {
    /// Creates the directory if needed, and removes what a crash left unfinished. It fails if the
    /// directory can't be created or written to; a full one is not a failure.
    pub fn open(directory: &Path, spool: Spool) -> io::Result<Self> {
        let files = Files { directory: directory.to_owned(), spool, writing: Mutex::default() };
        let documents = directory.join(DOCUMENTS);
        match make(&documents).and_then(|()| unfinished(&documents)) {
            // It may have room again before the first write.
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error),
            _ => {
                // Leftovers do no harm.
                sweep(&documents).ok();
                Ok(Self { files: Arc::new(files), leases: Mutex::default() })
            }
        }
    }

    /// Does something with the files on a thread for blocking work.
    fn blocking<T: Send + 'static>(
        &self,
        key: &Key,
        work: impl FnOnce(&Files, &Key) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (files, key) = (Arc::clone(&self.files), key.clone());
        let place = key.file_name();
        let work = tokio::task::spawn_blocking(move || work(&files, &key));
        Box::pin(async move {
            let aborted = |error| StoreError::Io { place, error: io::Error::other(error) };
            work.await.map_err(aborted)?
        })
    }
}

impl Store for Disk {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        self.blocking(key, |files, key| files.load(key, Some(&files.spool)))
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Put, StoreError>> {
        let document = document.clone();
        self.blocking(key, move |files, key| files.save(key, &document))
    }

    fn confirm<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let document = document.clone();
        self.blocking(key, move |files, key| files.confirm(key, &document, at))
    }

    fn accept<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.blocking(key, Files::accept)
    }

    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.blocking(key, Files::remove)
    }

    fn list<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        let key = Key::document(target, "", None, Slot::Good);
        self.blocking(&key, |files, key| files.list(&key.target))
    }

    fn lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<Lease>, StoreError>> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(leases.acquire(target, holder, ttl, Instant::now()))))
    }

    fn end_lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).end(target, holder);
        Box::pin(ready(Ok(())))
    }

    fn release(&self, _: &Target) {}

    fn is_durable(&self) -> bool {
        true
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl Files {
    /// The directory of a target.
    fn target(&self, target: &Target) -> PathBuf {
        let github = target.github().replace(['/', ':'], "_");
        let login = target.login().to_ascii_lowercase();
        let directory = self.directory.join(DOCUMENTS).join(github);
        directory.join(target.scope().label()).join(login)
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.target(&key.target).join(key.file_name())
    }

    fn load(&self, key: &Key, spool: Option<&Spool>) -> Result<Option<Document>, StoreError> {
        let path = self.path(key);
        let Some(file) = open(&path)? else { return Ok(None) };
        let confirmed = confirmation_of(&path, &file);
        match record::read(file, key, spool) {
            Ok(document) => {
                let confirmed_at =
                    confirmed.map_or(document.confirmed_at, |at| at.max(document.confirmed_at));
                Ok(Some(Document { confirmed_at, ..document }))
            }
            Err(ReadError::Io(error)) => Err(failed(&path, error)),
            Err(ReadError::Corrupt(reason)) => Err(match self.set_aside(&path) {
                Ok(()) => StoreError::Corrupt { place: path.display().to_string(), reason },
                Err(error) => failed(&path, error),
            }),
        }
    }

    fn save(&self, key: &Key, document: &Document) -> Result<Put, StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // One that can't be read is replaced.
        if let Ok(Some(stored)) = self.load(key, None)
            && !is_newer(document, &stored)
        {
            return Ok(Put::Superseded);
        }
        let path = self.path(key);
        write_record(&path, key, document).map_err(|error| failed(&path, error))?;
        Ok(Put::Stored)
    }

    fn confirm(&self, key: &Key, document: &Document, at: Timestamp) -> Result<(), StoreError> {
        let path = self.path(key);
        let Some(file) = open(&path)? else { return Ok(()) };
        let Ok(checksum) = record::checksum(&file) else { return Ok(()) };
        let stored = record::read(file, key, None);
        if !stored.is_ok_and(|stored| stored.has_content_of(document)) {
            return Ok(());
        }
        let confirmation = serde_json::to_vec(&Confirmation { checksum, at });
        let path = confirmation_path(&path);
        let written = confirmation
            .map_err(io::Error::from)
            .and_then(|json| write_file(&path, |out| out.write_all(&json)));
        written.map_err(|error| failed(&path, error))
    }

    fn accept(&self, key: &Key) -> Result<(), StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = self.path(&key.in_slot(Slot::Pending));
        let good = self.path(&key.in_slot(Slot::Good));
        for (from, to) in
            [(&pending, &good), (&confirmation_path(&pending), &confirmation_path(&good))]
        {
            if let Err(error) = fs::rename(from, to)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(failed(to, error));
            }
        }
        Ok(())
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let path = self.path(key);
        for path in [confirmation_path(&path), path] {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(failed(&path, error));
            }
        }
        Ok(())
    }

    fn list(&self, target: &Target) -> Result<Vec<Key>, StoreError> {
        let directory = self.target(target);
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&directory, error)),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| Key::from_file_name(target, &name)).collect())
    }

    /// Moves a file out of the way. There is one such file for each document, so that the directory
    /// does not fill up.
    fn set_aside(&self, path: &Path) -> io::Result<()> {
        let directory = self.directory.join(SET_ASIDE);
        make(&directory)?;
        let name = path.strip_prefix(self.directory.join(DOCUMENTS)).unwrap_or(path);
        fs::rename(path, directory.join(name.to_string_lossy().replace('/', "_")))
    }
}

fn failed(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io { place: path.display().to_string(), error }
}

fn confirmation_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".confirmed");
    path.with_file_name(name)
}

/// Opens a file, if it exists.
fn open(path: &Path) -> Result<Option<File>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, error)),
    }
}

/// When a file was last confirmed, if it was.
fn confirmation_of(path: &Path, file: &File) -> Option<Timestamp> {
    let json = fs::read(confirmation_path(path)).ok()?;
    let confirmation: Confirmation = serde_json::from_slice(&json).ok()?;
    (confirmation.checksum == record::checksum(file).ok()?).then_some(confirmation.at)
}

fn write_record(path: &Path, key: &Key, document: &Document) -> io::Result<()> {
    write_file(path, |out| record::write(out, key, document))
}

/// Writes a file so that it has either its old content or all of the new one.
fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    make(directory)?;
    let file = unfinished(directory)?;
    let mut out = BufWriter::new(file.as_file());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    // First the content, then the name: a file of that name is always complete.
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// A file for its owner only, which is removed unless it is finished.
fn unfinished(directory: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(UNFINISHED).tempfile_in(directory)
}

fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Removes unfinished files, in all directories below.
fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sweep(&entry.path()).ok();
        } else if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // Another process may have finished it meanwhile.
            fs::remove_file(entry.path()).ok();
        }
    }
    Ok(())
}
