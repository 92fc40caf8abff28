//! The names of the keys.

use crate::model::Target;

/// The keys of a target. They have a hash tag in common: `copilot:{api.github.com/organization/octo-org}:lease`.
pub(super) struct Keys(String);

impl Keys {
    /// The keys of a target behind a prefix.
    pub(super) fn new(prefix: &str, target: &Target) -> Self {
        let (github, scope) = (target.github(), target.scope().label());
        let login = target.login().to_ascii_lowercase();
        Self(format!("{prefix}{{{github}/{scope}/{login}}}:"))
    }

    /// What identifies the target, for messages.
    pub(super) fn name(&self) -> &str {
        self.0.trim_end_matches(':')
    }

    /// Who may fetch: a token and a holder, which expire.
    pub(super) fn lease(&self) -> String {
        format!("{}lease", self.0)
    }

    /// The last fencing token.
    pub(super) fn fence(&self) -> String {
        format!("{}fence", self.0)
    }

    /// The manifests: a hash by file name.
    pub(super) fn documents(&self) -> String {
        format!("{}documents", self.0)
    }

    /// The chunks that each manifest names: a hash by file name, with their SHA-256 and spaces between.
    pub(super) fn contents(&self) -> String {
        format!("{}contents", self.0)
    }

    /// How many manifests name each chunk: a hash by SHA-256.
    pub(super) fn references(&self) -> String {
        format!("{}references", self.0)
    }

    /// A text that changes with each write.
    pub(super) fn version(&self) -> String {
        format!("{}version", self.0)
    }

    /// The start of the keys of chunks.
    pub(super) fn chunks(&self) -> String {
        format!("{}chunk:", self.0)
    }

    /// The key of a chunk.
    pub(super) fn chunk(&self, sha256: &str) -> String {
        format!("{}{sha256}", self.chunks())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    #[test]
    fn all_keys_of_a_target_have_the_same_hash_tag() {
        let keys = Keys::new("copilot:", &Target::new(Scope::Organization, "Octo-Org").unwrap());
        let tag = "copilot:{api.github.com/organization/octo-org}:";
        let of_documents = [keys.documents(), keys.contents(), keys.references(), keys.version()];
        for key in [keys.lease(), keys.fence()].iter().chain(&of_documents) {
            assert!(key.starts_with(tag), "{key}");
        }
        assert_eq!(keys.chunk("ab"), format!("{tag}chunk:ab"));
        let enterprise = Target::new(Scope::Enterprise, "octo-org").unwrap();
        assert_ne!(Keys::new("copilot:", &enterprise).lease(), keys.lease());
    }
}
