//! How many of the seats of each plan are idle.

use std::collections::BTreeMap;

use super::SeatsCollector;
use super::holders::{NEVER, OLDER};
use crate::input::start_of_day_ms;

/// The age of a last activity of 31 to 90 days.
const UP_TO_90_DAYS: &str = "90d";

/// The users with a seat of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanSeats {
    /// All of them.
    pub users: u32,
    /// Those who have not been active for more than 30 days, or never.
    pub idle: u32,
}

impl SeatsCollector {
    /// The users with a seat by plan, and the day that they are about, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub fn by_plan(&self) -> Option<(i64, BTreeMap<&str, PlanSeats>)> {
        let day = start_of_day_ms(self.fetched_at?);
        let mut plans: BTreeMap<&str, PlanSeats> = BTreeMap::new();
        for held in self.holders.iter() {
            let seats = plans.entry(&held.plan).or_default();
            seats.users += 1;
            let is_idle = [UP_TO_90_DAYS, OLDER, NEVER].contains(&held.activity_age());
            seats.idle += u32::from(is_idle);
        }
        Some((day, plans))
    }
}
