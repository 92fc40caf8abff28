use copilot_metrics_tests::command::{Serving, client, exporter, output};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use reqwest::Client;
use reqwest::redirect::Policy;

/// A demo with these flags.
fn started(flags: &[&str]) -> Serving {
    let mut command = exporter();
    command.arg("--demo").args(flags);
    Serving::start_with_targets(command, 3)
}

/// The status of a path, and where it redirects to.
async fn status(serving: &Serving, path: &str) -> (u16, String) {
    let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let response = client.get(serving.url(path)).send().await.unwrap();
    let location = response.headers().get("location").map(|location| location.to_str().unwrap());
    (response.status().as_u16(), location.unwrap_or_default().to_owned())
}

fn checked(address: &str, variable: &str, value: &str) -> (Option<i32>, String) {
    let mut command = exporter();
    command.arg("healthcheck").env("LISTEN_ADDRESS", address).env(variable, value);
    let output = output(command);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_and_link_respects_the_path_of_the_external_url() {
    let serving = started(&["--web.external-url=https://example.com/tools/copilot/"]);
    let found = |location: &str| (302, location.to_owned());
    assert_eq!(status(&serving, "/").await, found("/tools/copilot/"));
    let selected = "?org=octodemo&scope=organization";
    assert_eq!(
        status(&serving, &format!("/tools/copilot{selected}")).await,
        found(&format!("/tools/copilot/{selected}"))
    );
    for path in ["", "metrics", "metrics/daily", "-/healthy", "-/ready"] {
        let with_prefix = status(&serving, &format!("/tools/copilot/{path}")).await;
        assert_eq!(with_prefix, (200, String::new()), "{path}");
        if !path.is_empty() {
            assert_eq!(status(&serving, &format!("/{path}")).await.0, 404, "{path}");
        }
    }
    assert_eq!(serving.post("/tools/copilot/-/reload").await, (200, "reloaded\n".to_owned()));
    // Links are relative to the page, whose path ends with a slash, except for those to other sites.
    let (_, page) = serving.get("/").await;
    let (page, _) = page.split_once("<footer>").unwrap();
    let links: Vec<&str> =
        page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for link in ["metrics", "-/ready", "-/healthy"] {
        assert!(links.contains(&link), "{links:?}");
    }
    assert!(links.iter().all(|link| !link.starts_with('/') && !link.starts_with("http")));
    assert!(serving.log().contains("metrics are at /tools/copilot/metrics"), "{}", serving.log());
    let address = serving.address().to_string();
    for (variable, value) in [
        ("WEB_EXTERNAL_URL", "https://example.com/tools/copilot"),
        ("WEB_ROUTE_PREFIX", "tools/copilot"),
    ] {
        assert_eq!(checked(&address, variable, value), (Some(0), String::new()), "{variable}");
    }
    assert_eq!(checked(&address, "WEB_ROUTE_PREFIX", "/").0, Some(1));
    let (code, error) = checked(&address, "WEB_ROUTE_PREFIX", "/{a}");
    assert_eq!(code, Some(1));
    assert!(error.contains("--web.route-prefix (WEB_ROUTE_PREFIX): \"/{a}\" is not"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_route_prefix_may_differ_from_the_path_that_browsers_see() {
    let stripped = started(&["--web.external-url=https://h/copilot", "--web.route-prefix=/"]);
    for path in ["/", "/metrics", "/-/healthy"] {
        assert_eq!(status(&stripped, path).await, (200, String::new()), "{path}");
    }
    let changed = started(&["--web.external-url=https://h/outside", "--web.route-prefix=inside"]);
    assert_eq!(status(&changed, "/").await, (302, "/inside/".to_owned()));
    assert_eq!(status(&changed, "/inside").await, (302, "/outside/".to_owned()));
    assert_eq!(status(&changed, "/inside/metrics").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_where_the_telemetry_path_says_and_the_page_links_to_them() {
    let serving = started(&["--web.telemetry-path=/telemetry/copilot", "--web.route-prefix=p"]);
    let (_, text) = serving.get("/p/telemetry/copilot").await;
    assert_eq!(Exposition::parse(&text).sum("copilot_exporter_up", ""), 3.0);
    assert_eq!(serving.get("/p/telemetry/copilot/daily").await.0, 200);
    assert_eq!(serving.get("/p/metrics").await.0, 404);
    let (_, page) = serving.get("/p/").await;
    assert!(page.contains("href=\"telemetry/copilot\">/telemetry/copilot</a>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telemetry_path_of_slash_serves_the_metrics_in_place_of_the_page() {
    let serving = started(&["--web.telemetry-path=/"]);
    let (status, text) = serving.get("/").await;
    assert_eq!(status, 200);
    assert_eq!(Exposition::parse(&text).sum("copilot_exporter_up", ""), 3.0);
    assert_eq!(serving.get("/daily").await.0, 200);
    assert_eq!(serving.get("/-/healthy").await.0, 200);
    assert_eq!(serving.get("/metrics").await.0, 404);
}

#[test]
fn paths_that_collide_with_others_are_refused_at_the_start_and_by_check_config() {
    let subcommands = [&["check-config"][..], &[]];
    let taken = ["/-/ready", "/chart.csv", "/chart.json"];
    for (path, arguments) in taken.iter().flat_map(|path| subcommands.map(|one| (path, one))) {
        let mut command = exporter();
        command.args(arguments).args(["--web.telemetry-path", path]);
        command.args(["--web.listen-address", "127.0.0.1:0"]);
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains("--web.telemetry-path (WEB_TELEMETRY_PATH)"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_needed_below_the_prefix_except_for_the_health_check() {
    let web = copilot_metrics_tests::config::Config::new(&super::users());
    let mut command = exporter();
    command.args(["--demo", "--web.route-prefix=p", "--web.config.file"]).arg(web.path());
    let serving = Serving::start(command);
    assert_eq!(status(&serving, "/p/-/healthy").await.0, 200);
    for path in ["/", "/p", "/p/", "/p/metrics", "/p/-/ready", "/-/healthy"] {
        assert_eq!(status(&serving, path).await.0, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_config_file_is_accepted_under_its_old_name_and_that_of_prometheus() {
    let config = copilot_metrics_tests::config::Config::new("github: {retries: nothing}");
    for flag in ["--config", "--config.file"] {
        let mut command = exporter();
        command.arg("check-config").arg(flag).arg(config.path());
        let error = String::from_utf8(output(command).stderr).unwrap();
        assert!(error.contains("github.retries"), "{flag}: {error}");
    }
}

/// The format that a client gets for an `Accept` header: the content type and the text.
async fn scraped(serving: &Serving, accept: &str) -> (String, String) {
    let request = client().get(serving.url("/metrics")).header("accept", accept);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["vary"], "accept, accept-encoding");
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn openmetrics_has_the_same_series_as_the_text_format_and_an_end() {
    let serving = Serving::demo();
    let (kind, text) = scraped(&serving, "*/*").await;
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let (kind, openmetrics) = scraped(&serving, "application/openmetrics-text").await;
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(openmetrics.ends_with("\n# EOF\n"));
    assert_eq!(openmetrics.matches("# EOF").count(), 1);
    let series = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut names: Vec<_> =
            lines.map(|line| line.rsplit_once(' ').unwrap().0.replace(".0\"}", "\"}")).collect();
        names.sort();
        names
    };
    assert!(series(&text).len() > 1000);
    assert_eq!(series(&openmetrics), series(&text));
    // A counter has its suffix in samples only. The original exporter's names lack it, and stay.
    for line in [
        "# TYPE copilot_exporter_requests counter",
        "# TYPE copilot_exporter_cache_hits unknown",
        "# TYPE copilot_exporter_cache_hits_total unknown",
        "# TYPE github_copilot_active_users gauge",
    ] {
        assert!(openmetrics.lines().any(|found| found == line), "{line}");
    }
    let mut families: Vec<&str> =
        openmetrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let all = families.len();
    families.sort();
    families.dedup_by_key(|line| line.split(' ').next().unwrap_or_default().to_owned());
    assert_eq!(families.len(), all, "each family once");
    for line in openmetrics.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        assert!(!line.replace("\\\"", "").contains('"'), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_prometheus_servers_ask_for_openmetrics_and_store_the_series_of_the_text_format() {
    let serving = started(&["--web.route-prefix=/copilot", "--web.telemetry-path=/numbers"]);
    let address = serving.address();
    for version in Version::ALL {
        let config = format!(
            "scrape_configs:\n- {{job_name: copilot, scrape_interval: 1s, metrics_path: /copilot/numbers, static_configs: [{{targets: ['{address}']}}]}}\n"
        );
        let prometheus = Prometheus::new(version).config(&config).run();
        assert_eq!(prometheus.value("up == 1").await, "1", "{version:?}");
        assert_eq!(prometheus.value("github_copilot_seats{org='octo-enterprise'}").await, "480");
        // Everything is stored that the text format has. Prometheus counts the lines.
        let (_, text) = serving.get("/copilot/numbers").await;
        let served = text.lines().filter(|line| !line.starts_with('#')).count();
        prometheus.value(&format!("scrape_samples_scraped == {served}")).await;
        for name in [
            "copilot_exporter_cache_hits",
            "copilot_exporter_cache_hits_total",
            "copilot_exporter_requests_total",
            "copilot_exporter_github_api_requests",
        ] {
            prometheus.has_data(name).await;
        }
        // The type tells the format: in text, it is a counter.
        let metadata = prometheus.url("/api/v1/metadata?metric=copilot_exporter_cache_hits");
        let metadata = client().get(metadata).send().await.unwrap().text().await.unwrap();
        assert!(metadata.contains("\"type\":\"unknown\""), "{version:?}: {metadata}");
    }
}
