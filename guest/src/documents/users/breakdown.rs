//! A breakdown of a user's activity, and the versions of IDEs and plugins in it.

use serde::de::SeqAccess;

use super::versions::join;
use crate::input::{Field, FromJson, Object};
use crate::measures::activity::Element;

/// The array of a breakdown. Its elements are always decoded, so that what is wrong in them is
/// counted, but only kept if `KEEP`.
#[derive(Debug, Default)]
pub struct ByElements<'a, const KEEP: bool> {
    pub elements: Vec<Object<Element<'a>>>,
    /// The IDEs with their versions; see [`join`].
    pub ide_versions: Vec<String>,
    /// The plugins with their versions; see [`join`].
    pub plugin_versions: Vec<String>,
}

impl<'de: 'a, 'a, const KEEP: bool> FromJson<'de> for ByElements<'a, KEEP> {
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut by = Self::default();
        while let Some(element) = array.next_element::<Field<Object<Element<'a>>>>()? {
            let Some(element) = element.into_option() else { continue };
            by.ide_versions.extend(element.ide_version().map(|(ide, version)| join(ide, version)));
            by.plugin_versions
                .extend(element.plugin_version().map(|(plugin, version)| join(plugin, version)));
            if KEEP {
                by.elements.push(element);
            }
        }
        Ok(Some(by))
    }
}
