//! The private parts that the fuzz targets in `tests/fuzz` call. Only `cargo fuzz` builds it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::header::HeaderMap;
use url::Url;

use super::client::{Client, decode, resource_of as resource};
use super::error::FetchError;
use super::report::Envelope;
use super::{hosts, link, paged, rate_limit, transport};
use crate::body::Body;

/// The URL of the next page in a `Link` header.
pub fn next_link(header: &str) -> Option<&str> {
    link::next(header)
}

/// The path of the next page of the list at `path`.
pub fn next_page(client: &Client, path: &str, link: &str) -> Result<String, FetchError> {
    paged::next_page(client, path, path, link)
}

/// The URL that is requested for a path.
pub fn url_of(api: &Url, path: &str) -> Result<Url, FetchError> {
    transport::url_of(api, path)
}

/// The download links of a report's envelope, and the day that it is about.
pub fn envelope(body: &Body, now: Timestamp) -> Result<(Vec<String>, Option<Date>), FetchError> {
    let envelope: Envelope = decode("/report", body)?;
    let day = envelope.day("/report", now)?;
    Ok((envelope.download_links, day))
}

/// Whether a report's file may be downloaded from `url`.
pub fn may_download(api: &Url, url: &Url) -> Result<(), String> {
    hosts::may_download(api, &[], url)
}

/// What identifies the target of a link.
pub fn resource_of(link: &Url) -> String {
    resource(link)
}

/// How long a response says to wait.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    rate_limit::retry_after(headers)
}
