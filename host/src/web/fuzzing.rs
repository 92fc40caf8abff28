//! The private parts that the fuzz targets in `tests/fuzz` call. Only `cargo fuzz` builds it.

use super::settings::WebSettings;
use crate::config::web::WebConfig;

/// How many of `requests` the rate limit of a web config admits at once.
pub fn admitted(config: WebConfig, requests: usize) -> usize {
    let settings = WebSettings::new(config);
    (0..requests).filter(|_| settings.admits_request()).count()
}
