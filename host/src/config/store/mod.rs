//! The section `store`: the server that replicas share.

mod section;
#[cfg(test)]
mod tests;
mod url;

pub use section::{SentinelSettings, ValkeySettings};
pub(super) use section::{StoreSection, settings};
pub use url::StoreUrl;
