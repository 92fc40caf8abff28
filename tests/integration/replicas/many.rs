use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::valkey::{Engine, Server};
use nix::sys::signal::Signal;

use super::watch::Watch;
use super::{PATIENCE, PAUSE, Replicas, led, signal};

const REPLICAS: usize = 5;
const MANY: usize = 20;

/// Waits until the leases are spread evenly. Returns how many targets each replica leads.
async fn balanced(replicas: &Replicas) -> Vec<usize> {
    let mut leaders = Vec::new();
    for _ in 0..PATIENCE {
        leaders = replicas.every_target_has_one_leader().await;
        // Its share and one more.
        if leaders.iter().all(|leads| *leads <= MANY.div_ceil(replicas.running.len()) + 1) {
            return leaders;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{leaders:?}");
}

/// Takes away the replica that leads most.
async fn remove_busiest(replicas: &mut Replicas) -> Serving {
    let leaders = replicas.leaders().await;
    let busiest = (0..leaders.len()).max_by_key(|position| leaders[*position]);
    replicas.running.remove(busiest.unwrap())
}

/// No document was requested twice.
fn assert_fetched_once(replicas: &Replicas) {
    let counts = replicas.requests();
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(counts.len() > MANY && twice.is_empty(), "{twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_replicas_of_twenty_targets_fetch_each_document_once_whatever_happens_to_two_of_them()
{
    let server = Server::start(Engine::Valkey);
    let mut replicas = Replicas::over(server, "3600", MANY).await;
    for _ in 0..REPLICAS {
        replicas.add();
    }
    let before = replicas.all_serve_the_same().await;
    for number in 1..=MANY {
        assert!(before.contains(&format!("org=\"octo-copy-{number}\"")), "{number}");
    }
    assert_fetched_once(&replicas);
    balanced(&replicas).await;

    // One dies, and one is stopped beyond its leases: those that lead most.
    let dead = remove_busiest(&mut replicas).await;
    let lost = led(&dead).await;
    let stopped = remove_busiest(&mut replicas).await;
    let paused = led(&stopped).await;
    assert!(!lost.is_empty() && !paused.is_empty());
    let watch = Watch::start(&replicas.running, &before);
    dead.kill();
    signal(&stopped, Signal::SIGSTOP);
    replicas.expire_leases_of(&lost);
    replicas.expire_leases_of(&paused);
    replicas.forget_replicas();
    replicas.every_target_has_one_leader().await;
    signal(&stopped, Signal::SIGCONT);
    stopped.wait_for("follower: another replica fetches");
    replicas.running.push(stopped);
    balanced(&replicas).await;
    watch.stop().await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    assert_fetched_once(&replicas);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_more_targets_than_the_others_leads_all_that_are_new() {
    let server = Server::start(Engine::Valkey);
    let mut replicas = Replicas::over(server, "3600", 1).await;
    replicas.add();
    replicas.all_serve_the_same().await;
    replicas.every_target_has_one_leader().await;
    // A rolling update adds targets, and the old replica stays until the new one is ready.
    replicas.copies = (1..=6).map(|number| format!("octo-copy-{number}")).collect();
    replicas.add();
    assert_eq!(replicas.every_target_has_one_leader().await, [1, 5]);
}
