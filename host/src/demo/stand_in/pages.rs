//! Lists in pages.
//! <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>

use axum::http::HeaderValue;
use serde_json::Value;

use super::content::Content;
use crate::demo::template::parameter;

/// GitHub's usual and its largest page.
const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 100;

/// A page of a list, whose rows are in the array under `key`, or which is one. `url` is its URL without a
/// query. `None`: it is not such a list.
pub(super) fn page(list: &[u8], key: Option<&str>, url: &str, query: &str) -> Option<Content> {
    let mut list: Value = serde_json::from_slice(list).ok()?;
    let number = |name| parameter(query, name).and_then(|text| text.parse::<usize>().ok());
    let page = number("page").unwrap_or(1).max(1);
    let size = number("per_page").unwrap_or(DEFAULT_PAGE_SIZE).clamp(1, MAX_PAGE_SIZE);
    let rows = match key {
        Some(key) => list.get_mut(key)?.as_array_mut()?,
        None => list.as_array_mut()?,
    };
    let start = page.saturating_sub(1).saturating_mul(size);
    let has_next = rows.len() > start.saturating_add(size);
    *rows = rows.drain(..).skip(start).take(size).collect();
    let mut content = Content::new(list.to_string());
    if has_next {
        let link = format!("<{url}?per_page={size}&page={}>; rel=\"next\"", page + 1);
        content.link = HeaderValue::try_from(link).ok();
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_and_link(query: &str) -> (String, Option<String>) {
        let page = page(b"{\"total\":5,\"rows\":[1,2,3,4,5]}", Some("rows"), "http://a/b", query);
        let page = page.unwrap();
        let link = page.link.map(|link| link.to_str().unwrap().to_owned());
        (String::from_utf8(page.body.to_vec()).unwrap(), link)
    }

    #[test]
    fn each_page_but_the_last_leads_to_the_next() {
        let (first, link) = body_and_link("per_page=2");
        assert_eq!(first, "{\"total\":5,\"rows\":[1,2]}");
        assert_eq!(link.as_deref(), Some("<http://a/b?per_page=2&page=2>; rel=\"next\""));
        let (last, link) = body_and_link("per_page=2&page=3");
        assert_eq!((last.as_str(), link), ("{\"total\":5,\"rows\":[5]}", None));
        let (beyond, link) = body_and_link("page=18446744073709551615");
        assert_eq!((beyond.as_str(), link), ("{\"total\":5,\"rows\":[]}", None));
    }
}
