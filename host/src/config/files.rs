//! Reads the files that settings name.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Tells whether a file may have changed: its modification time, length and inode. `None` if it does
/// not exist.
pub type Stamp = Option<(SystemTime, u64, u64)>;

/// The current stamp of a file.
pub fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

/// Reads a regular file of at most `max_bytes`.
///
/// Anything else is refused before it is opened: opening a FIFO blocks until another process opens
/// its other end.
pub fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let wrong = |problem: String| format!("{}: {problem}", path.display());
    let unreadable = |error: std::io::Error| wrong(format!("cannot read it: {error}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(wrong("not a regular file".to_owned()));
    }
    let too_large = || wrong(format!("larger than the limit of {}", size(max_bytes)));
    if metadata.len() > max_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // The length in the metadata may be out of date, and is 0 for files in /proc.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 > max_bytes {
        true => Err(too_large()),
        false => Ok(bytes),
    }
}

/// Reads a regular file of at most `max_bytes` as text.
pub(super) fn read_text(path: &Path, max_bytes: u64) -> Result<String, String> {
    String::from_utf8(read_bounded(path, max_bytes)?)
        .map_err(|_| format!("{}: not a text file in UTF-8", path.display()))
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mib => format!("{mib} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_regular_file_is_read_up_to_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [b'a'; 1024]).unwrap();
        assert_eq!(read_bounded(&path, 1024).unwrap().len(), 1024);
        assert!(read_bounded(&path, 1023).unwrap_err().ends_with("larger than the limit of 0 KiB"));
        std::fs::write(&path, [b'\xff']).unwrap();
        assert!(read_text(&path, 1024).unwrap_err().ends_with("not a text file in UTF-8"));
    }

    #[test]
    fn a_fifo_or_directory_is_refused_without_blocking() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        for path in [fifo.as_path(), &link, directory.path()] {
            assert!(read_bounded(path, 1024).unwrap_err().ends_with("not a regular file"));
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read_bounded(Path::new("no/such/file"), 1024).unwrap_err();
        assert!(error.starts_with("no/such/file: cannot read it: "), "{error}");
    }

    #[test]
    fn a_file_whose_metadata_says_0_bytes_is_read_up_to_the_limit() {
        assert!(!read_bounded(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
        assert!(read_bounded(Path::new("/proc/self/status"), 10).is_err());
    }
}
