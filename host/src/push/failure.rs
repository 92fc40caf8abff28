//! What a failed write is about, and when it is retried.

use std::time::Duration;

use crate::remote_write::WriteError;

/// The longest pause between two rounds.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What a failed write is about.
#[derive(Debug, PartialEq)]
pub(super) enum Concern {
    /// The endpoint does not respond. A later attempt may succeed.
    Outage,
    /// The endpoint refuses whatever it is sent, until its settings or those of the exporter change.
    Settings,
    /// The endpoint refuses this day, for a reason: the HTTP status, or `unconfirmed`.
    Day(String),
}

/// What a failed write is about.
pub(super) fn concern(error: &WriteError) -> Concern {
    match error {
        error if error.can_pass() => Concern::Outage,
        WriteError::Refused { status, .. } => match status {
            300..=399 | 401 | 403 | 404 | 405 | 407 | 415 => Concern::Settings,
            status => Concern::Day(status.to_string()),
        },
        // The server does not support the version of the protocol.
        WriteError::Unconfirmed { written: None, .. } => Concern::Settings,
        WriteError::Unconfirmed { .. } => Concern::Day("unconfirmed".to_owned()),
        WriteError::GaveUp { .. } => Concern::Outage,
        WriteError::Setup(_) => Concern::Settings,
    }
}

/// The pause after this many failed rounds in a row, from 1: a minute, then twice as long each time.
pub(super) fn pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(u32::MAX);
    Duration::from_secs(60).saturating_mul(doubled).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::Failure;

    #[test]
    fn a_refusal_of_everything_is_not_taken_for_one_of_a_day() {
        let refused = |status| concern(&WriteError::Refused { status, message: String::new() });
        for status in [308, 401, 403, 404, 405, 415] {
            assert_eq!(refused(status), Concern::Settings, "{status}");
        }
        for status in [400, 409, 413, 422] {
            assert_eq!(refused(status), Concern::Day(status.to_string()));
        }
        assert_eq!(concern(&WriteError::Setup("no file".to_owned())), Concern::Settings);
        let unconfirmed = |written| concern(&WriteError::Unconfirmed { sent: 2, written });
        assert_eq!(unconfirmed(None), Concern::Settings);
        assert_eq!(unconfirmed(Some(1)), Concern::Day("unconfirmed".to_owned()));
        let failure = Failure::Setup(String::new());
        assert_eq!(concern(&WriteError::GaveUp { attempts: 1, failure }), Concern::Outage);
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let minutes = |failures| pause(failures).as_secs() / 60;
        assert_eq!([1, 2, 3, 4, 5, 6].map(minutes), [1, 2, 4, 8, 15, 15]);
        assert_eq!(pause(u32::MAX), MAX_PAUSE);
    }
}
