//! The private parts that the fuzz targets in `tests/fuzz` call. Only `cargo fuzz` builds it.

pub use crate::input::{Frame, Framer, Framing, Malformed, position_before_repair, repair};
