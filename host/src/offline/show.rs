//! `copilot-metrics-exporter mapping show`: what a mapping says of itself.

use std::io::Write;

use super::{OfflineError, load};
use crate::cli::ShowArgs;
use crate::model::{DocumentSpec, Manifest, MetricKind, Need};
use crate::wasm::{Engine, Limits};
use crate::model::Scope;
use crate::model::text::sanitize;

/// Prints it to `out`.
pub fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    let mapping = load(&Engine::new(Limits::default())?, args.file.as_deref())?;
    let Manifest { name, version, documents, options, families } = mapping.manifest();
    writeln!(out, "name     {name}\nversion  {version}\nsha256   {}", mapping.sha256())?;
    for scope in [Scope::Organization, Scope::Enterprise] {
        let of: Vec<&DocumentSpec> =
            documents.iter().filter(|spec| spec.scope == scope).collect();
        if of.is_empty() {
            continue;
        }
        writeln!(out, "\ndocuments of an {scope}")?;
        let width = of.iter().map(|spec| spec.name.len()).max().unwrap_or_default();
        for spec in of {
            let need = match spec.need {
                Need::Required => "required",
                Need::Optional => "optional",
                Need::Offline => "offline",
            };
            writeln!(out, "  {:width$}  {need:8}  {}", spec.name, sanitize(&spec.path))?;
        }
    }
    if !options.is_empty() {
        writeln!(out, "\noptions")?;
    }
    for option in options {
        let (value, help) = (sanitize(&option.default_value), sanitize(&option.help));
        writeln!(out, "  {}={value}  {help}", option.name)?;
    }
    writeln!(out, "\n{} families", families.len())?;
    for family in families {
        let kind = match family.kind {
            MetricKind::Gauge => "gauge",
            MetricKind::Counter => "counter",
        };
        writeln!(out, "  {} {{{}}} {kind}", family.name, family.label_names.join(", "))?;
        writeln!(out, "    {}", sanitize(&family.help))?;
    }
    out.flush()?;
    Ok(())
}
