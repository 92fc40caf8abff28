//! x
pub mod config;
pub mod github;
pub mod mappings;
pub mod model;
pub mod output;
pub mod runner;
pub mod store;
pub mod wasm;
