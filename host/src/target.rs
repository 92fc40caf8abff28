//! The organizations and enterprises whose data is exported.

use std::fmt;
use std::str::FromStr;

use crate::plugin::wit;

/// An organization or an enterprise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    scope: Scope,
    name: String,
}

/// Which of the two a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `/orgs/…`
    Organization,
    /// `/enterprises/…`
    Enterprise,
}

impl Target {
    /// A target with a name as GitHub has it in its URLs: an organization's login or an enterprise's slug.
    pub fn new(scope: Scope, name: &str) -> Result<Self, String> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 100 || !name.bytes().all(valid) || name.starts_with('.')
        {
            return Err(format!(
                "{name:?} is no name of an {scope}: take the one from its URL on GitHub, such as octo-org"
            ));
        }
        Ok(Self { scope, name: name.to_owned() })
    }

    /// The name: the value of the label `org`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Organization or enterprise.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The values of the labels `org` and `scope`.
    pub fn labels(&self) -> [&str; 2] {
        [&self.name, self.scope.label()]
    }

    /// The target as a mapping sees it.
    pub fn to_wit(&self) -> wit::Target {
        wit::Target { scope: self.scope.to_wit(), name: self.name.clone() }
    }
}

impl Scope {
    /// The value of the label `scope`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Enterprise => "enterprise",
        }
    }

    /// The scope as a mapping sees it.
    pub fn to_wit(self) -> wit::Scope {
        match self {
            Self::Organization => wit::Scope::Organization,
            Self::Enterprise => wit::Scope::Enterprise,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scope, self.name)
    }
}

/// An option of a mapping, written `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingOption {
    /// The name in the mapping's manifest.
    pub name: String,
    /// The value.
    pub value: String,
}

impl FromStr for MappingOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE, such as users=true"))?;
        Ok(Self { name: name.trim().to_owned(), value: value.trim().to_owned() })
    }
}

/// Checks that the mapping has the options, and turns them into what it takes.
pub fn options_for(
    options: &[MappingOption],
    manifest: &wit::Manifest,
) -> Result<Vec<wit::OptionValue>, String> {
    let known = |name: &str| manifest.options.iter().any(|option| option.name == name);
    let names = || manifest.options.iter().map(|o| o.name.as_str()).collect::<Vec<_>>().join(", ");
    options
        .iter()
        .map(|option| match known(&option.name) {
            true => Ok(wit::OptionValue { name: option.name.clone(), value: option.value.clone() }),
            false => Err(format!(
                "the mapping {} has no option {:?}; it has: {}",
                manifest.name,
                option.name,
                names()
            )),
        })
        .collect()
}
