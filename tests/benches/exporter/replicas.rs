//! Replicas that share a Valkey: how long after the leader a follower publishes, and how long it takes until
//! another replica publishes after the leader was killed.

use std::time::{Duration, Instant};

use copilot_metrics_exporter::demo::{Clock, SystemClock};
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Options, StandIn, stand_in_with};
use copilot_metrics_tests::valkey::{Engine, Server};
use jiff::ToSpan;
use tokio::runtime::Runtime;

/// The time between two refreshes, in seconds.
const TTL_SECONDS: &str = "4";
/// How often a change is measured.
const ROUNDS: usize = 4;
/// The time between two scrapes, which is the precision.
const PAUSE: Duration = Duration::from_millis(10);
/// What is promised.
const MOST_BEHIND_SECONDS: f64 = 2.0;
const MOST_TAKEOVER_SECONDS: f64 = 35.0;

pub fn measure() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        // Reports of 28 days change with each of the next days, up to tomorrow.
        let newest = Some(SystemClock.newest_day().saturating_sub(2.days()));
        let github = stand_in_with(Options { newest, ..Options::default() }).await;
        let server = Server::start(Engine::Valkey);
        let mut replicas = [start(&github, &server), start(&github, &server)];
        loop {
            let [one, other] = [data(&replicas[0]).await, data(&replicas[1]).await];
            if one == other && is_complete(&one) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if !leads(&replicas[0]).await {
            replicas.swap(0, 1);
        }
        let [leader, follower] = replicas;
        let mut behind = Vec::new();
        for _ in 0..ROUNDS {
            behind.push(time_behind(&github, &leader, &follower).await.as_secs_f64());
        }
        behind.sort_by(f64::total_cmp);
        println!(
            "follower behind the leader, from publish to publish: median {:.2} s, longest {:.2} s (at most {MOST_BEHIND_SECONDS})",
            behind[ROUNDS / 2],
            behind[ROUNDS - 1]
        );
        let before = data(&follower).await;
        // News that only another leader can fetch.
        let killed = Instant::now();
        leader.kill();
        next_day(&github);
        while !leads(&follower).await {
            tokio::time::sleep(PAUSE).await;
        }
        let led = killed.elapsed().as_secs_f64();
        while data(&follower).await == before {
            tokio::time::sleep(PAUSE).await;
        }
        println!(
            "takeover after kill -9: {led:.1} s until another replica leads, {:.1} s until it publishes what it fetched (at most {MOST_TAKEOVER_SECONDS})",
            killed.elapsed().as_secs_f64()
        );
    });
}

fn start(github: &StandIn, server: &Server) -> Serving {
    let mut command = github.exporter();
    command
        .env("ORG", "octodemo")
        .env("ENTERPRISE", "")
        .env("STORE_URL", server.url())
        .env("CACHE_TTL_SECONDS", TTL_SECONDS);
    Serving::start(command)
}

/// From the last time that the leader publishes something new until the follower serves the same.
async fn time_behind(github: &StandIn, leader: &Serving, follower: &Serving) -> Duration {
    let before = data(leader).await;
    next_day(github);
    let (mut last, mut published) = (before.clone(), Instant::now());
    loop {
        let of_leader = data(leader).await;
        if of_leader != last {
            (last, published) = (of_leader, Instant::now());
        }
        if last != before && data(follower).await == last {
            return published.elapsed();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn next_day(github: &StandIn) {
    github.set_newest_day(github.newest_day().tomorrow().unwrap());
}

async fn data(replica: &Serving) -> String {
    replica.get("/metrics/data").await.1
}

fn is_complete(text: &str) -> bool {
    Exposition::parse(text).sum("github_copilot_users_reported", "octodemo") > 0.0
}

async fn leads(replica: &Serving) -> bool {
    let own = replica.get("/metrics/self").await.1;
    Exposition::parse(&own).sum("copilot_exporter_leader", "") > 0.0
}
