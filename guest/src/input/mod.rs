//! From the bytes of a body to typed rows.

mod framing;
mod malformed;
mod nesting;
mod row;
mod text;
mod time;
mod unmapped;
mod values;

pub use framing::{Frame, Framer, Framing};
pub use malformed::Malformed;
pub use row::Row;
pub use time::{Day, Instant, start_of_day_ms};
pub use unmapped::Unmapped;
pub use values::{Count, Id, Known, Name, Object, OwnedName, or_unknown};
