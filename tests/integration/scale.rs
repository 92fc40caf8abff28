use std::process::Command;
use std::time::Duration;

use copilot_metrics_exporter::body::Body;
use copilot_metrics_exporter::model::{
    Document, DocumentSpec, Manifest, Need, Part, Scope, Target,
};
use copilot_metrics_exporter::refresh::budget::{Demand, Shortage, budgets};
use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::mapping::Component;
use copilot_metrics_tests::organizations::Organizations;
use copilot_metrics_tests::valkey::{Engine, Server};
use jiff::{Timestamp, ToSpan};

/// A family that every organization has.
const FAMILY: &str = "github_copilot_seats";
const PLANNED: &str = "copilot_exporter_planned_requests_per_hour";

/// The command for one organization, with a time between refreshes.
fn command(github: &StandIn, organization: &str, ttl: &str) -> Command {
    let mut command = exporter();
    command
        .env("ORG", organization)
        .env("GHC_TOKEN", github.token())
        .env("GITHUB_API_URL", github.api().as_str())
        .env("CACHE_TTL_SECONDS", ttl);
    command
}

async fn metrics(serving: &Serving) -> Exposition {
    Exposition::parse(&serving.get("/metrics").await.1)
}

fn api_requests(github: &StandIn) -> usize {
    github.requests().iter().filter(|request| !request.file).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_cold_start_the_first_of_many_targets_is_served_before_the_last_is_fetched() {
    let github = Organizations::start().await.unwrap();
    let sections = (0..50).map(|number| format!("  - organization: org-{number}\n"));
    let config = Config::new(&format!("targets:\n{}", sections.collect::<String>()));
    github.hold("org-49");
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", &github.api)
        .env("GHC_TOKEN", &github.token);
    let serving = Serving::start(command);
    serving.wait_for("refreshed org=");
    let first = metrics(&serving).await;
    assert!(first.series(FAMILY).count() > 0);
    assert_eq!(first.sum(FAMILY, "\"org-49\""), 0.0);
    github.release();
    // It may have been admitted last of all.
    while metrics(&serving).await.sum(FAMILY, "\"org-49\"") == 0.0 {
        serving.wait_for("refreshed org=");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_is_logged_before_the_first_response_and_says_what_is_not_known_yet() {
    let github = Organizations::start().await.unwrap();
    github.hold("octo-org");
    let mut command = exporter();
    command
        .env("ORG", "octo-org")
        .env("GITHUB_API_URL", &github.api)
        .env("GHC_TOKEN", &github.token);
    let serving = Serving::start(command);
    let planned = serving.wait_for("planned requests to GitHub");
    for part in ["credential=\"default\"", "targets=1", "lists_of_unknown_size="] {
        assert!(planned.contains(part), "{planned}");
    }
    assert!(!planned.contains("limit="), "{planned}");
    github.release();
    let planned = serving.wait_for("planned requests to GitHub");
    assert!(planned.contains("limit=5000"), "{planned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_requests_are_planned_as_are_sent() {
    let github = stand_in().await;
    let serving = Serving::start(command(&github, "octodemo", "3600"));
    // It is complete when the first refresh has ended.
    let is_complete = |line: &str| line.contains("limit=5000") && !line.contains("unknown");
    while !is_complete(&serving.wait_for("planned requests to GitHub")) {}
    let planned = metrics(&serving).await.sum(PLANNED, "credential=\"default\"");
    assert!(serving.log().contains(&format!("requests_per_hour={planned} ")), "{planned}");
    // Every document is due once an hour.
    assert_eq!(planned, api_requests(&github) as f64);
    assert!(!serving.log().contains("can't be kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ttls_that_need_more_requests_than_github_allows_are_warned_about_with_one_that_can_be_kept()
 {
    let github = stand_in().await;
    let serving = Serving::start(command(&github, "octodemo", "1"));
    let warning = serving.wait_for("the TTLs can't be kept");
    assert!(warning.contains("WARN") && warning.contains("limit=5000"), "{warning}");
    let ttl = warning.split("raise CACHE_TTL_SECONDS to at least ").nth(1).unwrap();
    let ttl: f64 = ttl.split([',', ' ']).next().unwrap().parse().unwrap();
    let planned = metrics(&serving).await.sum(PLANNED, "credential=\"default\"");
    assert!(
        ttl > 1.0 && planned / ttl <= 5000.0 && planned / (ttl - 1.0) > 5000.0,
        "{planned} {ttl}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_sends_no_request_that_github_would_refuse_because_of_another_ones() {
    let github = stand_in().await;
    let server = Server::start(Engine::Valkey);
    let with_store = |organization: &str| {
        let mut command = command(&github, organization, "3600");
        command.env("STORE_URL", server.url());
        Serving::start(command)
    };
    let wait = vec![("retry-after", "1800".to_owned())];
    github.fail("/", Fault::Status(429, "slow down", wait));
    let refused = with_store("octo-legacy");
    refused.wait_for("refresh failed");
    let requests = api_requests(&github);
    assert!(requests > 0);
    // GitHub would answer, but it has said that it wants no request with this token.
    github.recover();
    let other = with_store("octodemo");
    let line = other.wait_for("refresh failed");
    assert!(line.contains("rate limit"), "{line}");
    assert_eq!(api_requests(&github), requests);
    // What is stored contains no token, and goes away by itself.
    let notes: Vec<String> = server.send(&["KEYS", "*note:*"]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    let note: String = server.send(&["GET", &notes[0]]);
    assert!(!format!("{notes:?}{note}").contains(github.token()));
    let left: i64 = server.send(&["TTL", &notes[0]]);
    assert!((1..=3600).contains(&left), "{left}");
    // Without the store in common, each replica finds out itself.
    let alone = Serving::start(command(&github, "octodemo", "3600"));
    alone.wait_for("refreshed org=");
    let target = Target::new(Scope::Organization, "octodemo").unwrap();
    assert!(github.report_requests(&target, "users-1-day", github.newest_day()) > 0);
}

/// What the default mapping requests for a target with this many seats, once an hour, after everything was
/// fetched once: the newest reports are of two days ago, as usual.
fn demand(manifest: &Manifest, scope: Scope, seats: usize, limit: i64) -> Demand {
    let today = jiff::civil::date(2026, 11, 20);
    let is_on = |option: &String| {
        let mut options = manifest.options.iter();
        options.any(|known| known.name == *option && known.default_value == "true")
    };
    let is_fetched = |spec: &&DocumentSpec| {
        let is_on = spec.only_with.is_empty() || spec.only_with.iter().any(is_on);
        is_on && spec.need != Need::Offline && spec.fallback_for.is_none()
    };
    let mut demand = Demand { limit: Some(limit), ..Demand::default() };
    for spec in manifest.documents_of(scope).filter(is_fetched) {
        let pages = if spec.name == "seats" { seats.div_ceil(100) } else { 1 };
        let newest = spec.is_of_day().then(|| today.saturating_sub(2.days()));
        let part =
            Part { body: Body::of(b"{}").unwrap(), validator: None, next: None, day: newest };
        let stored = Document::new(vec![part; pages], Timestamp::now(), newest);
        let stored = Document { source: spec.source(), ..stored };
        demand.add(spec, Some(&stored), Duration::from_secs(3600), today);
        demand.add_revisions(spec, today);
    }
    demand
}

/// The table of requests in `docs/scaling.md`.
fn simulation() -> String {
    let component = Component::load();
    let of = |scope, seats, limit| demand(component.manifest(), scope, seats, limit);
    let organizations = |number: usize, limit: i64, has_own_limits: bool| {
        let mut all = vec![of(Scope::Organization, 100, limit); number];
        for (number, demand) in all.iter_mut().enumerate().filter(|_| has_own_limits) {
            demand.key.installation = number.to_string();
        }
        all
    };
    let enterprise = |seats, limit| vec![of(Scope::Enterprise, seats, limit)];
    let kept = |demands: &[Demand]| {
        let budget = budgets(demands).remove(0);
        match budget.shortage {
            None => "1 h".to_owned(),
            Some(Shortage { ttl, credentials, .. }) => {
                let ttl = format!("{} s", ttl.unwrap().as_secs());
                let tokens =
                    credentials.map(|number| format!(", or 1 h with {number} credentials"));
                format!("{ttl}{}", tokens.unwrap_or_default())
            }
        }
    };
    let mut table = "| targets | requests per hour | shortest TTL with a token: 5,000 per hour | with an App: 5,000 per hour and installation | with an App: 15,000 per hour and installation |\n|---|---|---|---|---|\n".to_owned();
    let mut add = |what: String, token: Vec<Demand>, apps: [Vec<Demand>; 2]| {
        let requests = budgets(&token).remove(0).requests;
        let cells = [kept(&token), kept(&apps[0]), kept(&apps[1])].join(" | ");
        table.push_str(&format!("| {what} | {} | {cells} |\n", requests.ceil()));
    };
    for number in [10, 100, 1000] {
        let apps = [5000, 15_000].map(|limit| organizations(number, limit, true));
        let what = format!("{number} organizations of 100 developers");
        add(what, organizations(number, 5000, false), apps);
    }
    for seats in [10_000, 100_000, 500_000] {
        let apps = [5000, 15_000].map(|limit| enterprise(seats, limit));
        add(format!("an enterprise of {seats} developers"), enterprise(seats, 5000), apps);
    }
    table
}

#[test]
fn the_requests_in_the_documentation_are_those_that_are_planned() {
    let path = root().join("docs/scaling.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- requests: begin -->\n", "<!-- requests: end -->\n");
    let (before, rest) = text.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    let table = simulation();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "docs/scaling.md: run with UPDATE_GOLDEN=1");
    }
}
