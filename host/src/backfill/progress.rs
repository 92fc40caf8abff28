//! What is shown while it runs: a bar on a terminal, else a line for every ten days.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use tracing::info;

use crate::model::Target;

/// How many days a line is about.
const DAYS_PER_LINE: u64 = 10;

/// Shows how far a run is.
pub struct Progress {
    /// On a terminal.
    bar: Option<ProgressBar>,
    done: u64,
    total: u64,
}

impl Progress {
    /// A run over this many days, of all targets together.
    pub fn new(total: u64) -> Self {
        let style = "{msg} [{bar:40}] {pos}/{len} days, {elapsed}, {eta} left";
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            // The template is a constant.
            let style = ProgressStyle::with_template(style);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, done: 0, total }
    }

    /// A day is done.
    pub(super) fn day(&mut self, target: &Target, day: Date, requests: u64) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{target} {day}"));
            bar.set_position(self.done);
        } else if self.done.is_multiple_of(DAYS_PER_LINE) || self.done == self.total {
            let [org, scope] = target.labels();
            info!(org, scope, %day, done = self.done, of = self.total, requests, "backfilling");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
