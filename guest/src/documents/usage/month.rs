//! A month so far.

use super::sums::Sums;
use crate::input::{Day, start_of_day_ms};

const DAY_SECONDS: f64 = 86_400.0;

/// The usage of a month, as far as GitHub had it when it was fetched.
#[derive(Debug)]
pub struct Month {
    /// Its first day.
    pub first: Day,
    /// The day for which the host requested it.
    pub requested: Option<Day>,
    /// When it was fetched, in seconds since 1970-01-01T00:00:00Z.
    pub fetched_at: i64,
    /// The items.
    pub sums: Sums,
}

impl Month {
    /// Its start, in seconds since 1970-01-01T00:00:00Z.
    pub fn start_seconds(&self) -> f64 {
        (self.first.start_ms() / 1000) as f64
    }

    /// Its length in seconds.
    pub fn length_seconds(&self) -> f64 {
        f64::from(self.first.days_in_month()) * DAY_SECONDS
    }

    /// How much of it had passed when it was fetched, in seconds. Days and months are in UTC, as GitHub
    /// bills them.
    pub fn elapsed_seconds(&self) -> f64 {
        (self.fetched_at as f64 - self.start_seconds()).clamp(0.0, self.length_seconds())
    }

    /// What a sum of the month so far will be at its end, if every day is like those so far: a straight line.
    /// In the first day of a month, it is too early to say.
    pub fn forecast(&self, so_far: f64) -> Option<f64> {
        let elapsed = self.elapsed_seconds();
        (elapsed >= DAY_SECONDS).then(|| so_far * self.length_seconds() / elapsed)
    }

    /// The day that it is about, in milliseconds since 1970-01-01T00:00:00Z: see [`Self::about`].
    pub fn about_ms(&self) -> i64 {
        Self::about(self.first, self.requested, self.fetched_at)
    }

    /// The day that a month so far is about, in milliseconds since 1970-01-01T00:00:00Z: the one for which it
    /// was requested, or on which it was fetched, and no later than its last day.
    pub fn about(first: Day, requested: Option<Day>, fetched_at: i64) -> i64 {
        let day_ms = requested.map_or(start_of_day_ms(fetched_at), Day::start_ms);
        day_ms.clamp(first.start_ms(), first.last_of_month().start_ms())
    }
}
