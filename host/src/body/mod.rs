//! Bodies of responses: compressed while they arrive, kept in memory as long as all of them together
//! fit into a budget, and beyond it in files.

mod content;
mod spool;
mod writer;

pub use content::Body;
pub use spool::Spool;
pub use writer::{BodyWriter, CompressedWriter};
