//! The rules for metric and label names.
//! <https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels>

/// Prefixes of the exporter's own metrics.
const RESERVED: [&str; 2] = ["copilot_exporter_", "process_"];

/// Checks the name of a mapping's family.
pub fn check_metric_name(name: &str) -> Result<(), String> {
    if !is_name(name, |byte| byte == b':') {
        return Err("the name is not of the form [a-zA-Z_:][a-zA-Z0-9_:]*".to_owned());
    }
    if let Some(prefix) = RESERVED.iter().find(|prefix| name.starts_with(**prefix)) {
        return Err(format!("the prefix {prefix} is reserved for the exporter"));
    }
    Ok(())
}

/// Checks the name of a label.
pub fn check_label_name(name: &str) -> Result<(), String> {
    if !is_name(name, |_| false) {
        return Err(format!("label {name:?} is not of the form [a-zA-Z_][a-zA-Z0-9_]*"));
    }
    if name.starts_with("__") {
        return Err(format!("label {name:?} starts with __, which is reserved for Prometheus"));
    }
    Ok(())
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
        for name in ["", "9a", "a-b", "é", "copilot_exporter_up", "process_cpu"] {
            assert!(check_metric_name(name).is_err(), "{name}");
        }
        for name in ["", "a:b", "__name__", "a b"] {
            assert!(check_label_name(name).is_err(), "{name}");
        }
    }
}
