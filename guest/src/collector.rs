//! The interface of everything that turns rows into samples.

use std::any::Any;

use crate::input::{Day, Rejected, Row, Unmapped};
use crate::output::{Catalogue, Samples};
use crate::settings::Settings;

/// Collects the rows of one document family and turns them into samples.
///
/// There is one instance per run. It declares its families first, then takes the rows of its
/// documents in the order of the manifest, and finally adds its samples.
pub trait Collector: Any {
    /// Declares the families in the order in which they are to appear on `/metrics`.
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self
    where
        Self: Sized;

    /// Called before the first row of each body, with the collectors above this one in the table.
    fn begin(&mut self, _above: Collectors<'_>) {}

    /// Takes a row. Collectors without documents never get one.
    fn row(&mut self, _row: Row<'_>) -> Result<(), Rejected> {
        Ok(())
    }

    /// Takes a wrapper object without its rows, after them.
    fn wrapper(&mut self, _wrapper: Row<'_>) -> Result<(), Rejected> {
        Ok(())
    }

    /// Called when a row was lost: the document says more than the rows that were taken.
    fn row_lost(&mut self) {}

    /// Takes the information that a document was measured for a day on which nothing happened: the
    /// report has no rows. Returns false if the document is not a report.
    fn nothing_on(&mut self, _day: Day) -> bool {
        false
    }

    /// Called after the last body of each document. An error is the reason why the document as a
    /// whole is malformed.
    fn end(&mut self, _unmapped: &mut Unmapped) -> Result<(), String> {
        Ok(())
    }

    /// Adds the samples. `all` gives access to what the other collectors have collected.
    fn finish(&self, all: Collectors<'_>, samples: &mut Samples);
}

/// The constructor of a collector.
pub type New = fn(&mut Catalogue, &Settings) -> Box<dyn Collector>;

/// The [`New`] of a type.
pub fn new<C: Collector>(catalogue: &mut Catalogue, settings: &Settings) -> Box<dyn Collector> {
    Box::new(C::declare(catalogue, settings))
}

/// Read access to other collectors by their type.
///
/// For the few families that join two documents. The type in the source is the dependency, so it
/// must point one way only: if two documents need each other, the joined families belong in a
/// collector of their own.
#[derive(Clone, Copy)]
pub struct Collectors<'a>(pub &'a [Box<dyn Collector>]);

impl<'a> Collectors<'a> {
    /// The collector of this type.
    pub fn get<C: Collector>(self) -> Option<&'a C> {
        self.0.iter().find_map(|collector| (&**collector as &dyn Any).downcast_ref())
    }
}
