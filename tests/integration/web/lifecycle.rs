use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::config::Config;

use super::{PASSWORD, users};

/// A demo with these flags, and only these.
fn started(flags: &[&str]) -> Serving {
    let mut command = exporter();
    command.arg("--demo").args(flags);
    Serving::start_with_own_log_level(command)
}

fn reload(serving: &Serving) -> reqwest::RequestBuilder {
    client().post(serving.url("/-/reload"))
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_over_http_are_off_unless_they_are_enabled() {
    let off = started(&[]);
    let refused = reload(&off).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let text = refused.text().await.unwrap();
    assert!(text.contains("--web.enable-lifecycle") && text.contains("SIGHUP"), "{text}");
    assert!(!off.log().contains("reloaded"), "{}", off.log());
    let on = started(&["--web.enable-lifecycle"]);
    assert_eq!(reload(&on).send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_web_config_may_reload_and_nobody_else() {
    let web = Config::new(&users());
    let serving = started(&["--web.config.file", web.path().to_str().unwrap()]);
    assert_eq!(reload(&serving).send().await.unwrap().status(), 401);
    let request = reload(&serving).basic_auth("prometheus", Some(PASSWORD));
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_can_not_start_a_reload() {
    let serving = started(&["--web.enable-lifecycle"]);
    for foreign in ["https://example.com", "null", "http://127.0.0.1:1", ""] {
        let request = reload(&serving).header("origin", foreign);
        assert_eq!(request.send().await.unwrap().status(), 403, "{foreign:?}");
    }
    let own = format!("http://{}", serving.address());
    assert_eq!(reload(&serving).header("origin", own).send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_for_a_reload_at_once_are_served_by_few_reloads() {
    let serving = started(&["--web.enable-lifecycle"]);
    let requests = (0..50).map(|_| reload(&serving).send());
    for response in futures_util::future::join_all(requests).await {
        assert_eq!(response.unwrap().status(), 200);
    }
    // One runs, and those that arrive meanwhile wait for the next one.
    let reloads = serving.log().matches("settings reloaded").count();
    assert!((1..=25).contains(&reloads), "{reloads} reloads");
}
