//! Which days are due at an endpoint.

/// The samples of a target and day, as far as it matters whether an endpoint has them. All of them have one
/// timestamp, which is later the later their documents were fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The number of samples.
    pub samples: usize,
    /// Whether the family is among them that marks a day as complete.
    pub is_complete: bool,
}

/// What is known of a day at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// What was pushed last.
    pub version: Version,
    /// What became of it.
    pub state: State,
}

/// What became of a day that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has not been pushed since the start, but the endpoint has marked it as complete.
    Marked,
    /// The endpoint accepted it.
    Accepted,
    /// The endpoint accepted it, and does not have all of it: it is pushed again, once.
    NotStored,
    /// It was pushed again, and the endpoint accepted it.
    AcceptedAgain,
    /// The endpoint refused it, or did not store it twice: it is not pushed again until it is revised.
    Refused,
}

impl Known {
    /// What is known of a day at the first look. `marker` is the timestamp of the sample that marks the day
    /// as complete at the endpoint.
    pub(super) fn from_marker(day: Version, marker: i64) -> Self {
        let version = Version { timestamp: marker, is_complete: true, ..day };
        Self { version, state: State::Marked }
    }

    /// What is known after the endpoint accepted a day.
    pub(super) fn accepted(day: Version, previous: Option<&Self>) -> Self {
        let is_repeated = previous.is_some_and(|previous| {
            previous.state == State::NotStored && previous.version.timestamp == day.timestamp
        });
        let state = if is_repeated { State::AcceptedAgain } else { State::Accepted };
        Self { version: day, state }
    }

    /// What is known after the endpoint refused a day.
    pub(super) fn refused(day: Version) -> Self {
        Self { version: day, state: State::Refused }
    }

    /// What is known after a comparison found that the endpoint does not have all of a day.
    pub(super) fn not_stored(self) -> Self {
        let state = match self.state {
            State::Marked | State::Accepted | State::NotStored => State::NotStored,
            State::AcceptedAgain | State::Refused => State::Refused,
        };
        Self { state, ..self }
    }

    /// Whether the endpoint has the day, as far as is known, and it is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.version.is_complete && !matches!(self.state, State::NotStored | State::Refused)
    }
}

/// Whether a day is to be pushed.
pub(super) fn is_due(day: Version, known: Option<&Known>) -> bool {
    let Some(known) = known else { return true };
    let (now, before) = (day, known.version);
    match known.state {
        State::Refused => now.timestamp != before.timestamp,
        State::NotStored => now.timestamp >= before.timestamp,
        // A document that arrives later may add samples without moving the timestamp.
        State::Marked | State::Accepted | State::AcceptedAgain => {
            now.timestamp > before.timestamp
                || now.timestamp == before.timestamp && now.samples > before.samples
        }
    }
}

/// Whether the endpoint may have a day although it is due: its mark does not tell the number of samples, which
/// grows at the start while mappings are put in use.
pub(super) fn may_be_stored(day: Version, known: Option<&Known>) -> bool {
    known.is_some_and(|known| {
        known.state == State::Marked && day.timestamp == known.version.timestamp
    })
}

/// Whether a day that is pushed revises one that the endpoint has.
pub(super) fn is_revision(day: Version, known: Option<&Known>) -> bool {
    known.is_some_and(|known| {
        known.state != State::Refused && day.timestamp > known.version.timestamp
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(timestamp: i64, samples: usize) -> Version {
        Version { timestamp, samples, is_complete: true }
    }

    #[test]
    fn a_day_is_due_if_the_endpoint_does_not_have_it_or_has_an_earlier_version() {
        let day = version(10, 5);
        assert!(is_due(day, None));
        for (marker, due) in [(9, true), (10, false), (11, false)] {
            let known = Known::from_marker(day, marker);
            assert_eq!(is_due(day, Some(&known)), due, "{marker}");
            assert_eq!(is_revision(day, Some(&known)), due, "{marker}");
            assert!(known.is_complete());
        }
    }

    #[test]
    fn a_day_that_was_pushed_is_due_again_when_it_is_revised_or_has_more_samples() {
        let known = Known::accepted(version(10, 5), None);
        for (day, due) in [
            (version(10, 5), false),
            (version(10, 6), true),
            // A document was left out for once.
            (version(10, 4), false),
            (version(11, 4), true),
            (version(9, 9), false),
        ] {
            assert_eq!(is_due(day, Some(&known)), due, "{day:?}");
        }
        assert!(!is_revision(version(10, 6), Some(&known)));
        assert!(is_revision(version(11, 4), Some(&known)));
    }

    #[test]
    fn a_day_that_gets_more_samples_after_the_start_may_be_stored_already() {
        let marked = Known::from_marker(version(10, 5), 10);
        let more = version(10, 6);
        assert!(is_due(more, Some(&marked)) && may_be_stored(more, Some(&marked)));
        assert!(!may_be_stored(version(11, 6), Some(&marked)));
        let accepted = Known::accepted(version(10, 5), Some(&marked));
        assert!(is_due(more, Some(&accepted)) && !may_be_stored(more, Some(&accepted)));
        assert!(!may_be_stored(more, None));
    }

    #[test]
    fn a_refused_day_is_not_due_until_its_timestamp_changes() {
        let known = Known::refused(version(10, 5));
        assert!(!known.is_complete());
        assert!(!is_due(version(10, 6), Some(&known)));
        assert!(is_due(version(11, 5), Some(&known)));
        assert!(is_due(version(9, 5), Some(&known)));
        assert!(!is_revision(version(11, 5), Some(&known)));
    }

    #[test]
    fn a_day_that_the_endpoint_did_not_store_is_pushed_once_more() {
        let day = version(10, 5);
        let first = Known::accepted(day, None).not_stored();
        assert!(is_due(day, Some(&first)) && !first.is_complete());
        let second = Known::accepted(day, Some(&first));
        assert!(!is_due(day, Some(&second)) && second.is_complete());
        let refused = second.not_stored();
        assert_eq!(refused.state, State::Refused);
        assert!(!is_due(day, Some(&refused)));
        // A revision starts again.
        let revision = version(11, 5);
        assert!(is_due(revision, Some(&refused)));
        assert_eq!(Known::accepted(revision, Some(&refused)).not_stored().state, State::NotStored);
        assert_eq!(Known::accepted(revision, Some(&first)).state, State::Accepted);
    }

    #[test]
    fn a_day_without_its_marker_is_not_complete() {
        let day = Version { is_complete: false, ..version(10, 5) };
        assert!(!Known::accepted(day, None).is_complete());
        assert!(Known::from_marker(day, 9).is_complete());
    }
}
