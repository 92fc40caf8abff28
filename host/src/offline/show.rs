//! `copilot-metrics-exporter mapping show`: prints what a mapping says about itself.

use std::io::Write;

use super::args::ShowArgs;
use super::files::{OfflineError, engine, load};
use crate::model::text::sanitize;
use crate::model::{DocumentSpec, Limits, Manifest, Need, Scope};

/// Prints it to `out`.
pub fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    let mapping = load(&engine(Limits::default())?, args.file.as_deref())?;
    let Manifest { name, version, documents, options, families, charts } = mapping.manifest();
    let contract = mapping.version();
    writeln!(out, "name      {name}\nversion   {version}\nsha256    {}", mapping.sha256())?;
    writeln!(out, "contract  {contract}")?;
    for scope in [Scope::Organization, Scope::Enterprise] {
        let of: Vec<&DocumentSpec> = documents.iter().filter(|spec| spec.scope == scope).collect();
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
            let only_with = match spec.only_with.first() {
                Some(option) => format!("  (only with {option}=true)"),
                None => String::new(),
            };
            let path = sanitize(&spec.path);
            writeln!(out, "  {:width$}  {need:8}  {path}{only_with}", spec.name)?;
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
        let kind = family.kind.label();
        writeln!(out, "  {} {{{}}} {kind}", family.name, family.label_names.join(", "))?;
        writeln!(out, "    {}", sanitize(&family.help))?;
    }
    if !charts.is_empty() {
        writeln!(out, "\n{} charts", charts.len())?;
    }
    for chart in charts {
        writeln!(out, "  {}: {}", sanitize(&chart.title), sanitize(&chart.help))?;
    }
    out.flush()?;
    Ok(())
}
