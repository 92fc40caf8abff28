//! x
pub mod config;
pub mod github;
pub mod model;
pub mod wasm;
