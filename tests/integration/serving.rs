/// Which documents are fetched, and how.
mod documents;
/// The last good data is served whatever fails.
mod last_good_data;
/// A list is complete or not used, and its pages come to an end.
mod lists;

use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};

/// How long tests wait for something that is not in the log: as long as for a line of it.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The families of the original exporter.
const GAUGES: [&str; 10] = [
    "total_active_users",
    "total_engaged_users",
    "is_custom_model",
    "total_chats",
    "total_chat_copy_events",
    "total_chat_insertion_events",
    "total_code_suggestions",
    "total_code_acceptances",
    "total_code_lines_suggested",
    "total_code_lines_accepted",
];
const COUNTERS: [&str; 4] = [
    "copilot_exporter_requests_total",
    "copilot_exporter_requests_failed_total",
    "copilot_exporter_github_api_requests",
    "copilot_exporter_cache_hits",
];

/// The exporter's command for an organization, with a stand-in for GitHub.
pub fn command(github: &StandIn, organization: &str) -> Command {
    let mut command = exporter();
    command
        .env("GHC_TOKEN", github.token())
        .env("ORG", organization)
        .env("GITHUB_API_URL", github.api().as_str());
    command
}

/// A serving exporter that refreshes once.
pub fn serving(github: &StandIn, organization: &str) -> Serving {
    serving_every(github, organization, "3600")
}

/// The same with this many seconds between refreshes.
pub fn serving_every(github: &StandIn, organization: &str, seconds: &str) -> Serving {
    let mut command = command(github, organization);
    command.env("CACHE_TTL_SECONDS", seconds);
    Serving::start(command)
}

/// What `/metrics` serves.
pub async fn metrics(serving: &Serving) -> Exposition {
    Exposition::parse(&serving.get("/metrics").await.1)
}

