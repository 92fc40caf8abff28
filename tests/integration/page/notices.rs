use copilot_metrics_tests::command::{Serving, run};
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::Mappings;

use super::{page_that_contains, page_with_charts};
use crate::serving::{command, metrics, serving};

const NOTICE: &str = "This is demo data: none of it comes from GitHub.";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_a_gauge_say_that_demo_data_is_demo_data() {
    let demo = Serving::demo();
    assert!(page_with_charts(&demo, "/").await.contains(NOTICE));
    assert_eq!(metrics(&demo).await.value("copilot_exporter_demo"), 1.0);
    let github = stand_in().await;
    let real = serving(&github, "octodemo");
    real.wait_for("refreshed");
    assert!(!page_with_charts(&real, "/").await.contains(NOTICE));
    assert_eq!(metrics(&real).await.value("copilot_exporter_demo"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_mapping_file_is_on_the_page_with_the_reason_until_it_is_removed() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("notes<1>.wasm", b"This is not a mapping.");
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path());
    let serving = Serving::start(command);
    let html = page_that_contains(&serving, "Problems with mappings").await;
    let listed = html.split("<h2>Problems with mappings</h2>").nth(1).unwrap();
    let listed = listed.split("</section>").next().unwrap();
    assert_eq!(listed.matches("<li").count(), 1, "{listed}");
    assert!(listed.contains("not a WebAssembly component"), "{listed}");
    // A name may contain anything.
    assert!(listed.contains("notes&#60;1&#62;.wasm"), "{listed}");
    mappings.remove("notes<1>.wasm");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let html = page_with_charts(&serving, "/").await;
    assert!(!html.contains("Problems with mappings"), "{html}");
}

/// The targets of all links and resources of a page.
fn links(html: &str) -> Vec<&str> {
    let attributes = ["href=\"", "src=\"", "action=\"", "url("];
    let links = attributes.iter().flat_map(|attribute| html.split(attribute).skip(1));
    links.map(|rest| rest.split(['"', ')']).next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_to_the_exporter_is_relative_so_that_it_works_behind_a_path_prefix() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo,unknown");
    for _ in 0..2 {
        serving.wait_for(" refresh");
    }
    let mut found = 0;
    for path in ["/", "/?org=octodemo", "/?org=nobody"] {
        let html = page_with_charts(&serving, path).await;
        let (html, footer) = html.split_once("<footer>").unwrap();
        for link in links(html) {
            assert!(!link.starts_with('/') && !link.contains("://"), "{path}: {link}");
            found += 1;
        }
        assert!(links(footer).iter().all(|link| link.starts_with("https://")), "{footer}");
    }
    assert!(found > 30, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_links_to_the_documentation_and_to_grafana_if_its_url_is_set() {
    let github = stand_in().await;
    let page = async |url: &str| {
        let mut command = command(&github, "octodemo");
        command.env("WEB_GRAFANA_URL", url).env("WEB_ROUTE_PREFIX", "/copilot");
        let serving = Serving::start(command);
        serving.get("/copilot/").await.1
    };
    let without = page("").await;
    assert!(without.contains("<a href=\"https://docs.github.com/"), "{without}");
    assert!(!without.contains("Grafana"), "{without}");
    // As it is: the prefix is not its own.
    let with = page("https://grafana.example.com/d/copilot?from=now-28d&to=now").await;
    let url = "https://grafana.example.com/d/copilot?from=now-28d&#38;to=now";
    assert!(with.contains(&format!("<a href=\"{url}\" rel=\"noreferrer\">Grafana</a>")), "{with}");
}

#[test]
fn check_config_refuses_a_grafana_url_that_is_not_of_a_web_site() {
    for url in ["javascript:alert(1)", "https://me:hunter2@grafana.example.com"] {
        let output = run(["check-config", "--web.grafana-url", url]);
        assert_eq!(output.status.code(), Some(64));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("--web.grafana-url (WEB_GRAFANA_URL): "), "{error}");
        assert!(!error.contains("hunter2") && error.lines().count() == 1, "{error}");
    }
}
