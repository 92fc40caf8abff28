//! What entity rows say of the terminal, the desktop app, agents and the things they are customized with.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::{self, NumberField, UNIT, number_fields};
use crate::samples::{Catalogue, FamilyId, Samples};
use crate::values::{Count, Id, Known, Name, Object, or_unknown};

number_fields! {
    /// Sessions of the CLI (`totals_by_cli`) or of the desktop app (`totals_by_copilot_app`).
    pub struct Sessions {
        session_count => "sessions", "Sessions on the report day.", UNIT;
        request_count => "requests", "Requests to models, automatic ones included, on the report day.", UNIT;
        prompt_count => "prompts", "Prompts that users sent on the report day.", UNIT;
        .. {
            token_usage: Option<Object<TokenUsage>>,
            last_known_cli_version: Known,
        }
    }
}

number_fields! {
    /// The tokens of those sessions.
    pub struct TokenUsage {
        output_tokens_sum => "output_tokens", "Tokens that models generated on the report day.", UNIT;
        prompt_tokens_sum => "prompt_tokens", "Tokens sent to models on the report day.", UNIT;
        avg_tokens_per_request => "tokens_per_request", "Tokens of a request, on average over the report day.", UNIT;
    }
}

/// The families of sessions, `{prefix}sessions` and so on.
pub struct SessionFamilies {
    sessions: Vec<FamilyId>,
    tokens: Vec<FamilyId>,
}

impl SessionFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue, prefix: &str, labels: &[&str]) -> Self {
        Self {
            sessions: fields::declare(catalogue, prefix, Sessions::FIELDS, labels),
            tokens: fields::declare(catalogue, prefix, TokenUsage::FIELDS, labels),
        }
    }

    /// Adds the samples.
    pub fn push(&self, samples: &mut Samples, row: &Sessions, labels: &[&str], at: i64) {
        fields::push(samples, &self.sessions, Sessions::FIELDS, &row.values(), labels, at);
        if let Some(tokens) = &row.token_usage {
            fields::push(samples, &self.tokens, TokenUsage::FIELDS, &tokens.values(), labels, at);
        }
    }
}

number_fields! {
    /// VS Code's agent (`totals_by_vscode_agent`).
    pub struct VscodeAgent {
        session_count => "vscode_agent_sessions", "Sessions of VS Code's agent on the report day.", UNIT;
        total_user_messages => "vscode_agent_messages", "Messages that users sent to VS Code's agent on the report day.", UNIT;
    }
}

/// An agent of a partner (`totals_by_3rd_party_agent`). Its interactions are jobs started:
/// another thing than the interactions of the totals, never to be added to them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThirdPartyAgent<'a> {
    #[serde(borrow)]
    agent_name: Option<Name<'a>>,
    agent_id: Option<Id>,
    user_initiated_interaction_count: Option<Count>,
    session_count: Option<Count>,
}

/// The families of [`ThirdPartyAgent`].
pub const THIRD_PARTY_AGENT_FIELDS: &[NumberField] = &[
    NumberField {
        family: "third_party_agent_interactions",
        help: "Jobs that users started with a partner's agent on the report day.",
        scale: UNIT,
    },
    NumberField {
        family: "third_party_agent_sessions",
        help: "Sessions of a partner's agent on the report day.",
        scale: UNIT,
    },
];

/// The interactions and sessions by agent id and name.
pub type ThirdPartyAgents = BTreeMap<(String, String), [Option<f64>; 2]>;

/// Sums the array by agent.
pub fn third_party_agents(elements: &[Object<ThirdPartyAgent<'_>>]) -> ThirdPartyAgents {
    let mut agents = ThirdPartyAgents::new();
    for element in elements {
        let id = element.agent_id.as_ref().map(Id::to_string).unwrap_or_default();
        let sums =
            agents.entry((id, or_unknown(element.agent_name.as_deref()).to_owned())).or_default();
        let values = [element.user_initiated_interaction_count, element.session_count];
        for (sum, value) in sums.iter_mut().zip(values) {
            if let Some(Count(value)) = value {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
    }
    agents
}

/// A kind of thing that users customize the CLI with: GitHub lists the five most used and how many there were.
pub struct Customization {
    /// The array of the most used.
    pub field: &'static str,
    /// The number of different ones.
    pub distinct_field: &'static str,
    /// The value of the label `kind`, and the label of the family with the most used.
    pub kind: &'static str,
    /// The end of the name of the family with the most used.
    pub family: &'static str,
    /// Its help.
    pub help: &'static str,
}

/// The kinds. GitHub folds names that customers chose into `other` or `custom`.
pub const CUSTOMIZATIONS: [Customization; 5] = [
    Customization {
        field: "totals_by_skill",
        distinct_field: "distinct_skill_use_count",
        kind: "skill",
        family: "skill_interactions",
        help: "Uses of a skill on the report day, for the five most used.",
    },
    Customization {
        field: "totals_by_custom_agent",
        distinct_field: "distinct_custom_agent_use_count",
        kind: "custom_agent",
        family: "custom_agent_interactions",
        help: "Starts of a custom agent on the report day, for the five most used.",
    },
    Customization {
        field: "totals_by_mcp",
        distinct_field: "distinct_mcp_use_count",
        kind: "mcp",
        family: "mcp_interactions",
        help: "Attempts to connect to an MCP server on the report day, for the five most used.",
    },
    Customization {
        field: "totals_by_slash_cmd",
        distinct_field: "distinct_slash_cmd_use_count",
        kind: "slash_cmd",
        family: "slash_cmd_interactions",
        help: "Uses of a slash command on the report day, for the five most used.",
    },
    Customization {
        field: "totals_by_plugin",
        distinct_field: "distinct_plugin_use_count",
        kind: "plugin",
        family: "plugin_interactions",
        help: "Uses of a plugin's skills on the report day, for the five most used; counted among the skills too.",
    },
];

/// An element of one of those arrays; one of the names is there.
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
