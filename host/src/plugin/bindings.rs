//! The host's side of `wit/0.1/mapping.wit`, generated.

#![allow(missing_docs, unsafe_code, clippy::all, clippy::restriction)]

wasmtime::component::bindgen!({
    world: "mapping",
    path: "../wit/0.1",
    additional_derives: [Clone, PartialEq],
});

pub use exports::copilot_metrics_exporter::mapping::mapper as wit;
