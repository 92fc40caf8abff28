//! Anonymizes documents: names, ids, addresses and every text that is not known to be public become
//! pseudonyms, the same ones in all documents. Numbers other than ids, days, times, the names of fields
//! and the structure stay, so that a mapping computes the same sums.
//!
//! - `json`: rewrites a document while it is read.
//! - `fields`: what a value is by the name of its field; `text`: by its form; `vocabulary`: public words.
//! - `pseudonym`: names and ids under a key.

mod fields;
pub(in crate::offline) mod json;
mod pseudonym;
mod text;
mod vocabulary;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use url::{Host, Url};

use self::fields::{Kind, kind};
use self::json::{Place, Rewrite};
use self::pseudonym::Key;
use self::text::{email, is_digits, is_field_name, is_number, is_time, template};
use self::vocabulary::{is_known_key, is_path_word, is_public, is_version};
use crate::offline::files::OfflineError;

/// GitHub's own hosts.
const PUBLIC_HOSTS: [&str; 7] = [
    "github.com",
    "api.github.com",
    "avatars.githubusercontent.com",
    "copilot-reports.github.com",
    "docs.github.com",
    "gist.github.com",
    "raw.githubusercontent.com",
];
/// From this many digits on, a text that is the same as an id is one.
const MIN_ID_DIGITS: usize = 5;

/// Anonymizes documents. All of them are read twice: the first time, it learns the names, which may also be
/// the keys of objects.
pub(super) struct Anonymizer {
    key: Key,
    /// The hashes of what was replaced: a recording can have millions.
    replaced: HashSet<u64>,
    hasher: RandomState,
    /// Whether names are still being learned.
    is_learning: bool,
}

impl Anonymizer {
    /// An anonymizer with the key of a seed, or with a random one.
    pub(super) fn new(seed: Option<&str>) -> Result<Self, OfflineError> {
        let key = match seed {
            Some(seed) => Key::from_seed(seed.as_bytes()),
            None => Key::random().map_err(|_| {
                OfflineError::Machine("the system returned no random numbers".to_owned())
            })?,
        };
        let (replaced, hasher) = (HashSet::new(), RandomState::new());
        Ok(Self { key, replaced, hasher, is_learning: true })
    }

    /// Ends the first time that the documents are read.
    pub(super) fn has_learned(&mut self) {
        self.is_learning = false;
    }

    /// The pseudonym of the name of a target.
    pub(super) fn target(&mut self, login: &str) -> String {
        self.name(login)
    }

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text.to_lowercase())
    }

    fn was_replaced(&self, text: &str) -> bool {
        self.replaced.contains(&self.hash(text))
    }

    fn learn(&mut self, text: &str) {
        if self.is_learning {
            let hash = self.hash(text);
            self.replaced.insert(hash);
        }
    }

    fn name(&mut self, name: &str) -> String {
        self.learn(name);
        self.key.name(name)
    }

    /// A number, or what is in place of one.
    fn id(&mut self, id: &str) -> String {
        self.learn(id);
        let (sign, digits) = id.strip_prefix('-').map_or(("", id), |digits| ("-", digits));
        let id = match digits.parse() {
            Ok(id) if is_digits(digits) => self.key.id(id),
            _ => self.key.number(id),
        };
        format!("{sign}{id}")
    }

    /// A text that must not stay.
    fn replace(&mut self, text: &str) -> String {
        if text.contains("://") {
            return self.url(text);
        }
        if let Some((local, domain)) = email(text) {
            return format!("{}@{}.example", self.name(local), self.name(domain));
        }
        let mut parts = text.split('/').peekable();
        let mut replaced = String::with_capacity(text.len());
        while let Some(part) = parts.next() {
            match part {
                "" => {}
                part if is_digits(part) => replaced.push_str(&self.id(part)),
                part => replaced.push_str(&self.name(part)),
            }
            if parts.peek().is_some() {
                replaced.push('/');
            }
        }
        replaced
    }

    /// A URL without its query, which may be a signature.
    fn url(&mut self, text: &str) -> String {
        let (address, template) = template(text);
        let Ok(url) = Url::parse(address) else { return self.name(text) };
        let host = match url.host() {
            Some(Host::Domain(host)) if PUBLIC_HOSTS.contains(&host) => host.to_owned(),
            Some(host) => format!("{}.example", self.name(&host.to_string())),
            None => return self.name(text),
        };
        let mut replaced =
            format!("{}://{host}", if url.scheme() == "http" { "http" } else { "https" });
        for segment in url.path_segments().into_iter().flatten() {
            replaced.push('/');
            let segment = percent_decode(segment);
            match segment.as_str() {
                "" => {}
                word if is_path_word(word) => replaced.push_str(word),
                id if is_digits(id) => replaced.push_str(&self.id(id)),
                name => replaced.push_str(&self.name(name)),
            }
        }
        replaced + template
    }
}

/// Decodes a segment of a path, so that a name has the same pseudonym there.
fn percent_decode(segment: &str) -> String {
    // A query decodes in the same way, except for the plus sign.
    let query = format!("s={}", segment.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(query.as_bytes()).next();
    decoded.map_or_else(|| segment.to_owned(), |(_, segment)| segment.into_owned())
}

impl Rewrite for Anonymizer {
    fn key(&mut self, key: &str) -> Option<String> {
        if key.is_empty() || is_known_key(key) || is_time(key) {
            return None;
        }
        if is_public(key) && !self.was_replaced(key) {
            return None;
        }
        if is_digits(key) {
            return Some(self.id(key));
        }
        if is_field_name(key) && !self.was_replaced(key) {
            return None;
        }
        Some(self.replace(key))
    }

    fn string(&mut self, place: Place<'_>, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        match kind(place) {
            // The cost center of what no cost center is charged for.
            Kind::Id | Kind::Name if text == "none" => None,
            Kind::Id if is_digits(text) => Some(self.id(text)),
            Kind::Id | Kind::Name => Some(self.replace(text)),
            Kind::Customization if matches!(text, "other" | "others") => None,
            Kind::Customization => Some(self.replace(text)),
            Kind::Version if is_version(text) => None,
            Kind::Version | Kind::Other => {
                let is_known = is_known_key(place.key);
                let is_id = is_digits(text)
                    && text.len() >= MIN_ID_DIGITS
                    && (!is_known || self.was_replaced(text));
                // Ada is a language, and a person.
                let is_public = is_public(text) && (is_known || !self.was_replaced(text));
                let stays = is_time(text) || is_public || (is_number(text) && !is_id);
                match (stays, is_id) {
                    (true, _) => None,
                    (false, true) => Some(self.id(text)),
                    (false, false) => Some(self.replace(text)),
                }
            }
        }
    }

    fn number(&mut self, place: Place<'_>, number: &str) -> Option<String> {
        match kind(place) {
            Kind::Id | Kind::Name => Some(self.id(number)),
            Kind::Other
                if number.len() >= MIN_ID_DIGITS
                    && is_digits(number)
                    && !is_known_key(place.key)
                    && self.was_replaced(number) =>
            {
                Some(self.id(number))
            }
            Kind::Customization | Kind::Version | Kind::Other => None,
        }
    }
}

#[cfg(test)]
mod tests;
