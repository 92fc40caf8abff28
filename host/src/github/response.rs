//! Reads bodies of responses.

use std::io::{self, Write};

use futures_util::StreamExt;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use url::Url;

use super::error::FetchError;
use crate::body::{Body, BodyWriter, Spool};

/// The byte order mark, which some tools write.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// How many bytes are compressed and written at once, on a thread for blocking work: the spool's disk
/// may hang.
const BATCH_BYTES: usize = 256 << 10;

/// How many bytes of a body must have arrived before it is given up for what it begins with: for less,
/// mappings say what is wrong.
const JUDGED_BYTES: usize = 64 << 10;

/// Reads a body, compressing it as it arrives. A large one that does not begin like a JSON object or array
/// is given up, however long it is.
pub(super) async fn read(
    what: &str,
    response: Response,
    limit: u64,
    spool: &Spool,
) -> Result<Body, FetchError> {
    let failed = |error: io::Error| FetchError::impossible(what, error.to_string());
    let mut writer = BodyWriter::new(spool);
    let mut batch = Vec::new();
    let mut has_begun = false;
    let mut total = 0;
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| FetchError::request(what, error))?;
        total += chunk.len() as u64;
        if total > limit {
            return Err(too_large(what, limit));
        }
        batch.extend_from_slice(&chunk);
        if !has_begun && batch.len() >= JUDGED_BYTES {
            match begins_like_json(&batch) {
                Some(true) => has_begun = true,
                Some(false) => {
                    return Err(FetchError::answer(what, "it does not begin like JSON"));
                }
                // So far, there is only white space.
                None => {}
            }
        }
        if batch.len() >= BATCH_BYTES {
            let bytes = std::mem::take(&mut batch);
            let written = blocking(move || writer.write_all(&bytes).map(|()| writer)).await;
            writer = written.map_err(failed)?;
        }
    }
    blocking(move || {
        writer.write_all(&batch)?;
        writer.finish()
    })
    .await
    .map_err(failed)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Whether the first bytes of a body are those of a JSON object or array. `None`: there are too few.
fn begins_like_json(bytes: &[u8]) -> Option<bool> {
    if bytes.len() < BOM.len() && BOM.starts_with(bytes) {
        return None;
    }
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(matches!(first, b'{' | b'['))
}

/// The error for a document that exceeds the limit.
pub(super) fn too_large(what: &str, limit: u64) -> FetchError {
    let reason = format!(
        "larger than the limit (github.max_document_mib): it exceeds the remaining {limit} bytes"
    );
    FetchError::answer(what, reason)
}

/// Whether a response is a web page, which the API never returns.
pub(super) fn is_web_page(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with("text/html"))
}

/// What a web page instead of a document means.
pub(super) fn web_page(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!(
        "{host} sent a web page: the API URL must be that of the API (https://api.github.com, \
         https://api.SUBDOMAIN.ghe.com or https://HOST/api/v3), and no proxy may answer instead of it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_what_can_not_be_json() {
        for json in [&b"{"[..], b" \r\n\t[1]", b"\xEF\xBB\xBF{}"] {
            assert_eq!(begins_like_json(json), Some(true), "{json:?}");
        }
        for unclear in [&b""[..], b" \n", b"\xEF\xBB", b"\xEF\xBB\xBF\n"] {
            assert_eq!(begins_like_json(unclear), None, "{unclear:?}");
        }
        for other in [&b"<html>"[..], b"\x1F\x8B\x08", b"\xEF{", b"not JSON", b"\0{}"] {
            assert_eq!(begins_like_json(other), Some(false), "{other:?}");
        }
    }
}
