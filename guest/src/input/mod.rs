//! From the bytes of a body to typed rows.

mod field;
mod framer;
mod framing;
mod malformed;
mod nesting;
mod path;
mod repair;
mod row;
mod shape;
mod text;
mod time;
mod tracking;
mod unmapped;
mod values;
mod version;

pub use field::{Field, FromJson, Known, Problem, report};
pub use framer::Framer;
pub use framing::{Frame, Framing};
pub use malformed::Malformed;
#[cfg(fuzzing)]
pub use repair::{position_before_repair, repair};
pub use row::{MAX_FUTURE_SECONDS, Rejected, Row};
pub use shape::{Shape, recognize};
pub use text::{fnv1a, label, to_label};
pub use time::{Day, Instant, start_of_day_ms};
pub use unmapped::Unmapped;
pub use values::{Amount, Count, Id, Name, Object, OwnedName, or_unknown};
pub use version::{Rank, Version, by_size};
