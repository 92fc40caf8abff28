use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::github::{Options, StandIn, stand_in_with};
use serde_json::json;

use super::{metrics, serving_every};

const PATH: &str = "/orgs/octodemo/copilot/billing/seats";

/// A page of seats: the numbers of its users, and the query of the next page, if there is one.
type Page = (Vec<u64>, Option<&'static str>);

/// A list of seats, which a test changes.
#[derive(Clone, Default)]
struct List {
    total: u64,
    /// By the value of the parameter `page`; the last one answers for every further number.
    pages: Vec<Page>,
    /// Where the next pages are, if not below the same path.
    endpoint: Option<&'static str>,
    requested: usize,
}

/// A stand-in whose seats are those of a list.
async fn with_seats(list: &Arc<Mutex<List>>) -> StandIn {
    let shared = Arc::clone(list);
    let respond = move |uri: Uri, headers: HeaderMap| {
        let list = Arc::clone(&shared);
        async move { page(&mut list.lock().unwrap(), &uri, &headers) }
    };
    let routes = Router::new().route(PATH, get(respond));
    stand_in_with(Options { routes, ..Options::default() }).await
}

fn page(list: &mut List, uri: &Uri, headers: &HeaderMap) -> Response {
    list.requested += 1;
    let mut query = uri.query().unwrap_or_default().split('&');
    let number = query.find_map(|pair| pair.strip_prefix("page=")?.parse().ok()).unwrap_or(1);
    let Some((users, next)) = list.pages.get(number - 1).or(list.pages.last()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let seat = |id: &u64| json!({"plan_type": "business", "assignee": {"id": id, "login": format!("user-{id}")}});
    let seats: Vec<_> = users.iter().map(seat).collect();
    let body = json!({"total_seats": list.total, "seats": seats}).to_string();
    let host = headers["host"].to_str().unwrap();
    let path = list.endpoint.unwrap_or(PATH);
    match next {
        Some(next) => {
            let link = format!("<http://{host}{path}?{next}>; rel=\"next\"");
            ([("link", link)], body).into_response()
        }
        None => body.into_response(),
    }
}

/// Three users on two pages. The link has commas, as URLs may.
fn good() -> List {
    let pages = vec![(vec![1, 2], Some("fields=a,b&page=2")), (vec![3], None)];
    List { total: 3, pages, ..List::default() }
}

/// After a good list, one like this is a failure with these words: the last good one is kept, it ends soon,
/// and log, page and metric name the document.
async fn is_a_failure(bad: List, words: &str) {
    let list = Arc::new(Mutex::new(good()));
    let github = with_seats(&list).await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    assert_eq!(metrics(&serving).await.sum("github_copilot_seats", ""), 3.0);
    *list.lock().unwrap() = bad;
    let line = serving.wait_for("left_out=");
    assert!(line.contains("WARN refreshed without some optional data"), "{line}");
    assert!(line.contains("seats") && line.contains(words), "{line}");
    let requested = list.lock().unwrap().requested;
    assert!(requested <= 3, "{requested}");
    says_so(&serving, words).await;
    // The next good list is taken.
    *list.lock().unwrap() = List { total: 1, pages: vec![(vec![7], None)], ..List::default() };
    loop {
        let line = serving.wait_for(" refreshed ");
        if !line.contains("left_out=") {
            break;
        }
    }
    assert_eq!(metrics(&serving).await.sum("github_copilot_seats", ""), 1.0);
}

async fn says_so(serving: &Serving, words: &str) {
    let exposition = metrics(serving).await;
    assert_eq!(exposition.sum("github_copilot_seats", ""), 3.0, "{words}");
    let failures = exposition.sum("copilot_exporter_document_failures_total", "\"seats\"");
    assert!(failures >= 1.0, "{words}");
    // The other documents go on.
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    let (_, html) = serving.get("/").await;
    let optional = html.split("Optional data that is not available").nth(1).unwrap_or_default();
    assert!(optional.contains(words), "{words}: {html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commas_in_the_link_to_the_next_page_do_not_matter() {
    let list = Arc::new(Mutex::new(good()));
    let github = with_seats(&list).await;
    let serving = serving_every(&github, "octodemo", "3600");
    serving.wait_for("refreshed");
    assert_eq!(metrics(&serving).await.sum("github_copilot_seats", ""), 3.0);
    assert_eq!(list.lock().unwrap().requested, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_page_that_leads_to_itself_ends_the_list() {
    let pages = vec![(vec![1, 2], Some("page=2")), (vec![3], Some("page=2"))];
    is_a_failure(List { total: 3, pages, ..List::default() }, "lead back to one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_repeat_under_new_numbers_end_the_list() {
    let pages = vec![(vec![1, 2], Some("page=2")), (vec![1, 2], Some("page=3"))];
    is_a_failure(List { total: 3, pages, ..List::default() }, "are the same").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_shorter_than_its_total_is_not_used() {
    for pages in [
        // The header with the next page is missing, or the second page is empty.
        vec![(vec![1, 2], None)],
        vec![(vec![1, 2], Some("page=2")), (vec![], None)],
    ] {
        is_a_failure(List { total: 250, pages, ..List::default() }, "250").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_where_there_were_seats_is_not_used() {
    is_a_failure(List { total: 3, pages: vec![(vec![], None)], ..List::default() }, "3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_page_of_another_endpoint_is_not_requested() {
    let pages = vec![(vec![1, 2], Some("page=2"))];
    let endpoint = Some("/orgs/octodemo/members");
    is_a_failure(List { total: 3, pages, endpoint, ..List::default() }, "another endpoint").await;
}
