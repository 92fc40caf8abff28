//! The store in a folder: a file for each document, readable by its owner only.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::{Builder, NamedTempFile};

use super::record;
use super::store::{Store, StoreError};
use crate::github::Document;
use crate::model::Target;

/// Files that are being written. One that is there at a start was left by a crash.
const UNFINISHED: &str = ".unfinished-";
/// The folder's parts.
const DOCUMENTS: &str = "documents";
const SET_ASIDE: &str = "set-aside";

/// A folder.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Makes the folder where there is none, and removes what a crash left unfinished. It fails
    /// if the folder can't be had or written to; one that is full is no failure.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let disk = Self { folder: folder.to_owned() };
        let documents = folder.join(DOCUMENTS);
        match make(&documents).and_then(|()| unfinished(&documents)) {
            // It may have room again before the first write.
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error),
            _ => {
                // What can't be swept out harms nobody.
                sweep(&documents).ok();
                Ok(disk)
            }
        }
    }

    /// `documents/api.github.com/organization/octo-org/seats`
    fn path(&self, target: &Target, name: &str) -> PathBuf {
        let github = target.github().replace(['/', ':'], "_");
        let login = target.login().to_ascii_lowercase();
        let folder = self.folder.join(DOCUMENTS).join(github);
        folder.join(target.scope().label()).join(login).join(name)
    }

    /// Moves a file out of the way. There is one such file for each document, so that no folder fills up.
    fn set_aside(&self, path: &Path) -> io::Result<()> {
        let folder = self.folder.join(SET_ASIDE);
        make(&folder)?;
        let name = path.strip_prefix(self.folder.join(DOCUMENTS)).unwrap_or(path);
        fs::rename(path, folder.join(name.to_string_lossy().replace('/', "_")))
    }

    fn write(path: &Path, target: &Target, name: &str, document: &Document) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        make(folder)?;
        let file = unfinished(folder)?;
        let mut out = BufWriter::new(file.as_file());
        record::write(&mut out, target, name, document)?;
        out.flush()?;
        drop(out);
        // First the content, then the name: a file of that name is always a whole one.
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }
}

impl Store for Disk {
    fn load(&self, target: &Target, name: &str) -> Result<Option<Document>, StoreError> {
        let path = self.path(target, name);
        let place = || path.display().to_string();
        let bytes: Bytes = match fs::read(&path) {
            Ok(bytes) => bytes.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Io { place: place(), error }),
        };
        record::read(bytes, target, name).map(Some).map_err(|reason| match self.set_aside(&path) {
            Ok(()) => StoreError::Corrupt { place: place(), reason },
            Err(error) => StoreError::Io { place: place(), error },
        })
    }

    fn save(&self, target: &Target, name: &str, document: &Document) -> Result<(), StoreError> {
        let path = self.path(target, name);
        Self::write(&path, target, name, document)
            .map_err(|error| StoreError::Io { place: path.display().to_string(), error })
    }

    fn remove(&self, target: &Target, name: &str) -> Result<(), StoreError> {
        let path = self.path(target, name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::Io { place: path.display().to_string(), error })
            }
            _ => Ok(()),
        }
    }
}

/// A file for its owner only, which goes if it is not finished.
fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(UNFINISHED).tempfile_in(folder)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes unfinished files, in all folders below.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
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
