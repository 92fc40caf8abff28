//! Paged lists.
//! <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>

use std::collections::HashSet;

use jiff::Timestamp;
use reqwest::header::LINK;
use serde::Deserialize;

use super::client::{ApiRequest, Client};
use super::error::FetchError;
use super::link;
use super::rate_limit::Weight;
use crate::body::Body;
use crate::model::{Document, Part};

/// More pages than any list at GitHub has: 100,000 seats are 1,000 pages.
const MAX_PAGES: usize = 10_000;
/// Longer lists wait for the rate limit's reset instead of using up the credential's requests.
pub(super) const SHORT_LIST: usize = 10;
/// GitHub's default for `per_page`.
const DEFAULT_PER_PAGE: u64 = 30;
/// A list may have several rows for what its total counts once: an enterprise's seats have one for each
/// organization that grants it.
const MAX_ROWS_PER_COUNTED: u64 = 10;

/// How GitHub counts the items of a list in each page.
#[derive(Deserialize)]
struct Totals {
    #[serde(alias = "total_seats")]
    total_count: Option<u64>,
}

/// Fetches every page, each a part of the document.
pub(super) async fn fetch(
    client: &Client,
    request: &ApiRequest<'_>,
    old: Option<&Document>,
) -> Result<Option<Document>, FetchError> {
    let fetched_at = Timestamp::now();
    let path = request.path;
    let mut parts: Vec<Part> = Vec::new();
    let mut requested = HashSet::new();
    let mut max_pages = MAX_PAGES;
    let mut next = Some(path.to_owned());
    while let Some(page) = next {
        if !requested.insert(page.clone()) {
            let reason = "its pages lead back to one that has been read";
            return Err(FetchError::answer(path, reason));
        }
        if parts.len() == max_pages {
            let reason = format!("it has more than the {max_pages} pages that its total can need");
            return Err(FetchError::answer(path, reason));
        }
        let weight = if parts.len() < SHORT_LIST { Weight::Single } else { Weight::Bulk };
        let left = client.left(path, &parts)?;
        let Some((mut part, headers)) =
            client.get_part(&request.page(&page), old, left, weight).await?
        else {
            break;
        };
        let links = headers.get(LINK).and_then(|links| links.to_str().ok());
        if headers.contains_key(LINK) {
            let link = links.and_then(link::next);
            part.next = link.map(|link| next_page(client, path, &page, link)).transpose()?;
        }
        if parts.last().is_some_and(|previous| previous.body == part.body) {
            let reason = "two of its pages in a row are the same";
            return Err(FetchError::answer(path, reason));
        }
        if parts.is_empty() {
            max_pages = max_pages.min(most_pages(path, &part.body));
        }
        next = part.next.clone();
        parts.push(part);
    }
    Ok((!parts.is_empty()).then(|| Document::new(parts, fetched_at, None)))
}

/// The path of the next page: the token must not be sent to another host or endpoint.
pub(super) fn next_page(
    client: &Client,
    path: &str,
    page: &str,
    link: &str,
) -> Result<String, FetchError> {
    let refused = |reason: &str| FetchError::answer(page, reason);
    let next = client.own_path(link).ok_or_else(|| {
        refused("the next page is on another host, which must not receive the token")
    })?;
    match endpoint(&next) == endpoint(path) {
        true => Ok(next),
        false => Err(refused("the next page belongs to another endpoint")),
    }
}

/// What a path is about, without its owner, which GitHub's links may name by number
/// (`/organizations/9919/copilot/…` for `/orgs/octo-org/copilot/…`), and without its query.
fn endpoint(path: &str) -> Vec<&str> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split('/').filter(|segment| !segment.is_empty()).skip(2).collect()
}

/// The largest number of pages that a list can have, if it says how many items it has.
fn most_pages(path: &str, first: &Body) -> usize {
    let totals = serde_json::from_reader::<_, Totals>(first.reader());
    let Some(total) = totals.ok().and_then(|totals| totals.total_count) else { return MAX_PAGES };
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let per_page = query.split('&').find_map(|pair| pair.strip_prefix("per_page="));
    let per_page = per_page.and_then(|number| number.parse().ok()).unwrap_or(DEFAULT_PER_PAGE);
    let rows = total.saturating_mul(MAX_ROWS_PER_COUNTED);
    // One more, as the list may grow meanwhile.
    let pages = rows.div_ceil(per_page.max(1)).saturating_add(1);
    usize::try_from(pages).unwrap_or(MAX_PAGES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_belongs_to_its_endpoint_however_the_owner_is_named() {
        let path = "/orgs/octo-org/copilot/billing/seats?per_page=100";
        assert_eq!(endpoint("/organizations/9919/copilot/billing/seats?page=2"), endpoint(path));
        assert_ne!(endpoint("/orgs/octo-org/copilot/billing"), endpoint(path));
        assert_ne!(endpoint("/user/repos"), endpoint(path));
    }

    #[test]
    fn a_list_has_no_more_pages_than_its_total_can_need() {
        let body = |text: &str| Body::of(text.as_bytes()).unwrap();
        let path = "/orgs/o/copilot/billing/seats?per_page=100";
        assert_eq!(most_pages(path, &body("{\"total_seats\":340,\"seats\":[]}")), 35);
        assert_eq!(most_pages("/orgs/o/runners", &body("{\"total_count\":0}")), 1);
        for unknown in ["[]", "{\"seats\":[]}", "<html>"] {
            assert_eq!(most_pages(path, &body(unknown)), MAX_PAGES, "{unknown}");
        }
    }
}
