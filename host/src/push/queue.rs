//! The days that are still to be compared with what the endpoint has.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;

use super::due::Version;
use crate::model::{Samples, Target};

/// How long after a push it is compared: VictoriaMetrics shows imported samples up to 8 s later.
const DELAY: Duration = Duration::from_secs(10);
/// How many samples may wait before more are pushed: they take memory.
const MAX_SAMPLES: usize = 500_000;

/// A day that was pushed.
pub(super) struct Unverified {
    pub target: Target,
    pub day: Date,
    pub version: Version,
    pub samples: Vec<Samples>,
    /// When it is compared.
    due_at: Instant,
}

/// The days to compare, oldest push first.
#[derive(Default)]
pub(super) struct Queue {
    days: VecDeque<Unverified>,
    samples: usize,
}

impl Queue {
    /// Adds a day that was pushed at a time.
    pub(super) fn add(
        &mut self,
        target: &Target,
        (day, version): (Date, Version),
        samples: Vec<Samples>,
        pushed_at: Instant,
    ) {
        self.samples += version.samples;
        let (target, due_at) = (target.clone(), pushed_at + DELAY);
        self.days.push_back(Unverified { target, day, version, samples, due_at });
    }

    /// When the next one is compared.
    pub(super) fn next(&self) -> Option<Instant> {
        self.days.front().map(|day| day.due_at)
    }

    /// Whether so many samples wait that no more should be added.
    pub(super) fn is_full(&self) -> bool {
        self.samples > MAX_SAMPLES
    }

    /// Removes the next one if its time has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Unverified> {
        let next = self.days.pop_front_if(|day| day.due_at <= now)?;
        self.samples -= next.version.samples;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Scope;

    #[test]
    fn days_are_compared_in_their_order_not_before_their_time_and_only_so_many_wait() {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let version = |samples| Version { timestamp: 0, samples, is_complete: true };
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(&target, (date(2026, 11, 20), version(MAX_SAMPLES)), Vec::new(), now);
        assert!(!queue.is_full());
        let later = now + Duration::from_secs(1);
        queue.add(&target, (date(2026, 11, 21), version(1)), Vec::new(), later);
        assert!(queue.is_full());
        assert_eq!(queue.next(), Some(now + DELAY));
        assert!(queue.pop_due(later).is_none());
        assert_eq!(queue.pop_due(now + DELAY).unwrap().day, date(2026, 11, 20));
        assert!(!queue.is_full() && queue.pop_due(now + DELAY).is_none());
        assert_eq!(queue.pop_due(later + DELAY).unwrap().day, date(2026, 11, 21));
        assert_eq!(queue.next(), None);
    }
}
