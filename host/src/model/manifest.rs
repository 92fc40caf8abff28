//! What a mapping says about itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chart::Chart;
use super::document::DocumentSpec;
use super::target::Scope;

/// A mapping's description of itself. It is the same in every call of `describe`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// The mapping's name, `[a-z0-9-]+`: a mapping with the same name replaces this one.
    pub name: String,
    /// Its version, shown in `copilot_exporter_mapping_info`.
    pub version: String,
    /// The documents it understands, in the order in which they are fed.
    pub documents: Vec<DocumentSpec>,
    /// The options it accepts.
    pub options: Vec<OptionSpec>,
    /// Every family it may return, in the order of `/metrics`.
    pub families: Vec<Arc<Family>>,
    /// The charts of its families, in the order of the page.
    pub charts: Vec<Chart>,
}

impl Manifest {
    /// The documents of a scope, in the order in which they are fed.
    pub fn documents_of(&self, scope: Scope) -> impl Iterator<Item = &DocumentSpec> {
        self.documents.iter().filter(move |document| document.scope == scope)
    }

    /// Whether it has an option.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    /// A family by name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().map(|family| &**family).find(|family| family.name == name)
    }
}

/// A setting of a mapping that users pass as `--option NAME=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionSpec {
    /// Its name, `[a-z0-9-]+`.
    pub name: String,
    /// One sentence on what it does and which values it accepts.
    pub help: String,
    /// Its value unless the user sets one.
    pub default_value: String,
}

/// A metric family that a mapping may return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// The text of its `# HELP` line.
    pub help: String,
    /// Gauge or counter.
    pub kind: MetricKind,
    /// The names of its labels, in the order of the values.
    pub label_names: Vec<String>,
    /// The option that adds it, if it is not always returned.
    pub enabled_by: Option<String>,
    /// How detailed it is: 0 for numbers of the whole target. The most detailed families are left out
    /// first.
    pub detail: u32,
}

/// The type of a metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up.
    Counter,
}

impl MetricKind {
    /// The type as `# TYPE` has it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}
