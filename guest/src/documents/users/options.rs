//! The options of the users report.

use crate::settings::OptionDefinition;

/// Enables the families with a `user` label. They are many series, so they are off by default.
pub const USERS: OptionDefinition = OptionDefinition {
    name: "users",
    help: "Set to true to add the families with a user label, from the users report: \
           up to about 40 series per active user.",
};

/// Adds each user's activity by editor, feature, model and language, and the agents, skills and so
/// on that the user used.
pub const USER_BREAKDOWNS: OptionDefinition = OptionDefinition {
    name: "user-breakdowns",
    help: "Set to true, together with users=true, to add each user's activity by editor, feature, \
           model and language, and the agents, skills, MCP servers, slash commands and plugins \
           used: hundreds of series per active user.",
};
