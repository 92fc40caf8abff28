//! Lists that come in pages.
//! <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>

use jiff::Timestamp;
use reqwest::header::{HeaderMap, LINK};

use super::client::{Client, read_body};
use super::{Document, FetchError};

/// More pages than any list of GitHub's has: 100,000 seats are 1,000.
const MAX_PAGES: usize = 10_000;

/// Fetches every page, each a part of the document.
pub(super) async fn fetch(client: &Client, path: &str) -> Result<Option<Document>, FetchError> {
    let fetched_at = Timestamp::now();
    let mut parts = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(page) = next {
        if parts.len() == MAX_PAGES {
            let reason = format!("it has more than {MAX_PAGES} pages");
            return Err(FetchError::Answer { what: path.to_owned(), reason });
        }
        let Some(response) = client.get(&page).await? else { break };
        next = match next_link(response.headers()) {
            None => None,
            Some(link) => Some(client.own_path(&link).ok_or_else(|| FetchError::Answer {
                what: page.clone(),
                reason: "its next page is at another host, which must not get the token".to_owned(),
            })?),
        };
        parts.push(read_body(&page, response).await?);
        super::check_size(path, &parts)?;
    }
    Ok((!parts.is_empty()).then_some(Document { parts, fetched_at, report_day: None }))
}

/// The URL of `<https://…>; rel="next"`.
fn next_link(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(LINK)?.to_str().ok()?;
    links.split(',').find_map(|link| {
        let (url, parameters) = link.trim().split_once('>')?;
        let next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        next.then(|| url.trim_start_matches('<').to_owned())
    })
}
