//! The types of the contract, generated from `wit/0.2/mapping.wit`.

/// The generated module tree, which the exports refer to.
#[allow(unsafe_code, missing_docs, clippy::all, clippy::restriction)]
pub mod bindings {
    wit_bindgen::generate!({
        world: "mapping",
        path: "../wit/0.2",
        additional_derives: [PartialEq, Clone],
    });
}

pub use bindings::exports::copilot_metrics_exporter::mapping::mapper::*;
