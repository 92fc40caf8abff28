use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::OCTO_LEGACY;
use copilot_metrics_tests::github::{Options, StandIn, stand_in_with};
use copilot_metrics_tests::transcript::record;
use copilot_metrics_tests::valkey::{Engine, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Five replicas of twenty targets.
mod many;
/// Replicas have other mappings than their leader.
mod mappings;
/// A Prometheus scrapes replicas through one address.
mod prometheus;
/// Daily samples are pushed by the leader.
mod push;
/// The store is emptied, full or away.
mod store_failures;
/// A leader dies, stops, or is stopped for too long.
mod takeover;
/// The server fails over, or presents another certificate.
mod topologies;
/// Scrapes replicas all the time.
mod watch;

/// The targets of the stand-in.
const TARGETS: usize = 3;

/// How often what replicas serve is compared, and the pause between: nothing tells when all agree.
const PATIENCE: usize = 1200;
const PAUSE: Duration = Duration::from_millis(100);

/// Where all replicas keep compiled mappings, also those of later tests: compiling takes long in development
/// builds. Files are written whole, so any number of processes may share the directory.
const COMPILED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/replicas");

/// Replicas of the exporter, and what they share.
struct Replicas {
    github: StandIn,
    server: Server,
    running: Vec<Serving>,
    ttl: &'static str,
    /// The organizations, if not those that are recorded.
    copies: Vec<String>,
}

impl Replicas {
    /// Starts replicas of every recorded target, one after the other, and waits until all serve them.
    async fn start(number: usize, ttl: &'static str) -> Self {
        let mut replicas = Self::without(ttl).await;
        for _ in 0..number {
            replicas.add();
        }
        replicas.all_serve_the_same().await;
        replicas
    }

    /// What replicas share, without any.
    async fn without(ttl: &'static str) -> Self {
        Self::over(Server::start(Engine::Valkey), ttl, 0).await
    }

    /// Replicas over a server, without any, of this many organizations or else of the recorded targets.
    async fn over(server: Server, ttl: &'static str, copies: usize) -> Self {
        let github =
            stand_in_with(Options { copies_of: Some(OCTO_LEGACY.name), ..Options::default() })
                .await;
        let copies = (1..=copies).map(|number| format!("octo-copy-{number}")).collect();
        Self { github, server, running: Vec::new(), ttl, copies }
    }

    /// The number of targets.
    fn targets(&self) -> usize {
        if self.copies.is_empty() { TARGETS } else { self.copies.len() }
    }

    /// The command of a replica.
    fn command(&self) -> Command {
        let mut command = self.github.exporter();
        command
            .env("STORE_URL", self.server.url())
            .env("CACHE_TTL_SECONDS", self.ttl)
            .env("CACHE_DIR", COMPILED);
        if !self.copies.is_empty() {
            command.env("ORG", self.copies.join(",")).env_remove("ENTERPRISE");
        }
        command
    }

    fn add(&mut self) {
        self.running.push(Serving::start(self.command()));
    }

    /// Adds a replica with a file or a directory in a variable.
    fn add_with(&mut self, variable: &str, path: &Path) {
        let mut command = self.command();
        command.env(variable, path);
        self.running.push(Serving::start(command));
    }

    /// Adds a replica that finds the store as a config file says.
    fn add_configured(&mut self, config: &Path) {
        let mut command = self.command();
        command.env_remove("STORE_URL").env("CONFIG_FILE", config);
        self.running.push(Serving::start(command));
    }

    /// Adds a replica that reaches the store at another address.
    fn add_at(&mut self, url: &str) {
        let mut command = self.command();
        command.env("STORE_URL", url);
        self.running.push(Serving::start(command));
    }

    /// How often each document was requested.
    fn requests(&self) -> BTreeMap<String, usize> {
        requests(&self.github)
    }

    /// Waits until all replicas serve data of all targets, and the same bytes. Returns them.
    async fn all_serve_the_same(&self) -> String {
        self.all_serve_the_same_but_for(|_| false).await
    }

    /// The same, but for lines that may differ.
    async fn all_serve_the_same_but_for(&self, may_differ: impl Fn(&str) -> bool) -> String {
        let mut last = Vec::new();
        for _ in 0..PATIENCE {
            last = Vec::new();
            let mut is_complete = true;
            for replica in &self.running {
                let own = Exposition::parse(&get(replica, "/metrics/self").await);
                let text = get(replica, "/metrics/data").await;
                // Before the end of the first refresh, a part of the data is served.
                is_complete &= own.sum("copilot_exporter_up", "") == self.targets() as f64;
                last.push(without_lines(&text, &may_differ));
            }
            if is_complete && last.windows(2).all(|two| two[0] == two[1]) {
                let text = last.swap_remove(0);
                // Nothing is there twice.
                Exposition::parse(&text);
                record(&text);
                return text;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let logs: Vec<String> = self.running.iter().map(Serving::log).collect();
        let differences = last.windows(2).flat_map(|two| difference(&two[0], &two[1]));
        let differences: Vec<_> = differences.take(10).collect();
        panic!("{differences:#?}\n{}", logs.join("\n---\n"));
    }

    /// Waits until all replicas serve the same data, which is not that of `before`.
    async fn all_serve_other_data_than(&self, before: &str) -> String {
        for _ in 0..PATIENCE {
            let now = self.all_serve_the_same().await;
            if now != before {
                return now;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("the data has not changed");
    }

    /// The number of targets that each replica is the leader of.
    async fn leaders(&self) -> Vec<usize> {
        let mut leaders = Vec::new();
        for replica in &self.running {
            leaders.push(leads(replica).await);
        }
        leaders
    }

    /// Waits until each target has exactly one leader. Returns how many targets each replica leads.
    async fn every_target_has_one_leader(&self) -> Vec<usize> {
        let mut leaders = Vec::new();
        for _ in 0..PATIENCE {
            leaders = self.leaders().await;
            if leaders.iter().sum::<usize>() == self.targets() {
                return leaders;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{leaders:?}");
    }

    /// The position of a replica that is the leader of something.
    async fn leader(&self) -> usize {
        let leaders = self.every_target_has_one_leader().await;
        leaders.iter().position(|leads| *leads > 0).unwrap()
    }

    /// Makes the leases expire, as if 30 s had passed in which no one renewed them.
    fn expire_leases(&self) {
        self.expire_leases_of(&BTreeSet::from(["*".to_owned()]));
    }

    /// Makes the store forget which replicas exist, as if 30 s had passed: those that live say so again.
    fn forget_replicas(&self) {
        let groups: Vec<String> = self.server.send(&["KEYS", "copilot:replicas:*"]);
        for group in groups {
            self.server.send::<i64>(&["DEL", &group]);
        }
    }

    /// Makes the leases of these targets expire: those of a replica that has died, so that the others keep
    /// theirs.
    fn expire_leases_of(&self, names: &BTreeSet<String>) {
        for name in names {
            let leases: Vec<String> = self.server.send(&["KEYS", &format!("*/{name}}}:lease")]);
            for lease in leases {
                self.server.send::<i64>(&["PEXPIRE", &lease, "1"]);
            }
        }
    }
}

/// How often each document was requested. The paths of its files don't say of which day they are.
fn requests(github: &StandIn) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in github.requests().into_iter().filter(|request| !request.file) {
        *counts.entry(request.path).or_default() += 1;
    }
    counts
}

/// A text without some lines.
fn without_lines(text: &str, is_left_out: &impl Fn(&str) -> bool) -> String {
    text.split_inclusive('\n').filter(|line| !is_left_out(line)).collect()
}

/// The lines that only one of two texts has.
fn difference(one: &str, other: &str) -> Vec<String> {
    let [one, other] = [one, other].map(|text| text.lines().collect::<BTreeSet<_>>());
    one.symmetric_difference(&other).map(|line| (*line).to_owned()).collect()
}

/// What a replica serves at a path. It is not part of the transcript: it is polled.
async fn get(replica: &Serving, path: &str) -> String {
    let response = client().get(replica.url(path)).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.unwrap()
}

/// The samples that a replica serves.
async fn data(replica: &Serving) -> String {
    let (status, text) = replica.get("/metrics/data").await;
    assert_eq!(status, 200);
    // Nothing is there twice.
    Exposition::parse(&text);
    text
}

/// The number of targets that a replica is the leader of.
async fn leads(replica: &Serving) -> usize {
    led(replica).await.len()
}

/// The names of the targets that a replica is the leader of.
async fn led(replica: &Serving) -> BTreeSet<String> {
    let own = Exposition::parse(&get(replica, "/metrics/self").await);
    let leads = own.series("copilot_exporter_leader").filter(|(_, value)| *value == 1.0);
    let name = |series: &str| series.split("org=\"").nth(1)?.split('"').next().map(str::to_owned);
    leads.filter_map(|(series, _)| name(series)).collect()
}

fn signal(replica: &Serving, signal: Signal) {
    kill(Pid::from_raw(replica.id().try_into().unwrap()), signal).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_fetch_each_document_once_and_serve_the_same_bytes() {
    let mut replicas = Replicas::start(1, "3600").await;
    for _ in 0..2 {
        replicas.add();
    }
    replicas.all_serve_the_same().await;
    let leaders = replicas.every_target_has_one_leader().await;
    // The requests are those of one exporter without replicas.
    let alone = stand_in_with(Options::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let mut command = alone.exporter();
    command.env("CACHE_DIR", directory.path());
    drop(Serving::start_with_targets(command, TARGETS));
    let (counts, expected) = (replicas.requests(), requests(&alone));
    let differ: Vec<_> = counts.iter().filter(|(path, n)| expected.get(*path) != Some(n)).collect();
    assert!(counts.len() > 10 && differ.is_empty() && counts == expected, "{leaders:?} {differ:?}");
    // Those that never were the leader ran no mapping either.
    for replica in &replicas.running {
        let own = Exposition::parse(&get(replica, "/metrics/self").await);
        assert_eq!(own.sum("copilot_exporter_up", ""), TARGETS as f64);
        if !replica.log().contains("leader: this replica fetches") {
            assert_eq!(own.sum("copilot_exporter_mapping_duration_seconds_count", ""), 0.0);
        }
    }
    // A replica that comes later fetches nothing.
    replicas.add();
    replicas.all_serve_the_same().await;
    let again = replicas.requests();
    assert_eq!(again, counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_the_metrics_are_the_whole() {
    let github = copilot_metrics_tests::github::stand_in().await;
    let serving = Serving::start_with_targets(github.exporter(), TARGETS);
    let text = data(&serving).await;
    let whole = serving.get("/metrics").await.1;
    assert!(whole.starts_with(&text) && whole.len() > text.len());
    let own = Exposition::parse(&serving.get("/metrics/self").await.1);
    assert!(own.families.iter().all(|family| !text.contains(&format!("# TYPE {family} "))));
    assert!(own.get("copilot_exporter_requests_total").is_some());
    let whole = Exposition::parse(&whole);
    // Of one target, those of its label.
    let (status, one) = serving.get("/metrics?org=octodemo").await;
    assert_eq!(status, 200);
    let one = Exposition::parse(&one);
    for family in ["github_copilot_seats", "copilot_exporter_up", "total_chats"] {
        let label = "org=\"octodemo\"";
        let expected: Vec<_> =
            whole.series(family).filter(|(series, _)| series.contains(label)).collect();
        assert!(!expected.is_empty(), "{family}");
        assert_eq!(one.series(family).collect::<Vec<_>>(), expected);
    }
    assert_eq!(serving.get("/metrics?org=nobody").await.0, 404);
}
