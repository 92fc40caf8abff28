//! Sockets that systemd passes: socket activation, `sd_listen_fds(3)`.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use listenfd::ListenFd;

use crate::config::SettingError;

const FLAG: &str = "--web.systemd-socket";

/// The listening sockets that the process was started with.
///
/// It must be called before there are other threads: it removes the variables that name the sockets, so that
/// child processes don't take them for theirs.
pub fn systemd_sockets() -> Result<Vec<TcpListener>, SettingError> {
    let mut passed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for at in 0..passed.len() {
        let socket = passed.take_tcp_listener(at);
        let socket = socket.map_err(|error| {
            let right = "ListenStream= should be a port, or an address and port";
            SettingError::new(FLAG, format!("{error}: {right}"))
        })?;
        sockets.extend(socket.map(listening).transpose()?);
    }
    if sockets.is_empty() {
        let problem =
            "systemd passed no socket (LISTEN_FDS): start the exporter from a .socket unit";
        return Err(SettingError::new(FLAG, problem));
    }
    Ok(sockets)
}

/// Refuses the socket of a connection, which has another end.
fn listening(socket: TcpListener) -> Result<TcpListener, SettingError> {
    let stream = TcpStream::from(OwnedFd::from(socket));
    if stream.peer_addr().is_ok() {
        let problem = "systemd passed a connection, not a listening socket: set Accept=no";
        return Err(SettingError::new(FLAG, problem));
    }
    Ok(TcpListener::from(OwnedFd::from(stream)))
}
