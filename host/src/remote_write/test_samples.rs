//! Samples and settings for unit tests.

use std::sync::Arc;

use crate::config::{RelabelRule, RemoteWriteSettings, ServeArgs, Settings};
use crate::model::{Family, FamilySamples, MetricKind, Samples};

/// A family: its name, its labels, and for each sample their values, the value and the timestamp.
type FamilyOf<'a> = (&'a str, &'a [&'a str], &'a [(&'a [&'a str], f64, i64)]);

/// Samples of gauges.
pub(super) fn samples(families: &[FamilyOf<'_>]) -> Samples {
    let mut strings: Vec<String> = Vec::new();
    let mut index = |text: &str| {
        let at = strings.iter().position(|known| known == text).unwrap_or_else(|| {
            strings.push(text.to_owned());
            strings.len() - 1
        });
        u32::try_from(at).unwrap()
    };
    let families = families.iter().map(|(name, labels, rows)| {
        let family = Family {
            name: (*name).to_owned(),
            help: format!("help {name}"),
            kind: MetricKind::Gauge,
            label_names: labels.iter().map(|label| (*label).to_owned()).collect(),
            enabled_by: None,
            detail: 0,
        };
        let ids = rows.iter().flat_map(|(values, ..)| values.iter()).map(|text| index(text));
        let columns = FamilySamples {
            name: (*name).to_owned(),
            label_values: ids.collect::<Vec<_>>(),
            values: rows.iter().map(|(_, value, _)| *value).collect(),
            timestamps: Some(rows.iter().map(|(.., time)| *time).collect()),
        };
        (Arc::new(family), columns)
    });
    let families = families.collect();
    Samples { families, strings, left_out: None }
}

/// The settings of an endpoint with these further keys.
pub(super) fn endpoint(keys: &str) -> RemoteWriteSettings {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    std::fs::write(&path, format!("remote_write:\n- url: http://localhost:9/w\n  {keys}\n"))
        .unwrap();
    let config = Some(path.display().to_string());
    let settings = Settings::new(&ServeArgs { config, ..ServeArgs::default() }).unwrap();
    settings.remote_write.into_iter().next().unwrap()
}

/// Rules in YAML.
pub(super) fn rules(yaml: &str) -> Vec<RelabelRule> {
    endpoint(&format!("write_relabel_configs: {yaml}")).relabel
}
