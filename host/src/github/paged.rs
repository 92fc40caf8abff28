//! Paged lists.
//! <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>

use jiff::Timestamp;
use reqwest::header::{HeaderValue, LINK};

use super::client::{ApiRequest, Client};
use super::error::FetchError;
use super::rate_limit::Weight;
use crate::model::Document;

/// More pages than any list at GitHub has: 100,000 seats are 1,000 pages.
const MAX_PAGES: usize = 10_000;
/// Longer lists wait for the rate limit's reset instead of using up the credential's requests.
const SHORT_LIST: usize = 10;

/// Fetches every page, each a part of the document.
pub(super) async fn fetch(
    client: &Client,
    request: &ApiRequest<'_>,
    old: Option<&Document>,
) -> Result<Option<Document>, FetchError> {
    let fetched_at = Timestamp::now();
    let path = request.path;
    let mut parts = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(page) = next {
        if parts.len() == MAX_PAGES {
            return Err(FetchError::answer(path, format!("it has more than {MAX_PAGES} pages")));
        }
        let weight = if parts.len() < SHORT_LIST { Weight::Single } else { Weight::Bulk };
        let left = client.left(path, &parts)?;
        let Some((mut part, headers)) =
            client.get_part(&request.page(&page), old, left, weight).await?
        else {
            break;
        };
        if let Some(links) = headers.get(LINK) {
            part.next = match next_link(links) {
                None => None,
                Some(link) => Some(client.own_path(&link).ok_or_else(|| {
                    FetchError::answer(
                        &page,
                        "the next page is on another host, which must not receive the token",
                    )
                })?),
            };
        }
        next = part.next.clone();
        parts.push(part);
    }
    Ok((!parts.is_empty()).then(|| Document::new(parts, fetched_at, None)))
}

/// The URL of `<https://…>; rel="next"`.
fn next_link(links: &HeaderValue) -> Option<String> {
    let links = links.to_str().ok()?;
    links.split(',').find_map(|link| {
        let (url, parameters) = link.trim().split_once('>')?;
        let next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        next.then(|| url.trim_start_matches('<').to_owned())
    })
}
