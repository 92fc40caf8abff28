//! Sessions of the CLI and of the desktop app.

use crate::input::{Field, Known, Object};
use crate::output::fields::{self, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};

number_fields! {
    /// Sessions of the CLI (`totals_by_cli`) or of the desktop app (`totals_by_copilot_app`).
    pub struct Sessions {
        session_count => "sessions", "Number of sessions on the report day", UNIT;
        request_count => "requests", "Number of requests to models on the report day, including automatic ones", UNIT;
        prompt_count => "prompts", "Number of prompts that users sent on the report day", UNIT;
        .. {
            token_usage: Field<Object<TokenUsage>>,
            last_known_cli_version: Known,
        }
    }
}

number_fields! {
    /// The tokens of these sessions.
    pub struct TokenUsage {
        output_tokens_sum => "output_tokens", "Number of tokens that models generated on the report day", UNIT;
        prompt_tokens_sum => "prompt_tokens", "Number of tokens sent to models on the report day", UNIT;
        avg_tokens_per_request => "tokens_per_request", "Average number of tokens per request on the report day", UNIT;
    }
}

/// The families of sessions, `{prefix}sessions` and so on.
pub struct SessionFamilies {
    sessions: Vec<FamilyId>,
    tokens: Vec<FamilyId>,
}

impl SessionFamilies {
    /// Declares the families. `note` ends their HELP text: `, in Copilot CLI`.
    pub fn declare(catalogue: &mut Catalogue, prefix: &str, labels: &[&str], note: &str) -> Self {
        Self {
            sessions: fields::declare(catalogue, prefix, Sessions::FIELDS, labels, note),
            tokens: fields::declare(catalogue, prefix, TokenUsage::FIELDS, labels, note),
        }
    }

    /// Adds the samples.
    pub fn push(&self, samples: &mut Samples, row: &Sessions, labels: &[&str], at: i64) {
        fields::push(samples, &self.sessions, Sessions::FIELDS, &row.values(), labels, at);
        if let Some(tokens) = row.token_usage.get() {
            fields::push(samples, &self.tokens, TokenUsage::FIELDS, &tokens.values(), labels, at);
        }
    }
}
