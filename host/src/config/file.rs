//! Reads values out of the config file, with the place of each for errors.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_saphyr::Spanned;

use super::config::{Github, Text};
use super::secret_files::read_ca_file;
use super::{GithubOptions, SettingError, values};

/// The config file, for the places in errors and for the files beside it.
pub(super) struct File<'a> {
    pub path: Option<&'a Path>,
}

impl File<'_> {
    /// File, line and key.
    pub(super) fn place<T>(&self, value: &Spanned<T>, key: &str) -> String {
        let path = self.path.unwrap_or(Path::new("")).display();
        format!("{path}:{}: {key}", value.referenced.line())
    }

    /// What is wrong with a value.
    pub(super) fn wrong<T>(
        &self,
        value: &Spanned<T>,
        key: &str,
        problem: impl Into<String>,
    ) -> SettingError {
        SettingError::new(self.place(value, key), problem)
    }

    /// Reads a value.
    pub(super) fn read<T>(
        &self,
        value: &Text,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, SettingError> {
        read(value.value.trim()).map_err(|problem| self.wrong(value, key, problem))
    }

    /// Reads a value if there is one.
    pub(super) fn read_if<T>(
        &self,
        value: &Option<Text>,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingError> {
        value.as_ref().map(|value| self.read(value, key, read)).transpose()
    }

    /// Reads a file that is named. Its path is meant from the folder that the config file is in.
    pub(super) fn file<T>(
        &self,
        value: &Text,
        key: &str,
        read: impl Fn(&Path) -> Result<T, String>,
    ) -> Result<(PathBuf, T), SettingError> {
        let folder = self.path.and_then(Path::parent).unwrap_or(Path::new(""));
        let path = folder.join(value.value.trim());
        let content = read(&path).map_err(|problem| self.wrong(value, key, problem))?;
        Ok((path, content))
    }
}

impl File<'_> {
    /// The section `github`.
    pub(super) fn github(&self, github: &Github) -> Result<GithubOptions, SettingError> {
        let default = GithubOptions::default();
        let key = |name: &str| format!("github.{name}");
        let duration = |value: &Option<Text>, name: &str, default: Duration| {
            Ok(self.read_if(value, &key(name), values::duration)?.unwrap_or(default))
        };
        let ca_file = github.ca_file.as_ref();
        let ca_file = ca_file.map(|path| self.file(path, &key("ca_file"), read_ca_file));
        let hosts = github.download_hosts.iter().enumerate();
        Ok(GithubOptions {
            concurrency: self
                .read_if(&github.concurrency, &key("concurrency"), |text| {
                    values::number(text, 1, 100, 8)
                })?
                .map_or(default.concurrency, |number| number as usize),
            connect_timeout: duration(
                &github.connect_timeout,
                "connect_timeout",
                default.connect_timeout,
            )?,
            response_timeout: duration(
                &github.response_timeout,
                "response_timeout",
                default.response_timeout,
            )?,
            request_timeout: duration(
                &github.request_timeout,
                "request_timeout",
                default.request_timeout,
            )?,
            retries: self
                .read_if(&github.retries, &key("retries"), |text| values::number(text, 0, 10, 3))?
                .map_or(default.retries, |number| number as usize),
            retry_delay: duration(&github.retry_delay, "retry_delay", default.retry_delay)?,
            max_document_bytes: self
                .read_if(&github.max_document_mib, &key("max_document_mib"), |text| {
                    values::number(text, 1, 64 << 10, 4096)
                })?
                .map_or(default.max_document_bytes, |mib| mib << 20),
            ca_certificates: ca_file.transpose()?.map(|(_, pem)| pem).unwrap_or_default(),
            download_hosts: hosts
                .map(|(n, host)| {
                    self.read(host, &key(&format!("download_hosts[{n}]")), values::host)
                })
                .collect::<Result<_, _>>()?,
        })
    }
}
