//! Skills, custom agents, MCP servers, slash commands and plugins.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::{Count, Name, Object, or_unknown};
use crate::output::{Catalogue, FamilyId, Samples};

/// A kind of customization: GitHub lists the five most used, and how many different ones were used.
pub struct Customization {
    /// The field with the array of the most used.
    pub field: &'static str,
    /// The field with the number of different ones.
    pub distinct_field: &'static str,
    /// The value of the label `kind`, and the label of the family with the most used.
    pub kind: &'static str,
    /// The end of the name of the family with the most used.
    pub family: &'static str,
    /// Its HELP text.
    pub help: &'static str,
}

/// The kinds. GitHub replaces names that customers chose with `other` or `custom`.
pub const CUSTOMIZATIONS: [Customization; 5] = [
    Customization {
        field: "totals_by_skill",
        distinct_field: "distinct_skill_use_count",
        kind: "skill",
        family: "skill_interactions",
        help: "Number of uses of a skill on the report day, for the five most used skills.",
    },
    Customization {
        field: "totals_by_custom_agent",
        distinct_field: "distinct_custom_agent_use_count",
        kind: "custom_agent",
        family: "custom_agent_interactions",
        help: "Number of starts of a custom agent on the report day, for the five most used agents.",
    },
    Customization {
        field: "totals_by_mcp",
        distinct_field: "distinct_mcp_use_count",
        kind: "mcp",
        family: "mcp_interactions",
        help: "Number of attempts to connect to an MCP server on the report day, for the five most used servers.",
    },
    Customization {
        field: "totals_by_slash_cmd",
        distinct_field: "distinct_slash_cmd_use_count",
        kind: "slash_cmd",
        family: "slash_cmd_interactions",
        help: "Number of uses of a slash command on the report day, for the five most used commands.",
    },
    Customization {
        field: "totals_by_plugin",
        distinct_field: "distinct_plugin_use_count",
        kind: "plugin",
        family: "plugin_interactions",
        help: "Number of uses of a plugin's skills on the report day, for the five most used plugins. They also count as uses of skills.",
    },
];

/// An element of such an array; it has one of the names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Customized<'a> {
    #[serde(borrow)]
    skill: Option<Name<'a>>,
    #[serde(borrow)]
    custom_agent: Option<Name<'a>>,
    #[serde(borrow)]
    mcp: Option<Name<'a>>,
    #[serde(borrow)]
    slash_cmd: Option<Name<'a>>,
    #[serde(borrow)]
    plugin: Option<Name<'a>>,
    interaction_count: Option<Count>,
}

/// Sums the array by name.
pub fn customized(elements: &[Object<Customized<'_>>]) -> BTreeMap<String, f64> {
    let mut names = BTreeMap::new();
    for element in elements {
        let Customized { skill, custom_agent, mcp, slash_cmd, plugin, interaction_count } =
            &**element;
        let named = [skill, custom_agent, mcp, slash_cmd, plugin].into_iter().find(|n| n.is_some());
        let name = or_unknown(named.and_then(|name| name.as_deref()));
        if let Some(Count(count)) = interaction_count {
            *names.entry(name.to_owned()).or_default() += count;
        }
    }
    names
}

/// The families of customizations.
pub struct CustomizationFamilies {
    interactions: Vec<FamilyId>,
    distinct: FamilyId,
}

impl CustomizationFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            interactions: CUSTOMIZATIONS
                .iter()
                .map(|kind| catalogue.gauge(kind.family, kind.help, &[kind.kind]))
                .collect(),
            distinct: catalogue.gauge(
                "distinct_customizations_used",
                "Number of different skills, custom agents, MCP servers, slash commands and plugins used on the report day.",
                &["kind"],
            ),
        }
    }

    /// Adds the samples. Both arguments are in the order of [`CUSTOMIZATIONS`].
    pub fn push(
        &self,
        samples: &mut Samples,
        interactions: &[BTreeMap<String, f64>; 5],
        distinct: &[Option<f64>; 5],
        at: i64,
    ) {
        for (family, names) in self.interactions.iter().zip(interactions) {
            for (name, interactions) in names {
                samples.push(*family, &[name], *interactions, at);
            }
        }
        for (customization, distinct) in CUSTOMIZATIONS.iter().zip(distinct) {
            if let Some(distinct) = distinct {
                samples.push(self.distinct, &[customization.kind], *distinct, at);
            }
        }
    }
}
