//! The organizations and enterprises whose data is exported.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The longest value of the label `org`.
const MAX_NAME_CHARS: usize = 100;

/// An organization or an enterprise at one GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    scope: Scope,
    login: String,
    name: String,
    github: String,
}

/// What kind of account a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `/orgs/…`
    Organization,
    /// `/enterprises/…`
    Enterprise,
}

impl Target {
    /// A target at github.com, by the name in its GitHub URL: an organization's login or an
    /// enterprise's slug. It is the value of the label `org` too, unless [`Target::named`].
    pub fn new(scope: Scope, login: &str) -> Result<Self, String> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if login.is_empty()
            || login.len() > 100
            || !login.bytes().all(valid)
            || login.starts_with('.')
        {
            return Err(format!(
                "invalid {scope} name {login:?}: use the name from its GitHub URL, such as octo-org"
            ));
        }
        let (login, name) = (login.to_owned(), login.to_owned());
        Ok(Self { scope, login, name, github: "api.github.com".to_owned() })
    }

    /// The same target with another value of the label `org`.
    pub fn named(self, name: &str) -> Result<Self, String> {
        let name = name.trim();
        let too_long = name.chars().count() > MAX_NAME_CHARS;
        if name.is_empty() || too_long || name.chars().any(char::is_control) {
            return Err(format!(
                "invalid label value {name:?}: use 1 to {MAX_NAME_CHARS} characters on one line"
            ));
        }
        Ok(Self { name: name.to_owned(), ..self })
    }

    /// The same target at the GitHub whose API is at `api`.
    pub fn at(self, api: &Url) -> Self {
        let host = api.host_str().unwrap_or_default();
        let port = api.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path = api.path().trim_end_matches('/');
        Self { github: format!("{host}{port}{path}"), ..self }
    }

    /// The name: the value of the label `org`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name in GitHub's URLs.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Host, port and path of the API, such as `api.github.com`.
    pub fn github(&self) -> &str {
        &self.github
    }

    /// Organization or enterprise.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The values of the labels `org` and `scope`.
    pub fn labels(&self) -> [&str; 2] {
        [&self.name, self.scope.label()]
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
