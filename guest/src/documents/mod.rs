//! The table of document families.
//!
//! Each module is one family: the documents, the shape of their rows, and the collector that turns
//! them into samples.

mod aggregate;
mod billing;
mod budgets;
mod compat;
mod cost;
mod cost_centers;
mod legacy;
mod repositories;
mod seats;
mod team_activity;
#[cfg(test)]
mod tests;
mod usage;
mod user_teams;
mod users;

use crate::charts::ChartDefinition;
use crate::collector::Collector;
use crate::output::Catalogue;
use crate::registration::Registration;
use crate::settings::{KnownOptions, Settings};

/// Every document family. The order is that of the families on `/metrics` and of the documents in
/// the manifest: a document that a collector needs while it takes rows must come first.
pub const TABLE: &[Registration] = &[
    compat::REGISTRATION,
    legacy::REGISTRATION,
    aggregate::REGISTRATION,
    user_teams::REGISTRATION,
    team_activity::REGISTRATION,
    users::REGISTRATION,
    repositories::REGISTRATION,
    billing::REGISTRATION,
    seats::REGISTRATION,
    usage::REGISTRATION,
    usage::by_organization::REGISTRATION,
    budgets::REGISTRATION,
    cost_centers::REGISTRATION,
    cost::REGISTRATION,
];

/// Makes every collector, in the order of the table.
pub fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Vec<Box<dyn Collector>> {
    TABLE.iter().map(|registration| (registration.new)(catalogue, settings)).collect()
}

/// Where a document is in the table.
#[derive(Clone, Copy)]
pub struct Place {
    /// The position of its registration in [`TABLE`].
    pub collector: usize,
    /// Its position in the registration.
    pub document: usize,
    /// Its registration.
    pub registration: &'static Registration,
}

/// Finds a document in the table.
pub fn find(name: &str) -> Option<Place> {
    TABLE.iter().enumerate().find_map(|(collector, registration)| {
        let document = registration.documents.iter().position(|document| document.name == name)?;
        Some(Place { collector, document, registration })
    })
}

/// The charts of every collector.
pub fn charts() -> impl Iterator<Item = &'static ChartDefinition> {
    TABLE.iter().flat_map(|registration| registration.charts)
}

/// The options of every collector.
pub fn options() -> KnownOptions {
    KnownOptions {
        switches: TABLE.iter().flat_map(|registration| registration.options).collect(),
        numbers: TABLE.iter().flat_map(|registration| registration.numbers).collect(),
    }
}
