//! The headers that are sent with every response.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_saphyr::Spanned;

use crate::config::error::SettingError;
use crate::config::yaml::YamlFile;

/// The headers that exporter-toolkit allows.
const ALLOWED: [&str; 5] = [
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
];

/// Checks `http_server_config.headers`.
pub(super) fn parse(
    file: &YamlFile<'_>,
    headers: &BTreeMap<String, Spanned<String>>,
) -> Result<HeaderMap, SettingError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let key = format!("http_server_config.headers.{name}");
        let allowed = ALLOWED.iter().find(|allowed| allowed.eq_ignore_ascii_case(name));
        let name = allowed.and_then(|allowed| HeaderName::from_bytes(allowed.as_bytes()).ok());
        let name = name.ok_or_else(|| {
            let problem =
                format!("not a header that can be set: it should be one of {}", ALLOWED.join(", "));
            file.error(value, &key, problem)
        })?;
        let text = HeaderValue::from_str(value.value.trim()).map_err(|_| {
            file.error(value, &key, "not the value of a header: it contains a control character")
        })?;
        map.insert(name, text);
    }
    Ok(map)
}
