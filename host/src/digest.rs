//! Names for contents.

use sha2::{Digest, Sha256};

/// The SHA-256 of all pieces one after the other, in hexadecimal.
pub fn sha256<T: AsRef<[u8]>>(pieces: impl IntoIterator<Item = T>) -> String {
    let mut digest = Sha256::new();
    for piece in pieces {
        digest.update(piece);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
