//! What the mapping sees of the outside world: everything here must be empty, closed or fixed.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Instant, SystemTime};

use wasip2::cli::stdout::get_stdout;
use wasip2::io::poll::poll;
use wasip2::random::{insecure, random};

/// The environment, the files and the clocks.
pub fn everything() -> [(&'static str, f64); 13] {
    let mut input = String::new();
    let input = std::io::stdin().read_to_string(&mut input).unwrap_or_default();
    let (start, wall_clock) = (Instant::now(), seconds_since_1970());
    _ = std::io::stdout().write_all(b"discarded");
    [
        ("variables", std::env::vars().count() as f64),
        ("arguments", std::env::args().count() as f64),
        ("input", input as f64),
        ("directory", count(std::fs::read_dir("/"))),
        ("new directory", count(std::fs::create_dir("/tmp/scripted"))),
        ("file", count(std::fs::read("/etc/passwd"))),
        ("metadata", count(std::fs::metadata("."))),
        ("written file", count(std::fs::write("scripted", "text"))),
        ("removed file", count(std::fs::remove_file("guest.wasm"))),
        ("thread", count(std::thread::Builder::new().spawn(|| {}))),
        ("wall clock", wall_clock),
        ("later wall clock", seconds_since_1970()),
        ("monotonic clock", start.elapsed().as_secs_f64()),
    ]
}

/// The sockets, including a connection to a port on which a test listens.
pub fn connections(port: u16) -> [(&'static str, f64); 4] {
    [
        ("connection", count(TcpStream::connect(("127.0.0.1", port)))),
        ("listener", count(TcpListener::bind("127.0.0.1:0"))),
        ("datagrams", count(UdpSocket::bind("127.0.0.1:0"))),
        ("name lookup", count(("localhost", port).to_socket_addrs())),
    ]
}

/// Takes more and more handles and never returns one.
pub fn take_handles() {
    loop {
        std::mem::forget(get_stdout());
    }
}

/// Waits for nothing at all.
pub fn wait_for_nothing() {
    poll(&[]);
}

/// Wants more random numbers than any seed needs.
pub fn take_random_bytes() {
    std::hint::black_box(random::get_random_bytes(1 << 30));
}

/// Random numbers, shortened so that they are exact as `f64`.
pub fn random_numbers() -> [(&'static str, f64); 3] {
    let exact = |number: u64| (number >> 11) as f64;
    [
        ("random", exact(random::get_random_u64())),
        ("insecure", exact(insecure::get_insecure_random_u64())),
        ("hash", exact(RandomState::new().hash_one(1))),
    ]
}

fn seconds_since_1970() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(-1.0, |since| since.as_secs_f64())
}

/// 1 if something succeeded.
fn count<T, E>(result: Result<T, E>) -> f64 {
    f64::from(u8::from(result.is_ok()))
}
