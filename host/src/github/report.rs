//! Usage reports: an answer with links, and a file behind each.
//! <https://docs.github.com/en/rest/copilot/copilot-usage-metrics>

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::Fetched;
use super::client::Client;
use super::document::{Document, Part};
use super::error::FetchError;

/// How many days back from today (UTC) reports are looked for: they lag by 1 to 3 days, sometimes 4.
const MAX_LAG_DAYS: i64 = 4;
/// GitHub revises a day for about three more: after as many days it is final.
const FINAL_AFTER_DAYS: i32 = 4;
/// How often a report's links are asked for anew, where those before have expired.
const MAX_ENVELOPES: usize = 3;

/// What a report's endpoint answers. The links are signed and expire within about an hour.
#[derive(Deserialize)]
struct Envelope {
    download_links: Vec<String>,
    report_day: Option<Date>,
    report_end_day: Option<Date>,
}

/// What came of the links of one envelope.
enum Attempt {
    /// The report, if there is one.
    Fetched(Option<Document>),
    /// A file's host refused a link, as it does once its time is over.
    Expired(FetchError),
}

/// Fetches the report at `path`. `None`: there is none yet.
pub(super) async fn fetch(
    client: &Client,
    path: &str,
    old: Option<&Document>,
) -> Result<Option<Document>, FetchError> {
    let fetched_at = Timestamp::now();
    let mut envelopes = 1;
    loop {
        match fetch_once(client, path, old, fetched_at).await? {
            Attempt::Fetched(document) => return Ok(document),
            Attempt::Expired(error) if envelopes == MAX_ENVELOPES => return Err(error),
            Attempt::Expired(_) => envelopes += 1,
        }
    }
}

async fn fetch_once(
    client: &Client,
    path: &str,
    old: Option<&Document>,
    fetched_at: Timestamp,
) -> Result<Attempt, FetchError> {
    let envelope = client.get_json::<Envelope>(path).await?;
    let Some(envelope) = envelope.filter(|envelope| !envelope.download_links.is_empty()) else {
        return Ok(Attempt::Fetched(None));
    };
    let mut parts: Vec<Part> = Vec::with_capacity(envelope.download_links.len());
    for (number, link) in (1..).zip(&envelope.download_links) {
        let left = client.left(path, &parts)?;
        let what = format!("file {number} of {path}");
        match client.download(&what, link, old, left).await {
            Ok(part) => parts.push(part),
            Err(error @ FetchError::Status { status: 401 | 403 | 404 | 410, .. }) => {
                return Ok(Attempt::Expired(error));
            }
            Err(error) => return Err(error),
        }
    }
    let report_day = envelope.report_day.or(envelope.report_end_day);
    Ok(Attempt::Fetched(Some(Document::new(parts, fetched_at, report_day))))
}

/// Fetches the report of `day`, or else the newest one that there is, looking back from yesterday.
/// GitHub answers 204 where a day has no report yet; for an enterprise it may be 404.
pub(super) async fn by_day(
    client: &Client,
    path: &str,
    day: Option<Date>,
    old: Option<&Document>,
) -> Result<Fetched, FetchError> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let newest_first = (1..=MAX_LAG_DAYS).map(|lag| today.saturating_sub(lag.days()));
    let days = day.into_iter().chain(newest_first.filter(|other| Some(*other) != day));
    let mut not_found = None;
    let mut not_yet = false;
    for day in days {
        let is_final = (today - day).get_days() >= FINAL_AFTER_DAYS;
        if is_final && old.is_some_and(|old| old.report_day == Some(day)) {
            return Ok(Fetched::Kept);
        }
        match fetch(client, &path.replace("{day}", &day.to_string()), old).await {
            Ok(Some(document)) => {
                let report_day = document.report_day.or(Some(day));
                return Ok(Fetched::Fresh(Document { report_day, ..document }));
            }
            Ok(None) => not_yet = true,
            Err(error) if error.is_not_found() => not_found = Some(error),
            Err(error) => return Err(error),
        }
    }
    match not_found {
        // Where every day is "not found" there is no such report at all, or no permission to see it.
        Some(error) if !not_yet => Err(error),
        _ => Ok(Fetched::Absent),
    }
}
