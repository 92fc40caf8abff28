//! Clients that misbehave, each kind at an address of its own.

use std::sync::Arc;
use std::time::Duration;

use copilot_metrics_tests::mutation::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::scene::{PASSWORD, Scene, USER};

/// How many connections request `/-/healthy` without pause.
const FLOOD: usize = 300;
/// How many request metrics and don't read them.
const SLOW_READERS: usize = 20;
/// How many try passwords.
const GUESSERS: usize = 8;
/// How many send something that is not HTTP.
const VANDALS: usize = 4;

/// How these requests start.
const STARTS: [&[u8]; 3] = [b"", b"GET ", b"GET /metrics HTTP/1.1\r\nhost: a\r\nx: "];

/// Starts them.
pub fn start(scene: &Arc<Scene>, seed: u64, tasks: &mut JoinSet<()>) {
    let random = |number: usize| Random::new(seed.wrapping_mul(1000).wrapping_add(number as u64));
    for _ in 0..FLOOD {
        tasks.spawn(flood(Arc::clone(scene)));
    }
    for number in 0..SLOW_READERS {
        tasks.spawn(read_slowly(Arc::clone(scene), random(number)));
    }
    for _ in 0..GUESSERS {
        tasks.spawn(guess_passwords(Arc::clone(scene)));
    }
    for number in 0..VANDALS {
        tasks.spawn(send_garbage(Arc::clone(scene), random(SLOW_READERS + number)));
    }
    tasks.spawn(view_pages(Arc::clone(scene)));
}

async fn flood(scene: Arc<Scene>) {
    let request = format!("GET /-/healthy HTTP/1.1\r\nhost: {}\r\n\r\n", scene.address);
    let mut buffer = [0; 4096];
    while scene.pause(100).await {
        let Ok(mut stream) = scene.connect_from([127, 0, 0, 4]).await else { continue };
        scene.tally.add("connections that flood /-/healthy");
        while stream.write_all(request.as_bytes()).await.is_ok()
            && read_some(&mut stream, &mut buffer).await
            && scene.pause(300).await
        {}
    }
}

/// Whether the server sent something within a second.
async fn read_some(stream: &mut tokio::net::TcpStream, buffer: &mut [u8]) -> bool {
    let read = tokio::time::timeout(Duration::from_secs(1), stream.read(buffer)).await;
    matches!(read, Ok(Ok(read)) if read > 0)
}

async fn read_slowly(scene: Arc<Scene>, mut random: Random) {
    use base64::Engine;
    let credentials = format!("{USER}:{PASSWORD}");
    let credentials = base64::engine::general_purpose::STANDARD.encode(credentials);
    let request =
        format!("GET /metrics HTTP/1.1\r\nhost: a\r\nauthorization: Basic {credentials}\r\n\r\n");
    while scene.pause(random.below(2000)).await {
        let Ok(mut stream) = scene.connect_from([127, 0, 0, 5]).await else { continue };
        // More responses than the system buffers.
        stream.write_all(request.repeat(1 + random.below(50)).as_bytes()).await.ok();
        scene.tally.add("slow readers");
        let mut buffer = [0; 100];
        for _ in 0..random.below(20) {
            if !scene.pause(500).await || !read_some(&mut stream, &mut buffer).await {
                break;
            }
        }
    }
}

async fn guess_passwords(scene: Arc<Scene>) {
    let client = Scene::client_at([127, 0, 0, 3]).timeout(Duration::from_secs(10)).build();
    let client = client.unwrap_or_else(|error| panic!("{error}"));
    while scene.pause(50).await {
        let request = client.get(scene.url("/metrics"));
        let sent = request.basic_auth(USER, Some("wrong password")).send().await;
        if let Ok(response) = sent {
            assert!(!response.status().is_success(), "a wrong password was accepted");
            scene.tally.add("wrong passwords");
        }
    }
}

async fn send_garbage(scene: Arc<Scene>, mut random: Random) {
    while scene.pause(random.below(500)).await {
        let Ok(mut stream) = scene.connect_from([127, 0, 0, 6]).await else { continue };
        let bytes: Vec<u8> = (0..random.below(2000)).map(|_| random.below(256) as u8).collect();
        let start = STARTS[random.below(STARTS.len())];
        stream.write_all(&[start, &bytes].concat()).await.ok();
        scene.tally.add("requests that are not HTTP");
        scene.pause(random.below(3000)).await;
    }
}

/// Looks at the page and at `/-/ready`. This is not hostile, but it runs mappings.
async fn view_pages(scene: Arc<Scene>) {
    let client = Scene::client_at([127, 0, 0, 7]).timeout(Duration::from_secs(20)).build();
    let client = client.unwrap_or_else(|error| panic!("{error}"));
    while scene.pause(1000).await {
        for path in ["/", "/-/ready", "/?org=octodemo&scope=organization"] {
            let request = client.get(scene.url(path)).basic_auth(USER, Some(PASSWORD));
            match request.send().await {
                Ok(response) if response.status().is_success() => scene.tally.add("page views"),
                _ => scene.tally.add("page views that failed"),
            }
        }
    }
}
