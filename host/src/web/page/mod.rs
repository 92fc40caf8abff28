//! The page at `/`: how every target is doing, and pictures of its last 28 days.
//!
//! [`Page`] puts it together, at every request, from what the publisher knows and from pictures
//! that are drawn once for the same documents and mappings. `history` runs the mappings for them,
//! `catalogue` says what they show of it, `pictures`, `lines` and `bars` draw. What it looks like is in `host/templates`.

mod bars;
mod catalogue;
mod history;
mod lines;
mod numbers;
mod pictures;
mod store;
mod view;

pub use store::{Page, Selection};
pub use view::POLICY;
