//! Skills, custom agents, MCP servers, slash commands and plugins.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::{Count, Field, Name, Object, or_unknown};
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
    /// Its HELP text without the period at the end.
    pub help: &'static str,
}

/// The kinds. GitHub replaces names that customers chose with `other` or `custom`.
pub const CUSTOMIZATIONS: [Customization; 5] = [
    Customization {
        field: "totals_by_skill",
        distinct_field: "distinct_skill_use_count",
        kind: "skill",
        family: "skill_interactions",
        help: "Number of uses of a skill on the report day, for the five most used skills",
    },
    Customization {
        field: "totals_by_custom_agent",
        distinct_field: "distinct_custom_agent_use_count",
        kind: "custom_agent",
        family: "custom_agent_interactions",
        help: "Number of starts of a custom agent on the report day, for the five most used agents",
    },
    Customization {
        field: "totals_by_mcp",
        distinct_field: "distinct_mcp_use_count",
        kind: "mcp",
        family: "mcp_interactions",
        help: "Number of attempts to connect to an MCP server on the report day, for the five most used servers",
    },
    Customization {
        field: "totals_by_slash_cmd",
        distinct_field: "distinct_slash_cmd_use_count",
        kind: "slash_cmd",
        family: "slash_cmd_interactions",
        help: "Number of uses of a slash command on the report day, for the five most used commands",
    },
    Customization {
        field: "totals_by_plugin",
        distinct_field: "distinct_plugin_use_count",
        kind: "plugin",
        family: "plugin_interactions",
        help: "Number of uses of a plugin's skills on the report day, for the five most used plugins, which also count as uses of skills",
    },
];

/// An element of such an array; it has one of the names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Customized<'a> {
    #[serde(borrow)]
    skill: Field<Name<'a>>,
    #[serde(borrow)]
    custom_agent: Field<Name<'a>>,
    #[serde(borrow)]
    mcp: Field<Name<'a>>,
    #[serde(borrow)]
    slash_cmd: Field<Name<'a>>,
    #[serde(borrow)]
    plugin: Field<Name<'a>>,
    interaction_count: Field<Count>,
}

/// Sums the array by name.
pub fn customized(elements: &[Object<Customized<'_>>]) -> BTreeMap<String, f64> {
    let mut names = BTreeMap::new();
    for element in elements {
        let Customized { skill, custom_agent, mcp, slash_cmd, plugin, interaction_count } =
            &**element;
        let names_of_kinds = [skill, custom_agent, mcp, slash_cmd, plugin];
        let name = or_unknown(names_of_kinds.into_iter().find_map(Field::as_deref));
        if let Some(Count(count)) = interaction_count.get() {
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
    /// Declares the families, `{prefix}skill_interactions` and so on. `note` ends their HELP text:
    /// `, per user`.
    pub fn declare(catalogue: &mut Catalogue, prefix: &str, labels: &[&str], note: &str) -> Self {
        let with = |label| labels.iter().copied().chain([label]).collect::<Vec<_>>();
        let interactions = CUSTOMIZATIONS.iter().map(|kind| {
            let (name, help) =
                (format!("{prefix}{}", kind.family), format!("{}{note}.", kind.help));
            catalogue.gauge(&name, &help, &with(kind.kind))
        });
        Self {
            interactions: interactions.collect(),
            distinct: catalogue.gauge(
                &format!("{prefix}distinct_customizations_used"),
                &format!(
                    "Number of different skills, custom agents, MCP servers, slash commands and plugins used on \
                     the report day{note}."
                ),
                &with("kind"),
            ),
        }
    }

    /// Adds the samples. `interactions` and `distinct` are in the order of [`CUSTOMIZATIONS`].
    pub fn push(
        &self,
        samples: &mut Samples,
        interactions: &[BTreeMap<String, f64>; 5],
        distinct: &[Option<f64>; 5],
        labels: &[&str],
        at: i64,
    ) {
        for (family, names) in self.interactions.iter().zip(interactions) {
            for (name, interactions) in names {
                let labels: Vec<_> = labels.iter().copied().chain([name.as_str()]).collect();
                samples.push(*family, &labels, *interactions, at);
            }
        }
        for (customization, distinct) in CUSTOMIZATIONS.iter().zip(distinct) {
            if let Some(distinct) = distinct {
                let labels: Vec<_> = labels.iter().copied().chain([customization.kind]).collect();
                samples.push(self.distinct, &labels, *distinct, at);
            }
        }
    }
}
