//! What can fail, in words.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// No one listens at the address.
    Refused,
    /// No response in time.
    Timeout,
    /// The name can't be resolved, the connection was closed, and the like.
    Network,
    /// The certificate is not valid, or the server does not speak TLS.
    Certificate,
    /// The password is wrong or missing.
    Password,
    /// The user must not use a command or a key.
    Permission,
    /// The server's memory is full.
    OutOfMemory,
    /// The server is a replica, which can't be written to.
    ReadOnly,
    /// The server refuses writes because it can't persist them.
    NotPersistent,
    /// The server is loading its data, or waits for its primary.
    Loading,
    /// The cluster, or a part of it, is down.
    ClusterDown,
    /// The server is a node of a cluster, and the settings say otherwise, or the other way round.
    Topology,
    /// The Sentinels know no primary of that name.
    NoPrimary,
    /// A setting that is needed for the connection can't be read.
    Setting,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Refused,
        Self::Timeout,
        Self::Network,
        Self::Certificate,
        Self::Password,
        Self::Permission,
        Self::OutOfMemory,
        Self::ReadOnly,
        Self::NotPersistent,
        Self::Loading,
        Self::ClusterDown,
        Self::Topology,
        Self::NoPrimary,
        Self::Setting,
        Self::Other,
    ];

    /// The value of the label `kind`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Certificate => "certificate",
            Self::Password => "password",
            Self::Permission => "permission",
            Self::OutOfMemory => "out_of_memory",
            Self::ReadOnly => "read_only",
            Self::NotPersistent => "not_persistent",
            Self::Loading => "loading",
            Self::ClusterDown => "cluster_down",
            Self::Topology => "topology",
            Self::NoPrimary => "no_primary",
            Self::Setting => "setting",
            Self::Other => "other",
        }
    }

    /// What happened and what helps.
    fn text(self) -> &'static str {
        match self {
            Self::Refused => "connection refused: check that the server runs, and the URL",
            Self::Timeout => "no response in time: the server or the network is too slow or hangs",
            Self::Network => "the connection failed",
            Self::Certificate => {
                "no TLS connection: check ca_file, the host in the URL, and that the port is one for TLS"
            }
            Self::Password => "the user or password is wrong or missing: check password_file",
            Self::Permission => "the user lacks permission for a command or for the key prefix",
            Self::OutOfMemory => "its memory is full: raise maxmemory",
            Self::ReadOnly => {
                "it is a read-only replica: the URL should lead to the primary, or use sentinel"
            }
            Self::NotPersistent => "it refuses writes because it cannot save them to its disk",
            Self::Loading => "it is still loading its data",
            Self::ClusterDown => "the cluster is down",
            Self::Topology => "the setting cluster does not fit the server",
            Self::NoPrimary => "the Sentinels know no primary of this name: check sentinel.master",
            Self::Setting => "a setting can't be read",
            Self::Other => "it returned an error",
        }
    }

    /// Whether only writes fail in this way.
    pub(super) fn is_of_writes(self) -> bool {
        matches!(self, Self::OutOfMemory | Self::ReadOnly | Self::NotPersistent)
    }

    /// Whether another connection may work: this one is broken, or leads to a server that is not the
    /// primary any more.
    pub(super) fn wants_reconnect(self) -> bool {
        !matches!(self, Self::OutOfMemory | Self::NotPersistent | Self::Permission | Self::Other)
    }
}

/// A failure of the server that replicas share.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// The server, without a password.
    server: String,
    /// What the server or the system said.
    detail: Option<String>,
}

impl Failure {
    /// A failure of the server at an address.
    pub(super) fn new(kind: FailureKind, server: &str, detail: Option<String>) -> Self {
        Self { kind, server: server.to_owned(), detail }
    }

    /// The failure that an error means.
    pub(super) fn of(error: &RedisError, server: &str) -> Self {
        let text = error.to_string();
        let kind = kind_of(error, &text);
        // These say all there is to say.
        let is_plain = matches!(kind, FailureKind::Refused | FailureKind::Timeout);
        let detail = (!is_plain).then(|| text.replace(char::is_control, " "));
        Self::new(kind, server, detail)
    }

    /// The same failure without a secret that the server may have sent back.
    pub(super) fn without(mut self, secret: Option<&str>) -> Self {
        if let (Some(detail), Some(secret)) = (&mut self.detail, secret)
            && !secret.is_empty()
        {
            *detail = detail.replace(secret, "***");
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.kind.text())?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

fn kind_of(error: &RedisError, text: &str) -> FailureKind {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // What a command of a script returns is not always passed on with its code.
    if says(&["OOM command not allowed"]) {
        return FailureKind::OutOfMemory;
    }
    if says(&["cluster support disabled"]) {
        return FailureKind::Topology;
    }
    if error.is_timeout() {
        return FailureKind::Timeout;
    }
    if error.is_connection_refusal() {
        return FailureKind::Refused;
    }
    match (error.kind(), error.code().unwrap_or_default()) {
        (ErrorKind::AuthenticationFailed, _) | (_, "NOAUTH" | "WRONGPASS") => FailureKind::Password,
        (_, "OOM") => FailureKind::OutOfMemory,
        (_, "MISCONF" | "NOREPLICAS") => FailureKind::NotPersistent,
        (ErrorKind::MasterNameNotFoundBySentinel, _) => FailureKind::NoPrimary,
        (ErrorKind::Server(kind), _) => match kind {
            ServerErrorKind::ReadOnly => FailureKind::ReadOnly,
            ServerErrorKind::NoPerm => FailureKind::Permission,
            ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown => FailureKind::Loading,
            ServerErrorKind::ClusterDown | ServerErrorKind::TryAgain => FailureKind::ClusterDown,
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => {
                FailureKind::Topology
            }
            _ => FailureKind::Other,
        },
        (ErrorKind::Io, _)
            if says(&["ertificate", "UnknownIssuer", "corrupt message", "andshake"]) =>
        {
            FailureKind::Certificate
        }
        (ErrorKind::Io | ErrorKind::ClusterConnectionNotFound, _) => FailureKind::Network,
        (ErrorKind::InvalidClientConfig, _) => FailureKind::Network,
        _ => FailureKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn kind(error: impl Into<RedisError>) -> FailureKind {
        Failure::of(&error.into(), "redis://valkey:6379").kind
    }

    #[test]
    fn every_kind_of_failure_is_one_line_that_names_the_server() {
        for kind in FailureKind::ALL {
            let text = Failure::new(kind, "redis://valkey:6379", None).to_string();
            assert!(text.starts_with("redis://valkey:6379: ") && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn failures_of_the_network_are_told_apart() {
        assert_eq!(kind(io::Error::from(io::ErrorKind::ConnectionRefused)), FailureKind::Refused);
        assert_eq!(kind(io::Error::from(io::ErrorKind::TimedOut)), FailureKind::Timeout);
        assert_eq!(kind(io::Error::from(io::ErrorKind::ConnectionReset)), FailureKind::Network);
        let invalid = io::Error::other("invalid peer certificate: UnknownIssuer");
        assert_eq!(kind(invalid), FailureKind::Certificate);
        assert_eq!(kind((ErrorKind::AuthenticationFailed, "no")), FailureKind::Password);
    }

    #[test]
    fn a_secret_that_the_server_sends_back_is_masked() {
        let error = RedisError::from((ErrorKind::Client, "unknown", "AUTH hunter2".to_owned()));
        let failure = Failure::of(&error, "redis://valkey:6379").without(Some("hunter2"));
        assert!(failure.to_string().contains("AUTH ***"), "{failure}");
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}
