//! What is kept of a users report: a small record per user and day.

use std::collections::BTreeMap;

use super::names::Names;
use super::row::UserRow;
use crate::input::Id;
use crate::measures::activity::{self, Activity, BREAKDOWNS, Parts};
use crate::measures::sessions::Sessions;

/// The users of a day.
pub type Users = BTreeMap<Id, UserDay>;

/// What is kept of a user's day.
pub struct UserDay {
    pub activity: Activity,
    pub active: bool,
    /// The surfaces that the user used, as bits; see [`UserNames::surfaces`].
    pub used: u128,
    pub ai_credits: Option<f64>,
    /// See [`UserNames::phase`].
    phase: Option<u32>,
    /// Only if the families with a `user` label are enabled.
    pub detail: Option<Box<UserDetail>>,
}

/// What only the families with a `user` label need.
pub struct UserDetail {
    pub login: String,
    pub cli: Option<Sessions>,
    pub breakdowns: [Parts; 5],
}

/// The names that the records refer to.
#[derive(Default)]
pub struct UserNames {
    surfaces: Names,
    phases: Names,
}

impl UserNames {
    /// The record of a row, with detail if `with_detail`.
    pub fn record<const KEEP: bool>(
        &mut self,
        row: UserRow<'_, KEEP>,
        with_detail: bool,
    ) -> UserDay {
        let mut used = 0;
        for name in &row.used {
            let surface = name.strip_prefix("used_").unwrap_or(name);
            used |= 1u128.checked_shl(self.surfaces.index(surface)).unwrap_or(0);
        }
        let detail = with_detail.then(|| {
            let mut breakdowns: [Parts; 5] = Default::default();
            if KEEP {
                for ((parts, breakdown), elements) in
                    breakdowns.iter_mut().zip(&BREAKDOWNS).zip(&row.breakdowns)
                {
                    *parts = activity::parts(breakdown, &elements.0);
                }
            }
            Box::new(UserDetail {
                login: row.user_login.as_deref().unwrap_or_default().to_owned(),
                cli: row.cli.as_deref().cloned(),
                breakdowns,
            })
        });
        UserDay {
            activity: row.activity,
            active: row.active(),
            used,
            ai_credits: row.ai_credits_used,
            phase: row.phase.as_deref().map(|phase| self.phases.index(phase)),
            detail,
        }
    }

    /// The names of the surfaces in [`UserDay::used`], sorted.
    pub fn surfaces(&self, used: u128) -> impl Iterator<Item = &str> {
        self.surfaces.of_bits(used)
    }

    /// The adoption phase of a user.
    pub fn phase(&self, user: &UserDay) -> Option<&str> {
        self.phases.name(user.phase?)
    }
}
