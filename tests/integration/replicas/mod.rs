use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::StandIn;
use copilot_metrics_tests::valkey::{Engine, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Replicas have other mappings than their leader.
mod mappings;
/// Daily samples are pushed by the leader.
mod push;
/// The store is emptied, full or away.
mod store_failures;
/// A leader dies, stops, or is stopped for too long.
mod takeover;

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
        let github = copilot_metrics_tests::github::stand_in().await;
        let server = Server::start(Engine::Valkey);
        Self { github, server, running: Vec::new(), ttl }
    }

    /// The command of a replica.
    fn command(&self) -> Command {
        let mut command = self.github.exporter();
        command
            .env("STORE_URL", self.server.url())
            .env("CACHE_TTL_SECONDS", self.ttl)
            .env("CACHE_DIR", COMPILED);
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

    /// How often each document was requested. The paths of its files don't say of which day they are.
    fn requests(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for request in self.github.requests().into_iter().filter(|request| !request.file) {
            *counts.entry(request.path).or_default() += 1;
        }
        counts
    }

    /// Waits until all replicas serve data of all targets, and the same bytes. Returns them.
    async fn all_serve_the_same(&self) -> String {
        let mut last = Vec::new();
        for _ in 0..PATIENCE {
            last = Vec::new();
            let mut is_complete = true;
            for replica in &self.running {
                let own = Exposition::parse(&replica.get("/metrics/self").await.1);
                last.push(data(replica).await);
                // Before the end of the first refresh, a part of the data is served.
                is_complete &= own.sum("copilot_exporter_up", "") == TARGETS as f64;
            }
            if is_complete && last.windows(2).all(|two| two[0] == two[1]) {
                return last.swap_remove(0);
            }
            tokio::time::sleep(PAUSE).await;
        }
        let lengths: Vec<usize> = last.iter().map(String::len).collect();
        let logs: Vec<String> = self.running.iter().map(Serving::log).collect();
        panic!("{lengths:?} bytes:\n{}", logs.join("\n---\n"));
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
            if leaders.iter().sum::<usize>() == TARGETS {
                return leaders;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{leaders:?}");
    }

    /// Makes the leases expire, as if 30 s had passed in which no one renewed them.
    fn expire_leases(&self) {
        let leases: Vec<String> = self.server.send(&["KEYS", "*:lease"]);
        for lease in leases {
            self.server.send::<i64>(&["PEXPIRE", &lease, "1"]);
        }
    }
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
    let (status, text) = replica.get("/metrics/self").await;
    assert_eq!(status, 200);
    Exposition::parse(&text).sum("copilot_exporter_leader", "") as usize
}

fn signal(replica: &Serving, signal: Signal) {
    kill(Pid::from_raw(replica.id().try_into().unwrap()), signal).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_fetch_each_document_once_and_serve_the_same_bytes() {
    let replicas = Replicas::start(3, "3600").await;
    let leaders = replicas.every_target_has_one_leader().await;
    let counts = replicas.requests();
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(counts.len() > 10 && twice.is_empty(), "{leaders:?} {twice:?}");
    // Those that did not fetch ran no mapping either.
    for (replica, leads) in replicas.running.iter().zip(&leaders) {
        let own = Exposition::parse(&replica.get("/metrics/self").await.1);
        assert_eq!(own.sum("copilot_exporter_up", ""), TARGETS as f64, "{leads}");
        if *leads == 0 {
            assert_eq!(own.sum("copilot_exporter_mapping_duration_seconds_count", ""), 0.0);
        }
    }
    // A replica that comes later fetches nothing.
    let mut replicas = replicas;
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
