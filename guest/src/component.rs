//! The glue between the WIT world and [`Run`].

use std::cell::RefCell;

use crate::contract::{
    Document, Error, Guest, GuestRun, Manifest, OptionValue, SampleSet, Span, Target,
};
use crate::manifest::manifest;
use crate::run::Run;

/// The component's exports.
struct Component;

/// A run as a WIT resource. Exports take `&self`, hence the cell; a component has a single thread.
struct RunResource(RefCell<Run>);

impl Guest for Component {
    type Run = RunResource;

    fn describe() -> Manifest {
        manifest()
    }
}

impl GuestRun for RunResource {
    fn new(target: Target, span: Span, options: Vec<OptionValue>) -> Self {
        Self(RefCell::new(Run::new(&target, span, &options)))
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
    use super::Component;
    use crate::contract::bindings;
    bindings::export!(Component with_types_in bindings);
}
