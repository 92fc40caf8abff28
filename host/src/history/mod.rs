//! The past of a target: the documents of days that are kept, and the samples of a day.
//!
//! `kept` stores the document of each day under its day, so that a new mapping can map the past again
//! without a request to GitHub. `day` maps the documents of days into their daily samples, `stored` those of
//! a day only once; `recent` does
//! so with the newest documents of a target too.

mod day;
mod kept;
mod recent;
mod stored;

pub use day::{MapFailure, Mapped, Subject, map};
pub use kept::{
    DayDocuments, Days, Kept, REVISION_INTERVAL, is_current, keep, keep_absent, stored,
};
pub use recent::map_recent;
pub use stored::map_day;
