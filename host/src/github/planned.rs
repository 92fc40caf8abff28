//! How many requests a fetch takes, without sending any. Pure: the day is handed in.

use jiff::civil::Date;

use super::day::candidate_days;
use super::paged::SHORT_LIST;
use crate::model::day::is_final;
use crate::model::{Document, DocumentSpec, FetchKind};

/// Requests that count toward a rate limit. Downloads of report files don't.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlannedRequests {
    /// All of them.
    pub all: u64,
    /// Pages of a long list, which leave a fifth of the limit to other documents.
    pub bulk: u64,
}

/// The most requests that the next fetch of a document takes, as far as its stored version tells. A list that
/// is not stored counts as one page. That GitHub does not count a list that has not changed is left out.
pub fn planned_requests(
    spec: &DocumentSpec,
    stored: Option<&Document>,
    today: Date,
) -> PlannedRequests {
    let stored = stored.filter(|stored| stored.is_of(spec));
    if spec.is_of_day() {
        let newest = stored.and_then(|stored| stored.report_day);
        // From yesterday back to the newest day that GitHub has, which is requested if it is not final.
        let is_requested = |day: &Date| {
            spec.has_day(*day, today)
                && newest.is_none_or(|newest| {
                    *day > newest || *day == newest && !is_final(newest, today)
                })
        };
        let days = candidate_days(today).filter(is_requested).count();
        // The day of the documents that it is joined with.
        let mut joined = stored.map_or(&[][..], |stored| &stored.parts).iter();
        let joined = joined.any(|part| part.day.is_some() && part.day != newest);
        return PlannedRequests { all: (days + usize::from(joined)) as u64, bulk: 0 };
    }
    let pages = match spec.fetch {
        FetchKind::Paged => stored.map_or(1, |stored| stored.parts.len().max(1)),
        FetchKind::Plain | FetchKind::Report => 1,
    };
    PlannedRequests { all: pages as u64, bulk: pages.saturating_sub(SHORT_LIST) as u64 }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;
    use crate::body::Body;
    use crate::model::{Need, Part, Scope};

    fn spec(path: &str, fetch: FetchKind) -> DocumentSpec {
        DocumentSpec {
            name: "document".to_owned(),
            scope: Scope::Organization,
            path: path.to_owned(),
            fetch,
            need: Need::Required,
            fallback_for: None,
            same_day_as: vec![],
            only_with: vec![],
            permission: None,
        }
    }

    fn stored(spec: &DocumentSpec, days: &[Option<Date>], newest: Option<Date>) -> Document {
        let part = |day: &Option<Date>| Part {
            body: Body::of(b"{}").unwrap(),
            validator: None,
            next: None,
            day: *day,
        };
        let parts = days.iter().map(part).collect();
        Document { source: spec.source(), ..Document::new(parts, Timestamp::now(), newest) }
    }

    #[test]
    fn a_list_takes_a_request_for_each_page_and_long_ones_leave_a_reserve() {
        let today = date(2026, 11, 20);
        let seats = spec("/orgs/{org}/seats", FetchKind::Paged);
        let requests = |pages: usize| {
            planned_requests(&seats, Some(&stored(&seats, &vec![None; pages], None)), today)
        };
        assert_eq!(planned_requests(&seats, None, today), PlannedRequests { all: 1, bulk: 0 });
        assert_eq!(requests(10), PlannedRequests { all: 10, bulk: 0 });
        assert_eq!(requests(1000), PlannedRequests { all: 1000, bulk: 990 });
        // A report takes one, however many files it has: those are downloaded from another host.
        let report = spec("/orgs/{org}/report", FetchKind::Report);
        let files = stored(&report, &[None; 20], Some(date(2026, 11, 18)));
        assert_eq!(planned_requests(&report, Some(&files), today).all, 1);
    }

    #[test]
    fn a_report_of_a_day_is_looked_for_back_to_the_newest_one() {
        let today = date(2026, 11, 20);
        let report = spec("/orgs/{org}/report?day={day}", FetchKind::Report);
        let requests = |newest: Option<Date>| {
            let document = newest.map(|newest| stored(&report, &[Some(newest)], Some(newest)));
            planned_requests(&report, document.as_ref(), today).all
        };
        assert_eq!(requests(None), 4);
        for (newest, expected) in [(19, 1), (18, 2), (17, 3), (16, 3), (10, 4)] {
            assert_eq!(requests(Some(date(2026, 11, newest))), expected, "{newest}");
        }
        // One that is joined with documents of another day is fetched for both.
        let (newest, joined) = (date(2026, 11, 19), date(2026, 11, 18));
        let both = stored(&report, &[Some(joined), Some(newest)], Some(newest));
        assert_eq!(planned_requests(&report, Some(&both), today).all, 2);
        // The usage of a month is asked for as of yesterday.
        let month = spec("/orgs/{org}/usage?year={year}&month={month}", FetchKind::Plain);
        assert_eq!(planned_requests(&month, None, today).all, 1);
    }
}
