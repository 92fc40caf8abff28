//! Reads YAML files, and says in which line and key an error is.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Spanned};

use super::error::SettingError;
use super::paths::within_directory_of;

/// The file that is being read, for the places of errors.
pub(super) struct YamlFile<'a> {
    /// Its path. None if there is no file: then there are no values in it either.
    pub path: Option<&'a Path>,
}

impl YamlFile<'_> {
    /// File, line and key of a value.
    pub(super) fn place<T>(&self, value: &Spanned<T>, key: &str) -> String {
        let path = self.path.unwrap_or(Path::new("")).display();
        format!("{path}:{}: {key}", value.referenced.line())
    }

    /// An error in a value.
    pub(super) fn error<T>(
        &self,
        value: &Spanned<T>,
        key: &str,
        problem: impl Into<String>,
    ) -> SettingError {
        SettingError::new(self.place(value, key), problem)
    }
}

/// Deserializes the text of the file at `path`, to which relative paths in it refer.
pub(super) fn parse<T: DeserializeOwned + Default>(
    path: &Path,
    text: &str,
) -> Result<T, SettingError> {
    // An empty file is an empty section, not a null.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(T::default());
    }
    let mut key = String::new();
    let parsed = within_directory_of(path, || {
        serde_saphyr::with_deserializer_from_str(text, |deserializer| {
            serde_path_to_error::deserialize(deserializer).map_err(|error| {
                key = error.path().to_string();
                error.into_inner()
            })
        })
    });
    parsed.map_err(|error| {
        let line = error.location().map(|location| format!(":{}", location.line()));
        let file = format!("{}{}", path.display(), line.unwrap_or_default());
        let place = match key.as_str() {
            // The file as a whole.
            "" | "." => file,
            // `value` is the field of `Spanned`.
            key => {
                let keys: Vec<_> =
                    key.split('.').filter(|part| !matches!(*part, "value" | "?")).collect();
                format!("{file}: {}", keys.join("."))
            }
        };
        SettingError::new(place, describe(&error))
    })
}

/// Describes an error in the terms of YAML instead of Rust.
fn describe(error: &Error) -> String {
    let mut error = error.without_snippet();
    // A value behind an alias: its own error says what is wrong.
    while let Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    let text = error.to_string().replace('\n', " ");
    // The place is reported already.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let text = text.split(", set DuplicateKeyPolicy").next().unwrap_or(text);
    match error {
        Error::NullIntoString { .. } => {
            return "it has no value: set one, or remove the key".to_owned();
        }
        Error::MultipleDocuments { .. } => {
            return "it should be one YAML document, without `---`".to_owned();
        }
        _ => {}
    }
    match text {
        "expected sequence start" => "it should be a list, with `- ` before each item".to_owned(),
        "expected mapping start" => "it should be keys with values, `key: value`".to_owned(),
        "expected string scalar" => "it should be a single value".to_owned(),
        "invalid boolean" => "it should be true or false".to_owned(),
        text => text.to_owned(),
    }
}
