//! The ten gauges of the original exporter, whose dashboards must go on working.
//!
//! Its names and labels are kept to the letter: `editor language stream org`. Its numbers are
//! not where they were wrong: it showed the last model's, here they are summed over models.

use crate::samples::{Catalogue, FamilyId};

/// The value of `stream` for code completions in editors.
pub const CODE_COMPLETIONS: &str = "copilot_ide_code_completions";
/// The value of `stream` for chats in editors.
pub const IDE_CHAT: &str = "copilot_ide_chat";
/// The value of `stream` for chats on github.com.
pub const DOTCOM_CHAT: &str = "copilot_dotcom_chat";
/// The value of `stream` for pull request summaries on github.com.
pub const PULL_REQUESTS: &str = "copilot_dotcom_pull_requests";

/// The ten families.
pub struct Original {
    pub total_active_users: FamilyId,
    pub total_engaged_users: FamilyId,
    pub is_custom_model: FamilyId,
    pub total_chats: FamilyId,
    pub total_chat_copy_events: FamilyId,
    pub total_chat_insertion_events: FamilyId,
    pub total_code_suggestions: FamilyId,
    pub total_code_acceptances: FamilyId,
    pub total_code_lines_suggested: FamilyId,
    pub total_code_lines_accepted: FamilyId,
}

impl Original {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        let mut gauge = |name, help| catalogue.original(name, help);
        Self {
            total_active_users: gauge(
                "total_active_users",
                "Users with any Copilot activity on the newest day.",
            ),
            total_engaged_users: gauge(
                "total_engaged_users",
                "Users who engaged with the part of Copilot that the labels name, on the newest day. \
                 Distinct users: never sum them.",
            ),
            is_custom_model: gauge(
                "is_custom_model",
                "1 if any model that the editor or stream used is a custom one, else 0.",
            ),
            total_chats: gauge("total_chats", "Chats on the newest day."),
            total_chat_copy_events: gauge(
                "total_chat_copy_events",
                "Times a chat's code was copied, on the newest day.",
            ),
            total_chat_insertion_events: gauge(
                "total_chat_insertion_events",
                "Times a chat's code was inserted into a file, on the newest day.",
            ),
            total_code_suggestions: gauge(
                "total_code_suggestions",
                "Code completions suggested on the newest day.",
            ),
            total_code_acceptances: gauge(
                "total_code_acceptances",
                "Code completions accepted on the newest day.",
            ),
            total_code_lines_suggested: gauge(
                "total_code_lines_suggested",
                "Lines of code that completions suggested on the newest day.",
            ),
            total_code_lines_accepted: gauge(
                "total_code_lines_accepted",
                "Lines of code accepted from completions on the newest day.",
            ),
        }
    }
}
