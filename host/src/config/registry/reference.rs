//! References to mappings in OCI registries.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::config::parse::Parser;
use crate::config::values::is_loopback;

/// What a reference starts with. It may be left out.
const SCHEME: &str = "oci://";
/// The longest name of a repository, as in the specification of OCI registries.
const MAX_REPOSITORY_BYTES: usize = 255;
/// The longest tag.
const MAX_TAG_BYTES: usize = 128;
/// The example in errors.
const EXAMPLE: &str = "oci://registry.example.com/team/mapping:1.0";
/// The name of Docker Hub in references, and the host of its registry.
const DOCKER_HUB: [&str; 2] = ["docker.io", "registry-1.docker.io"];

/// A mapping in an OCI registry, such as `oci://registry.example.com/team/mapping:1.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactReference {
    registry: String,
    repository: String,
    version: Version,
}

/// Which version of a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// Whatever a tag points to.
    Tag(String),
    /// The manifest with this SHA-256 in hexadecimal.
    Digest(String),
}

impl ArtifactReference {
    /// The registry as the user writes it: a host, with a port if it is not the default one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host that requests are sent to.
    pub fn host(&self) -> &str {
        let [name, host] = DOCKER_HUB;
        if self.registry == name { host } else { &self.registry }
    }

    /// The name of the repository, without the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The same repository at another version.
    pub fn at(&self, version: Version) -> Self {
        Self { version, ..self.clone() }
    }

    /// Whether the registry is on this machine.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&format!("https://{}/", self.registry)).is_ok_and(|url| is_loopback(&url))
    }
}

impl fmt::Display for ArtifactReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, repository, version } = self;
        match version {
            Version::Tag(tag) => write!(f, "{SCHEME}{registry}/{repository}:{tag}"),
            Version::Digest(digest) => write!(f, "{SCHEME}{registry}/{repository}@sha256:{digest}"),
        }
    }
}

impl Parser for ArtifactReference {
    type Value = Self;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for ArtifactReference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |problem: &str| format!("{text:?} {problem}, such as {EXAMPLE}");
        let path = text.strip_prefix(SCHEME).unwrap_or(text);
        if path.contains("://") {
            return Err(wrong("is not a reference to an OCI registry"));
        }
        let (registry, name) =
            path.split_once('/').ok_or_else(|| wrong("does not name a registry and repository"))?;
        if !is_registry(registry) {
            return Err(wrong("does not start with the host of a registry"));
        }
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (name, None),
        };
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        if !is_repository(repository) {
            return Err(wrong(
                "does not have a valid repository name (lower-case letters, digits, . _ - and /)",
            ));
        }
        if !tag.is_none_or(is_tag) {
            return Err(wrong("does not have a valid tag"));
        }
        let version = match (digest, tag) {
            (Some(digest), _) => {
                let hex = digest.strip_prefix("sha256:").filter(|hex| is_sha256(hex));
                let hex = hex
                    .ok_or_else(|| wrong("does not have a valid digest (sha256: and 64 digits)"))?;
                Version::Digest(hex.to_owned())
            }
            (None, Some(tag)) => Version::Tag(tag.to_owned()),
            (None, None) => return Err(wrong("has neither a tag nor a digest")),
        };
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), version })
    }
}

/// Whether a text is a host, with or without a port. As in Docker, a name without a dot or port is not.
fn is_registry(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let is_host = text.bytes().all(valid)
        && Url::parse(&format!("https://{text}/")).is_ok_and(|url| url.has_host());
    is_host && (text.contains(['.', ':']) || text == "localhost")
}

fn is_repository(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_component = |component: &str| {
        let ends = [component.bytes().next(), component.bytes().last()];
        ends.into_iter().all(|byte| byte.is_some_and(valid))
            && component.bytes().all(|byte| valid(byte) || b"._-".contains(&byte))
            && !component.contains("..")
    };
    text.len() <= MAX_REPOSITORY_BYTES && text.split('/').all(is_component)
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= MAX_TAG_BYTES
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || b".-".contains(&byte))
}

/// Whether a text is a SHA-256 in hexadecimal, in lower case as OCI requires.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ArtifactReference, String> {
        text.parse()
    }

    #[test]
    fn a_reference_is_printed_as_it_is_written_with_or_without_its_scheme() {
        let digest = "a".repeat(64);
        for text in [
            "oci://ghcr.io/octo-org/mapping:1.0",
            "oci://localhost:5000/m:_x.Y-z",
            "oci://[::1]:5000/a/b__c/d-e:1",
            &format!("oci://registry.example.com/m@sha256:{digest}"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
            assert_eq!(parse(text.trim_start_matches(SCHEME)).unwrap().to_string(), text);
        }
        // The digest decides.
        let both = parse(&format!("ghcr.io/m:1.0@sha256:{digest}")).unwrap();
        assert_eq!(both.version(), &Version::Digest(digest));
    }

    #[test]
    fn what_is_not_a_reference_is_refused_with_the_reason() {
        let long = "a".repeat(129);
        for (text, reason) in [
            ("https://ghcr.io/m:1", "is not a reference"),
            ("ghcr.io", "does not name a registry"),
            ("mapping/one:1", "host of a registry"),
            ("user:password@ghcr.io/m:1", "host of a registry"),
            ("ghcr.io /m:1", "host of a registry"),
            ("ghcr.io/M:1", "repository name"),
            ("ghcr.io/../m:1", "repository name"),
            ("ghcr.io/a//b:1", "repository name"),
            ("ghcr.io/m?x=1:1", "repository name"),
            ("ghcr.io/m:", "valid tag"),
            ("ghcr.io/m:a/b", "valid tag"),
            (&format!("ghcr.io/m:{long}"), "valid tag"),
            ("ghcr.io/m@sha256:abc", "valid digest"),
            ("ghcr.io/m@md5:abc", "valid digest"),
            ("ghcr.io/m", "neither a tag nor a digest"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn docker_hub_has_another_host_than_its_name() {
        assert_eq!(parse("docker.io/octo/m:1").unwrap().host(), "registry-1.docker.io");
        assert_eq!(parse("ghcr.io/octo/m:1").unwrap().host(), "ghcr.io");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let is_loopback = |text: &str| parse(text).unwrap().is_loopback();
        assert!(is_loopback("localhost:5000/m:1") && is_loopback("127.0.0.1:5000/m:1"));
        assert!(is_loopback("[::1]:5000/m:1"));
        assert!(!is_loopback("localhost.example.com/m:1") && !is_loopback("10.0.0.1:5000/m:1"));
    }
}
