//! Selects the version of the contract. One file per version (`v0_1`, `v0_2`) has the generated bindings
//! and translates them to the host's own types.
//!
//! A new version gets a directory under `wit`, a file here, a variant of [`Version`], and an arm in
//! `Version::parse` and [`prepare`].

use wasmtime::component::InstancePre;

use super::error::LoadError;
use super::header::Header;
use super::interface::Contract;
use super::store::State;
use super::version::{INTERFACE, Version};
use super::{v0_1, v0_2};
use crate::model::text::sanitize;

/// The version that a component exports; the newest one if there are several.
pub(super) fn find(header: &Header) -> Result<Version, LoadError> {
    let exports = &header.exports;
    let versions = exports.iter().filter_map(|name| name.strip_prefix(INTERFACE));
    let versions: Vec<&str> = versions.filter_map(|rest| rest.strip_prefix('@')).collect();
    let supported = versions.iter().filter_map(|version| Version::parse(version));
    match supported.max_by_key(|version| *version as u8) {
        Some(version) => Ok(version),
        None => Err(match versions.first() {
            Some(found) => LoadError::Version(sanitize(found)),
            None => LoadError::Export(match exports.is_empty() {
                true => "nothing".to_owned(),
                false => sanitize(&exports.join(", ")),
            }),
        }),
    }
}

/// Checks that a component with its imports satisfied exports what its version requires.
pub(super) fn prepare(
    version: Version,
    pre: InstancePre<State>,
) -> wasmtime::Result<Box<dyn Contract>> {
    match version {
        Version::V0_1 => v0_1::prepare(pre),
        Version::V0_2 => v0_2::prepare(pre),
    }
}
