//! Notes that processes leave for each other. They belong to no target, and expire.

use std::time::Duration;

use redis::cmd;

use super::access::Access;
use super::failure::Failure;
use super::health::Operation;

impl Access {
    /// Leaves a note for as long as `ttl`, instead of the one of the same name.
    pub(super) async fn leave_note(
        &self,
        prefix: &str,
        name: &str,
        text: &str,
        ttl: Duration,
    ) -> Result<(), Failure> {
        let mut command = cmd("SET");
        // The server refuses zero.
        let ttl = ttl.as_millis().max(1).to_string();
        command.arg(key(prefix, name)).arg(text).arg("PX").arg(ttl);
        self.send(Operation::Write, &command).await
    }

    /// The note of a name, if there is one.
    pub(super) async fn note(&self, prefix: &str, name: &str) -> Result<Option<String>, Failure> {
        self.send(Operation::Read, cmd("GET").arg(key(prefix, name))).await
    }
}

fn key(prefix: &str, name: &str) -> String {
    format!("{prefix}note:{name}")
}
