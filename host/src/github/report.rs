//! Usage reports: an answer with links, and a file behind each.
//! <https://docs.github.com/en/rest/copilot/copilot-usage-metrics>

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::client::Client;
use super::{Document, FetchError};

/// How many days back from today (UTC) reports are looked for: they lag by 1 to 3 days, sometimes 4.
const MAX_LAG_DAYS: i64 = 4;

/// What a report's endpoint answers. The links are signed and expire within about an hour.
#[derive(Deserialize)]
struct Envelope {
    download_links: Vec<String>,
    report_day: Option<Date>,
    report_end_day: Option<Date>,
}

/// Fetches the report at `path`. `None`: there is none yet.
pub(super) async fn fetch(client: &Client, path: &str) -> Result<Option<Document>, FetchError> {
    let fetched_at = Timestamp::now();
    let Some(envelope) = client.get_json::<Envelope>(path).await? else { return Ok(None) };
    if envelope.download_links.is_empty() {
        return Ok(None);
    }
    let mut parts = Vec::with_capacity(envelope.download_links.len());
    for (number, link) in (1..).zip(&envelope.download_links) {
        parts.push(client.download(&format!("file {number} of {path}"), link).await?);
        super::check_size(path, &parts)?;
    }
    let report_day = envelope.report_day.or(envelope.report_end_day);
    Ok(Some(Document { parts, fetched_at, report_day }))
}

/// Fetches the report of `day`, or the newest one that there is, looking back from yesterday.
/// GitHub answers 204 where a day has no report yet; for an enterprise it may be 404.
pub(super) async fn by_day(
    client: &Client,
    path: &str,
    day: Option<Date>,
) -> Result<Option<Document>, FetchError> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let days = match day {
        Some(day) => vec![day],
        None => (1..=MAX_LAG_DAYS).map(|lag| today.saturating_sub(lag.days())).collect(),
    };
    let mut not_found = None;
    let mut not_yet = false;
    for day in days {
        match fetch(client, &path.replace("{day}", &day.to_string())).await {
            Ok(Some(document)) => {
                let report_day = document.report_day.or(Some(day));
                return Ok(Some(Document { report_day, ..document }));
            }
            Ok(None) => not_yet = true,
            Err(error) if error.is_not_found() => not_found = Some(error),
            Err(error) => return Err(error),
        }
    }
    match not_found {
        // Where every day is "not found" there is no such report at all, or no permission to see it.
        Some(error) if !not_yet => Err(error),
        _ => Ok(None),
    }
}
