//! Names for contents, and what tells that a file may have another one.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// The SHA-256 of all pieces one after the other, in hexadecimal.
pub fn sha256<T: AsRef<[u8]>>(pieces: impl IntoIterator<Item = T>) -> String {
    let mut digest = Sha256::new();
    for piece in pieces {
        digest.update(piece);
    }
    hexadecimal(digest)
}

/// The SHA-256 of all that there is to read, in hexadecimal.
pub fn sha256_of(mut reader: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(digest)),
            Ok(read) => digest.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells whether a file may have changed. There is none of a file that is not there.
pub type Stamp = Option<(SystemTime, u64, u64)>;

/// The stamp of a file as it is.
pub fn stamp(path: &Path) -> Stamp {
    let stat = fs::metadata(path).ok()?;
    Some((stat.modified().ok()?, stat.len(), stat.ino()))
}
