//! The names of the parts of Copilot, as GitHub's fields contain them.

/// The name of a surface. One surface has an old and a new name; rows have both.
pub fn canonical(surface: &str) -> &str {
    match surface {
        "copilot_coding_agent" => "copilot_cloud_agent",
        other => other,
    }
}
