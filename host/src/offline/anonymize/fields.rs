//! What the value of a field is, by the name of the field.

use super::json::Place;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The number of a user, team, repository and so on.
    Id,
    /// A name that someone chose: never kept.
    Name,
    /// A name of a customer's, or the sum of the rest.
    Customization,
    /// A version.
    Version,
    /// Anything else: kept only if the value is public.
    Other,
}

/// Fields whose values are names.
const NAMES: [&str; 22] = [
    "login",
    "slug",
    "name",
    "title",
    "description",
    "email",
    "user",
    "users",
    "owner",
    "org",
    "organization",
    "organizations",
    "enterprise",
    "team",
    "teams",
    "repository",
    "repositories",
    "members",
    "resources",
    "alert_recipients",
    "cost_center",
    "ldap_dn",
];
/// The ends of the names of such fields.
const NAME_ENDS: [&str; 8] =
    ["_login", "_slug", "_name", "_title", "_email", "_url", "_description", "_user"];
/// Fields of what users can add to Copilot.
const CUSTOMIZATIONS: [&str; 4] = ["mcp", "skill", "custom_agent", "plugin"];
/// The fields whose objects have public names.
const PUBLIC_PARENTS: [&str; 5] = ["models", "languages", "editors", "totals_by_cli", "features"];
/// Names that are public, although their fields end like others.
const PUBLIC_NAMES: [&str; 2] = ["agent_name", "model_name"];

/// What the value at a place is.
pub(super) fn kind(place: Place<'_>) -> Kind {
    let key = snake_case(place.key);
    let key = key.as_str();
    let is_end = |ends: &[&str]| ends.iter().any(|end| key.ends_with(end));
    if matches!(key, "id" | "ids") || is_end(&["_id", "_ids"]) {
        return Kind::Id;
    }
    if key == "plugin" && place.parent == "last_known_plugin_version" {
        return Kind::Other;
    }
    if CUSTOMIZATIONS.contains(&key) {
        return Kind::Customization;
    }
    if PUBLIC_NAMES.contains(&key) || (key == "name" && PUBLIC_PARENTS.contains(&place.parent)) {
        return Kind::Other;
    }
    if NAMES.contains(&key) || is_end(&NAME_ENDS) {
        return Kind::Name;
    }
    if key == "version" || key.ends_with("_version") {
        return Kind::Version;
    }
    Kind::Other
}

/// `costCenter` as `cost_center`.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len());
    for c in key.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(parent: &str, key: &str) -> Kind {
        kind(Place { key, parent })
    }

    #[test]
    fn names_are_names_unless_their_object_is_public() {
        for (parent, key) in [
            ("assignee", "login"),
            ("assigning_team", "name"),
            ("repositories", "name"),
            ("", "repo_owner_name"),
            ("", "organizationName"),
            ("", "budget_entity_name"),
            ("", "avatar_url"),
        ] {
            assert_eq!(kind_of(parent, key), Kind::Name, "{parent}.{key}");
        }
        assert_eq!(kind_of("models", "name"), Kind::Other);
        assert_eq!(kind_of("totals_by_3rd_party_agent", "agent_name"), Kind::Other);
        assert_eq!(kind_of("last_known_plugin_version", "plugin"), Kind::Other);
        assert_eq!(kind_of("totals_by_plugin", "plugin"), Kind::Customization);
    }

    #[test]
    fn ids_are_ids_in_either_spelling() {
        for key in ["id", "user_id", "costCenterId", "node_id", "team_ids"] {
            assert_eq!(kind_of("", key), Kind::Id, "{key}");
        }
        assert_eq!(kind_of("", "ide"), Kind::Other);
        assert_eq!(kind_of("", "ide_version"), Kind::Version);
    }
}
