//! Which mappings run, and what they may do: the sections `mapping`.

use std::path::{Path, PathBuf};

use serde_saphyr::Spanned;

use super::config::{Mapping, TargetMapping, Text};
use super::file::File;
use super::{MappingPolicy, MappingSource, SettingError, flag, values};
use crate::wasm::Limits;

impl File<'_> {
    /// For all targets: the flag stands above the file.
    pub(super) fn source(
        &self,
        dir: Option<&str>,
        mapping: &Mapping,
    ) -> Result<MappingSource, SettingError> {
        let of_file =
            mapping.dir.as_ref().map(|dir| self.folder(dir, "mapping.dir")).transpose()?;
        let of_flag =
            dir.map(|dir| flag("--mapping-dir (MAPPING_DIR)", dir, |dir| folder(Path::new(dir))));
        Ok(MappingSource {
            folder: of_flag.transpose()?.or(of_file),
            default: mapping.default.unwrap_or(true),
            sha256: self.digests(&mapping.sha256, "mapping.sha256")?,
        })
    }

    /// For one target: what it says, and else what all have.
    pub(super) fn source_of_target(
        &self,
        key: &str,
        mapping: Option<&Spanned<TargetMapping>>,
        all: &MappingSource,
    ) -> Result<MappingSource, SettingError> {
        let Some(Spanned { value: TargetMapping { dir, default, sha256 }, .. }) = mapping else {
            return Ok(all.clone());
        };
        let sub = |name: &str| format!("{key}.mapping.{name}");
        let folder = dir.as_ref().map(|dir| self.folder(dir, &sub("dir"))).transpose()?;
        let digests =
            sha256.as_ref().map(|named| self.digests(named, &sub("sha256"))).transpose()?;
        Ok(MappingSource {
            folder: folder.or_else(|| all.folder.clone()),
            default: default.unwrap_or(all.default),
            sha256: digests.unwrap_or_else(|| all.sha256.clone()),
        })
    }

    /// What mappings may do.
    pub(super) fn policy(&self, mapping: &Mapping) -> Result<MappingPolicy, SettingError> {
        let default = MappingPolicy::default();
        let limits = default.limits;
        let number = |value: &Option<Text>, name: &str, least: u64, most: u64, example: u64| {
            let key = format!("mapping.{name}");
            self.read_if(value, &key, |text| values::number(text, least, most, example))
        };
        // 32 bits are what a mapping can address.
        let memory = number(&mapping.memory_mib, "memory_mib", 1, 4096, 64)?;
        let result = number(&mapping.result_mib, "result_mib", 1, 4096, 64)?;
        let series = number(&mapping.series, "series", 1, 10_000_000, 200_000)?;
        let file = number(&mapping.max_file_mib, "max_file_mib", 1, 1024, 64)?;
        let failures = number(&mapping.rollback_after, "rollback_after", 1, 1000, 3)?;
        let run_time = self.read_if(&mapping.run_time, "mapping.run_time", values::duration)?;
        let mib = |mib: u64| usize::try_from(mib << 20).unwrap_or(usize::MAX);
        Ok(MappingPolicy {
            limits: Limits {
                memory_bytes: memory.map_or(limits.memory_bytes, mib),
                run_time: run_time.unwrap_or(limits.run_time),
                result_bytes: result.map_or(limits.result_bytes, mib),
                series: series.map_or(limits.series, |series| series as usize),
                label_value_bytes: limits.label_value_bytes,
            },
            max_file_bytes: file.map_or(default.max_file_bytes, |mib| mib << 20),
            rollback_after: failures.map_or(default.rollback_after, |failures| failures as u32),
        })
    }

    fn folder(&self, dir: &Text, key: &str) -> Result<PathBuf, SettingError> {
        let (_, folder) = self.file(dir, key, folder)?;
        Ok(folder)
    }

    fn digests(&self, named: &[Text], key: &str) -> Result<Vec<String>, SettingError> {
        let numbered = named.iter().enumerate();
        numbered
            .map(|(at, digest)| self.read(digest, &format!("{key}[{at}]"), values::sha256))
            .collect()
    }
}

/// An absolute path: who watches the folder must know it by one name. It need not be there yet.
fn folder(path: &Path) -> Result<PathBuf, String> {
    if path.exists() && !path.is_dir() {
        return Err(format!("{}: it is no folder", path.display()));
    }
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}
