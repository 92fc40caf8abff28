//! Agents: the one of VS Code, and those of partners.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::{Count, Field, Id, Name, Object, or_unknown};
use crate::output::fields::{self, NumberField, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};

number_fields! {
    /// VS Code's agent (`totals_by_vscode_agent`).
    pub struct VscodeAgent {
        session_count => "vscode_agent_sessions", "Number of sessions of VS Code's agent on the report day (only in its Agents window)", UNIT;
        total_user_messages => "vscode_agent_messages", "Number of messages that users sent to VS Code's agent on the report day (only in its Agents window)", UNIT;
    }
}

/// A partner's agent (`totals_by_3rd_party_agent`). Its interactions are jobs started, so they must
/// not be added to the interactions of the totals.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThirdPartyAgent<'a> {
    #[serde(borrow)]
    agent_name: Field<Name<'a>>,
    agent_id: Field<Id>,
    user_initiated_interaction_count: Field<Count>,
    session_count: Field<Count>,
}

/// The families of [`ThirdPartyAgent`].
const THIRD_PARTY_AGENT_FIELDS: &[NumberField] = &[
    NumberField {
        family: "third_party_agent_interactions",
        help: "Number of jobs that users started with a partner's agent on the report day",
        scale: UNIT,
    },
    NumberField {
        family: "third_party_agent_sessions",
        help: "Number of sessions of a partner's agent on the report day",
        scale: UNIT,
    },
];

/// The interactions and sessions by agent id and name.
pub type ThirdPartyAgents = BTreeMap<(String, String), [Option<f64>; 2]>;

/// Sums the array by agent.
pub fn third_party_agents(elements: &[Object<ThirdPartyAgent<'_>>]) -> ThirdPartyAgents {
    let mut agents = ThirdPartyAgents::new();
    for element in elements {
        let id = element.agent_id.get().map(Id::to_string).unwrap_or_default();
        let sums =
            agents.entry((id, or_unknown(element.agent_name.as_deref()).to_owned())).or_default();
        let values = [&element.user_initiated_interaction_count, &element.session_count];
        for (sum, value) in sums.iter_mut().zip(values) {
            if let Some(Count(value)) = value.get() {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
    }
    agents
}

/// The families of agents.
pub struct AgentFamilies {
    vscode: Vec<FamilyId>,
    third_party: Vec<FamilyId>,
}

impl AgentFamilies {
    /// Declares the families, `{prefix}vscode_agent_sessions` and so on. `note` ends their HELP text:
    /// `, per user`.
    pub fn declare(catalogue: &mut Catalogue, prefix: &str, labels: &[&str], note: &str) -> Self {
        let by_agent: Vec<_> = labels.iter().copied().chain(["agent_id", "agent"]).collect();
        let agents = THIRD_PARTY_AGENT_FIELDS;
        Self {
            vscode: fields::declare(catalogue, prefix, VscodeAgent::FIELDS, labels, note),
            third_party: fields::declare(catalogue, prefix, agents, &by_agent, note),
        }
    }

    /// Adds the samples of VS Code's agent.
    pub fn push_vscode(
        &self,
        samples: &mut Samples,
        agent: &VscodeAgent,
        labels: &[&str],
        at: i64,
    ) {
        fields::push(samples, &self.vscode, VscodeAgent::FIELDS, &agent.values(), labels, at);
    }

    /// Adds the samples of partners' agents. `labels` precede the labels of the agent.
    pub fn push_third_party(
        &self,
        samples: &mut Samples,
        agents: &ThirdPartyAgents,
        labels: &[&str],
        at: i64,
    ) {
        for ((id, name), values) in agents {
            let labels: Vec<_> = labels.iter().copied().chain([id.as_str(), name]).collect();
            let families = &self.third_party;
            fields::push(samples, families, THIRD_PARTY_AGENT_FIELDS, values, &labels, at);
        }
    }
}
