use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::Command;

use copilot_metrics_tests::command::{Serving, exporter, output};

/// The exporter's command with a file descriptor that is passed as systemd does: as number 3, with the id of
/// the process in the environment.
fn activated(socket: OwnedFd) -> Command {
    let exporter = exporter();
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec 3<&0 </dev/null; exec env LISTEN_PID=$$ LISTEN_FDS=1 \"$@\"", "sh"])
        .arg(exporter.get_program())
        .args(["--demo", "--web.systemd-socket"])
        .stdin(socket);
    for (variable, value) in exporter.get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_systemds_socket_is_answered_by_the_exporter_that_it_starts() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // Systemd starts the exporter because of this connection.
    let mut early = TcpStream::connect(address).unwrap();
    early
        .write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    // It listens on no other address, although one is given.
    let serving = Serving::start(activated(socket.into()));
    assert_eq!(serving.address(), address);
    assert_eq!(serving.log().matches("listening").count(), 1);
    let mut response = String::new();
    early.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert_eq!(serving.get("/-/healthy").await.0, 200);
}

#[test]
fn without_a_usable_socket_of_systemd_the_start_fails_and_says_what_is_missing() {
    let error = |mut command: Command| {
        command.args(["--web.listen-address", "127.0.0.1:0"]);
        let output = output(command);
        assert_eq!(output.status.code(), Some(64));
        String::from_utf8(output.stderr).unwrap()
    };
    let mut none = exporter();
    none.args(["--demo", "--web.systemd-socket"]);
    let none = error(none);
    assert!(none.contains("--web.systemd-socket: systemd passed no socket"), "{none}");
    let directory = tempfile::tempdir().unwrap();
    let unix = UnixListener::bind(directory.path().join("socket")).unwrap();
    let unix = error(activated(unix.into()));
    assert!(unix.contains("ListenStream= should be a port"), "{unix}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let connection = error(activated(connection.into()));
    assert!(connection.contains("set Accept=no"), "{connection}");
}
