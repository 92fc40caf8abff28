//! A file that has to be compiled before it can be used.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::directory::read;
use super::refusal::Refusal;
use crate::oci::Content;
use crate::wasm::{Engine, Mapping};

/// A file that has not been compiled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PendingFile {
    /// Its path, or the reference that it was pulled from.
    pub path: PathBuf,
    /// Where its bytes are.
    pub location: Content,
    /// Its SHA-256.
    pub sha256: String,
    /// The largest size that is read.
    pub max_bytes: u64,
}

impl PendingFile {
    /// Compiles the file and checks everything that needs no document. Dropping the future ends the
    /// compilation.
    pub async fn compile(&self, engine: &Engine) -> Result<Arc<Mapping>, Refusal> {
        let (location, max_bytes) = (self.location.clone(), self.max_bytes);
        let read = tokio::task::spawn_blocking(move || read(&location, max_bytes));
        let bytes = read.await.map_err(io::Error::other)??;
        self.check(Mapping::load(engine, bytes).await?)
    }

    /// Blocking variant; must not be called from async code.
    pub fn compile_blocking(&self, engine: &Engine) -> Result<Arc<Mapping>, Refusal> {
        let bytes = read(&self.location, self.max_bytes)?;
        self.check(Mapping::load_blocking(engine, bytes)?)
    }

    /// Checks that the file is still the one that was found.
    fn check(&self, mapping: Mapping) -> Result<Arc<Mapping>, Refusal> {
        match mapping.sha256() == self.sha256 {
            true => Ok(Arc::new(mapping)),
            // There will be another scan.
            false => Err(io::Error::other("it changed while it was being read").into()),
        }
    }
}
