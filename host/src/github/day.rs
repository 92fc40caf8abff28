//! Day documents: finds the newest day that GitHub has, or fetches a given one.

use jiff::ToSpan;
use jiff::civil::Date;

use super::client::Client;
use super::error::FetchError;
use super::fetched::Fetched;
use crate::model::day::{is_final, today};
use crate::model::{Document, DocumentSpec};

/// Reports lag by 1 to 3 days, sometimes 4: no older day is requested.
const MAX_LAG_DAYS: i64 = 4;

/// The days on which the newest document may be, newest first.
pub(super) fn candidate_days(today: Date) -> impl Iterator<Item = Date> {
    (1..=MAX_LAG_DAYS).map(move |lag| today.saturating_sub(lag.days()))
}

/// Fetches the document of the newest day, and of `joined_day` if that is a different one. GitHub
/// returns 204 if a day has no report yet; for an enterprise it may be 404.
pub(super) async fn newest(
    client: &Client,
    spec: &DocumentSpec,
    joined_day: Option<Date>,
    old: Option<&Document>,
) -> Result<Fetched, FetchError> {
    let today = today();
    let mut not_found = None;
    let mut not_yet = false;
    for day in candidate_days(today).filter(|day| spec.has_day(*day, today)) {
        // The joined day may have changed since then, or may not have been requested.
        let has_joined = |old: &Document| {
            joined_day.is_none_or(|joined| old.parts.iter().any(|part| part.day == Some(joined)))
        };
        let is_stored = |old: &Document| old.report_day == Some(day) && has_joined(old);
        if is_final(day, today) && old.is_some_and(is_stored) {
            return Ok(Fetched::Final);
        }
        match client.fetch_once(spec, Some(day), old).await {
            Ok(Some(document)) => {
                let joined_day = joined_day.filter(|joined| *joined != day);
                return join(client, spec, document, joined_day, old).await.map(Fetched::Fresh);
            }
            Ok(None) => not_yet = true,
            Err(error) if error.is_not_found() => not_found = Some(error),
            Err(error) => return Err(error),
        }
    }
    match not_found {
        // If no day is found, the report does not exist, or the credential may not read it.
        Some(error) if !not_yet => Err(error),
        _ => Ok(Fetched::Absent),
    }
}

/// Fetches the document of a day. Absent is one that GitHub says it does not have (204). A 404 says less:
/// perhaps there is no report of that day, perhaps the credential may not read any.
pub(super) async fn exactly(
    client: &Client,
    spec: &DocumentSpec,
    day: Date,
    old: Option<&Document>,
) -> Result<Fetched, FetchError> {
    match client.fetch_once(spec, Some(day), old).await {
        Ok(Some(document)) => match document.report_day.filter(|found| *found != day) {
            Some(found) => {
                let path = spec.path_for(client.target().login(), Some(day));
                Err(FetchError::answer(&path, format!("it is about {found}, not about {day}")))
            }
            None => Ok(Fetched::Fresh(document)),
        },
        Ok(None) => Ok(Fetched::Absent),
        Err(error) => Err(error),
    }
}

/// Prepends the parts of another day. If GitHub does not have that day, nothing is added.
async fn join(
    client: &Client,
    spec: &DocumentSpec,
    mut document: Document,
    joined_day: Option<Date>,
    old: Option<&Document>,
) -> Result<Document, FetchError> {
    let Some(day) = joined_day else { return Ok(document) };
    match client.fetch_once(spec, Some(day), old).await {
        Ok(Some(joined)) => document.parts.splice(0..0, joined.parts).for_each(drop),
        Ok(None) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::{FetchKind, Need, Scope};

    #[test]
    fn the_newest_day_is_looked_for_from_yesterday_back_to_four_days_ago() {
        let days: Vec<_> = candidate_days(date(2026, 3, 2)).collect();
        assert_eq!(days.first(), Some(&date(2026, 3, 1)));
        assert_eq!(days.last(), Some(&date(2026, 2, 26)));
        assert_eq!(days.len(), 4);
    }

    #[test]
    fn a_month_that_has_just_begun_and_has_no_usage_yet_leaves_the_month_before() {
        let path = "/organizations/{org}/usage?year={year}&month={month}".to_owned();
        let spec = DocumentSpec {
            name: "usage".to_owned(),
            scope: Scope::Organization,
            path,
            fetch: FetchKind::Plain,
            need: Need::Optional,
            fallback_for: None,
            same_day_as: vec![],
            only_with: vec![],
            permission: None,
        };
        let paths = |today| {
            let days = candidate_days(today).filter(|day| spec.has_day(*day, today));
            days.map(|day| spec.path_for("o", Some(day))).collect::<Vec<_>>()
        };
        let path = |year, month| format!("/organizations/o/usage?year={year}&month={month}");
        assert_eq!(paths(date(2027, 1, 1)), [path(2026, 12)]);
        assert_eq!(paths(date(2027, 1, 2)), [path(2027, 1), path(2026, 12)]);
        assert_eq!(paths(date(2027, 1, 31)), [path(2027, 1)]);
    }
}
