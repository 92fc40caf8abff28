//! How many of the seats of each plan are idle.

use std::collections::BTreeMap;

use super::holders::{Holders, NEVER, OLDER};

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

impl Holders {
    /// The users with a seat by plan.
    pub fn by_plan(&self) -> BTreeMap<&str, PlanSeats> {
        let mut plans: BTreeMap<&str, PlanSeats> = BTreeMap::new();
        for held in self.iter() {
            let seats = plans.entry(&held.plan).or_default();
            seats.users += 1;
            let is_idle = [UP_TO_90_DAYS, OLDER, NEVER].contains(&held.activity_age());
            seats.idle += u32::from(is_idle);
        }
        plans
    }
}
