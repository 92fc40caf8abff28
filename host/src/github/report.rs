//! Usage reports: a response with download links, and a file behind each.
//! <https://docs.github.com/en/rest/copilot/copilot-usage-metrics>

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::client::{ApiRequest, Client};
use super::error::FetchError;
use crate::body::Body;
use crate::model::day::day_of;
use crate::model::{Document, Part};

/// How often a report's links are requested, if the previous ones have expired.
const MAX_ENVELOPES: usize = 3;

/// The response of a report's endpoint. The links are signed and expire within about an hour.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub download_links: Vec<String>,
    report_day: Option<Date>,
    report_end_day: Option<Date>,
}

impl Envelope {
    /// The day that the report is about, if it says so.
    pub(super) fn day(&self, path: &str, now: Timestamp) -> Result<Option<Date>, FetchError> {
        let day = self.report_day.or(self.report_end_day);
        match day.filter(|day| !is_plausible(*day, now)) {
            Some(day) => Err(FetchError::answer(path, format!("it says that it is about {day}"))),
            None => Ok(day),
        }
    }
}

/// The result of the links of one envelope.
enum Attempt {
    /// The report, if GitHub has it.
    Fetched(Option<Document>),
    /// The file host refused a link, as it does after the link has expired.
    Expired(FetchError),
}

/// Fetches a report. `None` if GitHub does not have it yet.
pub(super) async fn fetch(
    client: &Client,
    request: &ApiRequest<'_>,
    old: Option<&Document>,
) -> Result<Option<Document>, FetchError> {
    let fetched_at = Timestamp::now();
    let mut envelopes = 1;
    loop {
        match fetch_once(client, request, old, fetched_at).await? {
            Attempt::Fetched(document) => return Ok(document),
            Attempt::Expired(error) if envelopes == MAX_ENVELOPES => return Err(error),
            Attempt::Expired(_) => envelopes += 1,
        }
    }
}

/// Whether a report can be about a day: not before 2020, and not in the future as other clocks see it.
fn is_plausible(day: Date, now: Timestamp) -> bool {
    let latest = day_of(now).saturating_add(1.day());
    (date(2020, 1, 1)..=latest).contains(&day)
}

async fn fetch_once(
    client: &Client,
    request: &ApiRequest<'_>,
    old: Option<&Document>,
    fetched_at: Timestamp,
) -> Result<Attempt, FetchError> {
    let Some(envelope) = client.get_json::<Envelope>(request).await? else {
        return Ok(Attempt::Fetched(None));
    };
    let report_day = envelope.day(request.path, fetched_at)?;
    if envelope.download_links.is_empty() {
        // The report of one day without files says that nothing happened, and mappings get to know that
        // in GitHub's own words. One of 28 days without files would replace data: it does not exist yet.
        let Some(day) = envelope.report_day else { return Ok(Attempt::Fetched(None)) };
        let body =
            Body::of(format!("{{\"download_links\":[],\"report_day\":\"{day}\"}}").as_bytes());
        let body = body.map_err(|error| FetchError::answer(request.path, error.to_string()))?;
        let part = Part { body, validator: None, next: None, day: None };
        return Ok(Attempt::Fetched(Some(Document::new(vec![part], fetched_at, Some(day)))));
    }
    let mut parts: Vec<Part> = Vec::with_capacity(envelope.download_links.len());
    for (number, link) in (1..).zip(&envelope.download_links) {
        let left = client.left(request.path, &parts)?;
        let what = format!("file {number} of {}", request.path);
        match client.download(&what, link, old, left).await {
            Ok(part) => parts.push(part),
            Err(error @ FetchError::Status { status: 401 | 403 | 404 | 410, .. }) => {
                return Ok(Attempt::Expired(error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Attempt::Fetched(Some(Document::new(parts, fetched_at, report_day))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_about_a_day_since_2020_up_to_tomorrow() {
        let now: Timestamp = "2026-11-22T23:00:00Z".parse().unwrap();
        for (day, plausible) in [
            (date(2019, 12, 31), false),
            (date(2020, 1, 1), true),
            (date(2026, 11, 23), true),
            (date(2026, 11, 24), false),
        ] {
            assert_eq!(is_plausible(day, now), plausible, "{day}");
        }
    }
}