/// Scrapes until the metrics satisfy a condition. Not without a pause: the transcript has everything that is
/// scraped.
pub async fn eventually(
    serving: &Serving,
    is_satisfied: impl Fn(&Exposition) -> bool,
) -> Exposition {
    let started = Instant::now();
    loop {
        let exposition = metrics(serving).await;
        if is_satisfied(&exposition) {
            return exposition;
        }
        let log = serving.log();
        assert!(started.elapsed() < PATIENCE, "the metrics never became what was expected:\n{log}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_the_original_metrics_and_at_least_60_new_families() {
    let serving = Serving::demo();
    let exposition = metrics(&serving).await;
    for family in GAUGES.iter().chain(&COUNTERS) {
        assert!(exposition.families.iter().any(|known| known == family), "{family} is missing");
    }
    for series in GAUGES.iter().flat_map(|family| exposition.series(family)) {
        let names: Vec<_> =
            series.0.split(['{', ',']).skip(1).map(|l| l.split('=').next().unwrap()).collect();
        assert_eq!(names, ["editor", "language", "stream", "org"], "{}", series.0);
    }
    let new = exposition.families.iter().filter(|family| family.starts_with("github_copilot_"));
    assert!(new.count() >= 60);
    for target in ["octodemo", "octo-legacy", "octo-enterprise"] {
        assert_eq!(exposition.sum("copilot_exporter_up", target), 1.0, "{target}");
    }
    // The recorded values: 340 seats in the organization, 480 in the enterprise.
    assert_eq!(exposition.sum("github_copilot_seats", "\"octodemo\""), 340.0);
    assert_eq!(exposition.sum("github_copilot_seats", "\"octo-enterprise\""), 480.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_has_data_for_every_option() {
    let mut command = exporter();
    command.arg("--demo");
    for option in ["users", "user-breakdowns", "repositories"] {
        command.args(["--option", &format!("{option}=true")]);
    }
    let serving = Serving::start_with_targets(command, 3);
    let exposition = metrics(&serving).await;
    for target in ["octodemo", "octo-enterprise"] {
        for family in [
            "github_copilot_user_interactions",
            "github_copilot_user_feature_code_generations",
            "github_copilot_repository_pull_requests_created",
            "github_copilot_repository_pull_requests_merged_by_reviewer",
            "github_copilot_adoption_phase_users_28d",
            "github_copilot_engaged_users_28d",
            "github_copilot_feature_engaged_users_28d",
        ] {
            assert!(exposition.sum(family, target) > 0.0, "{family} of {target}");
        }
        // Not one of its documents is missing.
        assert_eq!(exposition.sum("copilot_exporter_document_failures_total", target), 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_send_no_requests_to_github() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let before = github.requests().len();
    for _ in 0..20 {
        metrics(&serving).await;
    }
    assert_eq!(github.requests().len(), before);
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_github_api_requests", ""), before as f64);
    assert_eq!(exposition.sum("copilot_exporter_requests_total", ""), 21.0);
    assert_eq!(exposition.sum("copilot_exporter_cache_hits", ""), 21.0);
    for (name, twin) in [
        ("copilot_exporter_github_api_requests", "copilot_exporter_github_api_requests_total"),
        ("copilot_exporter_cache_hits", "copilot_exporter_cache_hits_total"),
    ] {
        assert_eq!(exposition.sum(name, ""), exposition.sum(twin, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_does_not_wait_for_github() {
    let github = stand_in().await;
    github.fail("/", Fault::Hang);
    let serving = serving(&github, "octodemo");
    let (status, text) = serving.get("/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(Exposition::parse(&text).sum("copilot_exporter_up", "octodemo"), 0.0);
    let (status, text) = serving.get("/-/ready").await;
    assert_eq!(status, 503);
    assert!(text.contains("organization octodemo: first refresh in progress"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_the_same_as_text_and_as_gzip_if_accepted() {
    let serving = Serving::demo();
    let client = client();
    let get = |encoding: &'static str| {
        client.get(serving.url("/metrics")).header("accept-encoding", encoding).send()
    };
    let plain = get("identity").await.unwrap();
    assert_eq!(plain.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.text().await.unwrap();
    let zipped = get("br, gzip;q=0.9").await.unwrap();
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    let zipped = zipped.bytes().await.unwrap();
    assert!(zipped.len() * 5 < plain.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(zipped.as_ref()).read_to_string(&mut text).unwrap();
    let data = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|l| l.starts_with("github_") || l.starts_with("total_"));
        lines.map(str::to_owned).collect()
    };
    assert!(data(&plain).len() > 1000);
    assert_eq!(data(&text), data(&plain));
    let refused = get("gzip;q=0").await.unwrap();
    assert!(refused.headers().get("content-encoding").is_none());
    let head = client.head(serving.url("/metrics")).send().await.unwrap();
    assert_eq!(head.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoints_respond() {
    let serving = Serving::demo();
    assert_eq!(serving.get("/-/healthy").await, (200, "healthy\n".to_owned()));
    assert_eq!(serving.get("/-/ready").await, (200, "ready\n".to_owned()));
    let (status, page) = serving.get("/").await;
    assert_eq!(status, 200);
    // Relative, for a reverse proxy that serves the page below a path.
    for link in ["metrics", "-/ready", "-/healthy"] {
        assert!(page.contains(&format!("href=\"{link}\"")));
    }
    assert_eq!(serving.get("/nothing").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_data_the_readiness_endpoint_says_why() {
    let github = stand_in().await;
    github.fail(
        "/",
        Fault::Status(403, "The 'Copilot usage metrics' policy must be enabled", vec![]),
    );
    let serving = serving(&github, "octodemo");
    serving.wait_for("refresh failed");
    let (status, text) = serving.get("/-/ready").await;
    assert_eq!(status, 503);
    assert!(
        text.contains("organization octodemo: organization-28-day: GitHub returned 403"),
        "{text}"
    );
    assert!(text.contains("policy must be enabled"), "{text}");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_cache_hits", ""), 0.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_or_target_is_reported_and_does_not_stop_the_exporter() {
    for (variable, value, wanted) in [
        ("ORG", "octodemo", "set GHC_TOKEN"),
        ("GHC_TOKEN", "ghp_x", "set ORG or ENTERPRISE"),
        ("ORG", " , ", "and ORG or ENTERPRISE to what should be exported"),
    ] {
        let mut command = exporter();
        command.env(variable, value);
        let serving = Serving::start(command);
        let (status, text) = serving.get("/-/ready").await;
        assert_eq!(status, 503);
        assert!(text.contains(wanted), "{text}");
        let (status, text) = serving.get("/metrics").await;
        assert_eq!(status, 200);
        let failed = "copilot_exporter_requests_failed_total{status_code=\"env_missing\"}";
        assert_eq!(Exposition::parse(&text).value(failed), 1.0);
        assert!(serving.log().contains(wanted), "{}", serving.log());
    }
}
