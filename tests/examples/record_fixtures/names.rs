//! The names in the recordings: features, editors, models, teams and so on.

use std::ops::Range;

/// The ids of the accounts.
pub const ENTERPRISE_ID: &str = "7001";
pub const OCTODEMO_ID: &str = "9919001";
pub const OCTOLABS_ID: &str = "9919002";

/// A feature: its name, how often it is used in a day, and what one use adds to each of the seven
/// measures.
pub type Feature = (&'static str, Range<u64>, [f64; 7]);
/// As in every list here, earlier elements are more likely. Only some people have the last two.
#[rustfmt::skip]
pub const FEATURES: [Feature; 8] = [
    ("code_completion", 10..80, [0.0, 1.0, 0.31, 1.9, 0.0, 0.7, 0.0]),
    ("chat_panel_agent_mode", 4..26, [1.0, 0.8, 0.0, 4.0, 0.5, 0.0, 0.0]),
    ("chat_panel_ask_mode", 2..18, [1.0, 0.6, 0.12, 7.0, 0.0, 1.6, 0.0]),
    ("agent_edit", 6..40, [0.0, 1.0, 0.0, 0.0, 0.0, 17.0, 6.0]),
    ("chat_inline", 2..10, [1.0, 1.1, 0.6, 7.0, 2.0, 4.5, 1.2]),
    ("chat_panel_edit_mode", 2..8, [1.0, 1.8, 1.1, 16.0, 5.0, 11.0, 3.0]),
    ("copilot_cli", 3..30, [1.0, 1.3, 1.2, 0.0, 0.0, 14.0, 4.0]),
    ("copilot_app", 2..16, [1.0, 1.1, 0.9, 0.0, 0.0, 11.0, 4.0]),
];
/// The editors, as reports and as seats name them.
#[rustfmt::skip]
pub const IDES: [(&str, &str); 5] = [
    ("vscode", "vscode/1.127.0/copilot-chat/0.56.1"), ("intellij", "JetBrains/2026.2.3/copilot-intellij/1.9.4"),
    ("visualstudio", "visualstudio/18.4.1/copilot-vs/1.302.0"), ("neovim", "neovim/0.12.2/copilot.vim/1.68.0"),
    ("xcode", "xcode/26.4/copilot-xcode/0.58.0"),
];
/// The models.
#[rustfmt::skip]
pub const MODELS: [&str; 5] = ["claude-sonnet-4.6", "gpt-5.3-codex", "claude-opus-4.6", "gemini-3-pro", "others"];
/// A team: its id, organization, slug and languages.
pub type Team = (u64, &'static str, &'static str, [&'static str; 3]);
/// Eight teams of octodemo, three of another organization of the enterprise, which also has a team
/// `platform`, and two of octo-legacy.
#[rustfmt::skip]
pub const TEAMS: [Team; 13] = [
    (5001, OCTODEMO_ID, "platform", ["rust", "go", "yaml"]), (5002, OCTODEMO_ID, "payments", ["java", "kotlin", "markdown"]),
    (5003, OCTODEMO_ID, "mobile", ["kotlin", "typescript", "others"]), (5004, OCTODEMO_ID, "data", ["python", "markdown", "others"]),
    (5005, OCTODEMO_ID, "search", ["rust", "python", "markdown"]), (5006, OCTODEMO_ID, "security", ["go", "python", "rust"]),
    (5007, OCTODEMO_ID, "web", ["typescript", "javascript", "markdown"]), (5008, OCTODEMO_ID, "infra", ["go", "yaml", "python"]),
    (5101, OCTOLABS_ID, "research", ["python", "markdown", "others"]), (5102, OCTOLABS_ID, "firmware", ["rust", "others", "yaml"]),
    (5103, OCTOLABS_ID, "platform", ["go", "yaml", "python"]),
    (5201, "9919003", "backoffice", ["java", "python", "others"]), (5202, "9919003", "terminals", ["python", "go", "others"]),
];
/// What else is counted by name: the kind, and the names of that kind.
#[rustfmt::skip]
pub const EXTRAS: [(&str, [&str; 7]); 6] = [
    ("skill", ["code-review", "release-notes", "migrations", "api-design", "triage", "sql-tuning", "a11y"]),
    ("custom_agent", ["reviewer", "test-writer", "planner", "docs", "upgrader", "oncall", "translator"]),
    ("mcp", ["github", "playwright", "postgres", "sentry", "figma", "grafana", "jira"]),
    ("slash_cmd", ["/explain", "/fix", "/tests", "/doc", "/new", "/clear", "/compact"]),
    ("plugin", ["acme-standards", "docker", "terraform", "linter", "k8s", "i18n", "vault"]),
    ("3rd_party_agent", ["codex", "claude", "jules", "devin", "amp", "cursor", "goose"]),
];
/// The repositories of octodemo. The other organization of the enterprise has the first four, too.
#[rustfmt::skip]
pub const REPOSITORIES: [&str; 10] = [
    "storefront", "ledger", "mobile-app", "search-index", "infra", "design-system", "gateway", "docs", "pipelines", "sdk",
];
/// The start of the logins.
#[rustfmt::skip]
pub const NAMES: [&str; 36] = [
    "ada", "bo", "cleo", "dax", "eli", "fern", "gus", "hana", "ivo", "juno", "kai", "lio", "mira", "nico", "oda", "pia",
    "quin", "rhea", "sol", "tess", "ugo", "vera", "wim", "xena", "yuri", "zoe", "ari", "bea", "cy", "dee", "enzo", "faye",
    "gil", "hugo", "ines", "jett",
];
