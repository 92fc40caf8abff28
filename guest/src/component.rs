//! The glue between the WIT world and [`Mapping`](crate::mapping::Mapping).

/// The types that `wit/0.1/mapping.wit` defines, generated.
#[allow(unsafe_code, missing_docs, clippy::all, clippy::restriction)]
pub mod bindings {
    wit_bindgen::generate!({
        world: "mapping",
        path: "../wit/0.1",
        additional_derives: [PartialEq, Clone],
    });
}

use std::cell::RefCell;

pub use bindings::exports::copilot_metrics_exporter::mapping::mapper as wit;
use wit::{Document, Error, Guest, GuestRun, Manifest, OptionValue, SampleSet, Span, Target};

use crate::manifest;
use crate::mapping::Mapping;

/// The component's exports.
struct Component;

/// One run: the resource. Exports take `&self`, hence the cell; a component has one thread.
struct Run(RefCell<Mapping>);

impl Guest for Component {
    type Run = Run;

    fn describe() -> Manifest {
        manifest::manifest()
    }
}

impl GuestRun for Run {
    fn new(target: Target, span: Span, options: Vec<OptionValue>) -> Self {
        Self(RefCell::new(Mapping::new(&target, span, &options)))
    }

    fn feed(&self, document: Document, chunk: Vec<u8>) -> Result<(), Error> {
        self.0.borrow_mut().feed(&document, &chunk)
    }

    fn finish(&self) -> Result<SampleSet, Error> {
        self.0.borrow_mut().finish()
    }
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code)]
mod export {
    use super::{Component, bindings};
    bindings::export!(Component with_types_in bindings);
}
