//! The rules for metric and label names.
//! <https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels>

/// Prefixes of the exporter's own metrics, and of those that Prometheus adds to every scrape.
/// <https://prometheus.io/docs/concepts/jobs_instances/>
const RESERVED_PREFIXES: [&str; 3] = ["copilot_exporter_", "process_", "scrape_"];
/// Metrics of Prometheus itself.
const RESERVED_NAMES: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];
/// Labels that Prometheus sets, and those of the series of histograms and summaries.
const RESERVED_LABELS: [&str; 4] = ["job", "instance", "le", "quantile"];
/// What the series of a counter, histogram or summary add to its name.
/// <https://prometheus.io/docs/specs/om/open_metrics_spec/#suffixes>
const SUFFIXES: [&str; 4] = ["_total", "_bucket", "_sum", "_count"];

/// Checks the name of a mapping's family.
pub fn check_metric_name(name: &str) -> Result<(), String> {
    if !is_name(name, |byte| byte == b':') {
        return Err("the name is not of the form [a-zA-Z_:][a-zA-Z0-9_:]*".to_owned());
    }
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        let of = if *prefix == "scrape_" { "Prometheus" } else { "the exporter" };
        return Err(format!("the prefix {prefix} is reserved for {of}"));
    }
    if RESERVED_NAMES.contains(&name) {
        return Err("the name is reserved for Prometheus".to_owned());
    }
    Ok(())
}

/// The name of the family that a metric of this name would belong to as a series of a counter,
/// histogram or summary: `a_total` is a series of `a`.
pub fn without_suffix(name: &str) -> Option<&str> {
    SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix))
}

/// The names of the series that a counter, histogram or summary of this name may have.
pub fn with_suffixes(name: &str) -> impl Iterator<Item = String> {
    SUFFIXES.iter().map(move |suffix| format!("{name}{suffix}"))
}

/// Checks the name of a label.
pub fn check_label_name(name: &str) -> Result<(), String> {
    if !is_label_name(name) {
        return Err(format!("label {name:?} is not of the form [a-zA-Z_][a-zA-Z0-9_]*"));
    }
    if name.starts_with("__") {
        return Err(format!("label {name:?} starts with __, which is reserved for Prometheus"));
    }
    if RESERVED_LABELS.contains(&name) {
        return Err(format!("label {name:?} is reserved for Prometheus"));
    }
    Ok(())
}

/// Whether a text is of the form that every name of a label has.
pub fn is_label_name(text: &str) -> bool {
    is_name(text, |_| false)
}

fn is_name(name: &str, is_extra: impl Fn(u8) -> bool) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || is_extra(byte);
    let mut bytes = name.bytes();
    bytes.next().is_some_and(&letter)
        && bytes.all(|byte| letter(byte) || byte.is_ascii_digit())
        && name.len() <= 200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_prometheus_rules() {
        for name in ["a", "_a9", "ns:a", "github_copilot_seats"] {
            assert_eq!(check_metric_name(name), Ok(()), "{name}");
        }
        for name in
            ["", "9a", "a-b", "é", "copilot_exporter_up", "process_cpu", "up", "ALERTS", "scrape_x"]
        {
            assert!(check_metric_name(name).is_err(), "{name}");
        }
        for name in ["", "a:b", "__name__", "a b", "job", "instance", "le", "quantile"] {
            assert!(check_label_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_suffix_belongs_to_another_family() {
        assert_eq!(without_suffix("seats_total"), Some("seats"));
        assert_eq!(without_suffix("seats"), None);
        assert!(with_suffixes("seats").any(|name| name == "seats_count"));
    }
}
