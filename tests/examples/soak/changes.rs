//! Reloads, and mappings that come and go: well-behaved, hostile and broken ones.

use std::sync::Arc;
use std::time::Duration;

use copilot_metrics_tests::guests::{scripted, slow_to_compile};
use copilot_metrics_tests::mutation::Random;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::JoinSet;

use crate::scene::{PASSWORD, Scene, TARGETS, USER};

/// The names of the files.
const FILES: [&str; 5] = ["a.wasm", "b.wasm", "c.wasm", "d.wasm", "e.wasm"];
/// What hostile mappings do.
const BEHAVIORS: [&str; 12] = [
    "trap-in-feed",
    "trap-in-finish",
    "trap-in-constructor",
    "trap-every-second-call",
    "loop",
    "recurse",
    "grow",
    "flood",
    "duplicate",
    "not-a-number",
    "takes-a-family",
    "much-text",
];
/// Config files that can't be used.
const INVALID: [&str; 3] = ["targets: [", "", "x: 1"];
/// How many functions take longer to compile than they may.
const BOMB_FUNCTIONS: usize = 40;

/// Starts them.
pub fn start(scene: &Arc<Scene>, seed: u64, tasks: &mut JoinSet<()>) {
    tasks.spawn(change_mappings(Arc::clone(scene), Random::new(seed.wrapping_add(0x3a9))));
    tasks.spawn(reload(Arc::clone(scene), Random::new(seed.wrapping_add(0x4e10))));
}

async fn change_mappings(scene: Arc<Scene>, mut random: Random) {
    // What makes a component slow to compile stands after it.
    let bomb = slow_to_compile(&[], BOMB_FUNCTIONS);
    let mut number = 0;
    while scene.pause(random.below(3000)).await {
        number += 1;
        let version = number.to_string();
        let file = *random.pick(&FILES);
        let well_behaved = || scripted("scripted", &version, "nothing");
        let (what, bytes) = match random.below(12) {
            0..=3 => ("well-behaved", well_behaved()),
            4..=6 => {
                let behavior = *random.pick(&BEHAVIORS);
                ("hostile", scripted("hostile", &version, behavior))
            }
            7 => ("truncated", well_behaved().split_off(random.below(1000))),
            8 => {
                let garbage = (0..random.below(10_000)).map(|_| random.below(256) as u8);
                ("garbage", garbage.collect())
            }
            9 => ("compile bomb", [well_behaved(), bomb.clone()].concat()),
            _ => {
                if scene.mappings.file(file).exists() {
                    scene.mappings.remove(file);
                    scene.tally.add("mappings: removed");
                }
                continue;
            }
        };
        scene.mappings.put(file, &bytes);
        scene.tally.add(&format!("mappings: {what}"));
    }
    FILES.iter().filter(|file| scene.mappings.file(file).exists()).for_each(|file| {
        scene.mappings.remove(file);
    });
}

async fn reload(scene: Arc<Scene>, mut random: Random) {
    let client = Scene::client_at([127, 0, 0, 8]).timeout(Duration::from_secs(30)).build();
    let client = client.unwrap_or_else(|error| panic!("{error}"));
    while scene.pause(random.below(3000)).await {
        let is_valid = random.below(5) > 0;
        match is_valid {
            // With all targets, or without some of them.
            true => scene.set_targets(&TARGETS[..1 + random.below(TARGETS.len())]),
            false => scene.config.write("config.yaml", INVALID[random.below(INVALID.len())]),
        }
        if random.below(2) == 0 {
            // A storm of them, sometimes.
            for _ in 0..1 + random.below(2) * 50 {
                let id = Pid::from_raw(scene.process as i32);
                kill(id, Signal::SIGHUP).unwrap_or_else(|error| panic!("{error}"));
                scene.tally.add("reloads: SIGHUP");
            }
            continue;
        }
        let request = client.post(scene.url("/-/reload"));
        match request.basic_auth(USER, Some(PASSWORD)).send().await {
            Ok(response) if response.status() == 200 => scene.tally.add("reloads: accepted"),
            Ok(response) if response.status() == 500 => scene.tally.add("reloads: rejected"),
            _ => scene.tally.add("reloads: failed requests"),
        }
    }
    scene.set_targets(&TARGETS);
    kill(Pid::from_raw(scene.process as i32), Signal::SIGHUP).ok();
}
