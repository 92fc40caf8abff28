//! What a collector declares about itself: its documents, their framing, its options, its charts.

use crate::charts::ChartDefinition;
use crate::collector::New;
use crate::contract::{DocumentSpec, FetchKind, Need, Scope};
use crate::input::Framing;
use crate::settings::{NumberDefinition, OptionDefinition};

/// A row of the table of documents.
pub struct Registration {
    /// The documents whose rows the collector takes. A collector without documents derives its
    /// samples from other collectors.
    pub documents: &'static [DocumentDefinition],
    /// How rows are laid out in a body.
    pub framing: Framing,
    /// Whether a body without rows is valid: nothing happened on the day of the report.
    pub may_be_empty: bool,
    /// The options that the collector reads.
    pub options: &'static [OptionDefinition],
    /// The options that are numbers.
    pub numbers: &'static [NumberDefinition],
    /// The charts of its families.
    pub charts: &'static [ChartDefinition],
    /// Makes the collector.
    pub new: New,
}

impl Registration {
    /// A collector that declares nothing, for `..Registration::new(…)`.
    pub const fn new(new: New) -> Self {
        Self {
            documents: &[],
            framing: Framing::Rows,
            may_be_empty: false,
            options: &[],
            numbers: &[],
            charts: &[],
            new,
        }
    }
}

/// A document of one scope: the constant form of [`DocumentSpec`].
#[derive(Clone, Copy)]
pub struct DocumentDefinition {
    /// The scope it belongs to.
    pub scope: Scope,
    /// Its name in the manifest.
    pub name: &'static str,
    /// Its path.
    pub path: &'static str,
    /// How it is fetched.
    pub fetch: FetchKind,
    /// Whether the target depends on it.
    pub need: Need,
    /// The document that it replaces if that one does not exist.
    pub fallback_for: Option<&'static str>,
    /// The document for whose day it is fetched as well.
    pub same_day_as: Option<&'static str>,
    /// The option without which it is not fetched.
    pub only_with: Option<&'static str>,
    /// The permission that a token needs to read it.
    pub permission: Option<&'static str>,
}

/// The permission for the metrics and reports of an organization.
pub const ORGANIZATION_METRICS: &str =
    "read access to \"Organization Copilot metrics\" (classic token: read:org)";
/// The permission for the metrics and reports of an enterprise.
pub const ENTERPRISE_METRICS: &str = "read access to \"Enterprise Copilot metrics\" (an App only; \
     classic token: read:enterprise or manage_billing:copilot)";
/// The permission for the seats and the billing settings of an organization.
pub const ORGANIZATION_SEATS: &str = "read access to \"GitHub Copilot Business\" or \
     \"Administration\" of the organization (classic token: manage_billing:copilot)";
/// The permission for the seats of an enterprise.
pub const ENTERPRISE_SEATS: &str = "a classic token with manage_billing:copilot or read:enterprise";

/// The permission for the billing usage and the budgets of an organization.
pub const ORGANIZATION_BILLING: &str = "read access to \"Administration\" of the organization \
     (classic token: created by an owner or billing manager)";
/// The permission for the billing usage, budgets and cost centers of an enterprise.
pub const ENTERPRISE_BILLING: &str =
    "a classic token created by an enterprise owner or billing manager";

impl DocumentDefinition {
    /// An optional document. Other fields are set with `..DocumentDefinition::new(…)`.
    pub const fn new(
        scope: Scope,
        name: &'static str,
        path: &'static str,
        fetch: FetchKind,
    ) -> Self {
        Self {
            scope,
            name,
            path,
            fetch,
            need: Need::Optional,
            fallback_for: None,
            same_day_as: None,
            only_with: None,
            permission: None,
        }
    }

    /// An optional report of an organization.
    pub const fn organization_report(name: &'static str, path: &'static str) -> Self {
        let report = Self::new(Scope::Organization, name, path, FetchKind::Report);
        Self { permission: Some(ORGANIZATION_METRICS), ..report }
    }

    /// An optional report of an enterprise.
    pub const fn enterprise_report(name: &'static str, path: &'static str) -> Self {
        let report = Self::new(Scope::Enterprise, name, path, FetchKind::Report);
        Self { permission: Some(ENTERPRISE_METRICS), ..report }
    }

    /// The document in the types of the contract.
    pub fn spec(&self) -> DocumentSpec {
        DocumentSpec {
            name: self.name.to_owned(),
            scope: self.scope,
            path: self.path.to_owned(),
            fetch: self.fetch,
            need: self.need,
            fallback_for: self.fallback_for.map(str::to_owned),
            same_day_as: self.same_day_as.map(str::to_owned),
            only_with: self.only_with.map(str::to_owned),
            permission: self.permission.map(str::to_owned),
        }
    }
}
