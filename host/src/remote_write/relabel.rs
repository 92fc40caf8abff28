//! Changes the labels of series as the settings say: Prometheus' relabeling.
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config>

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use crate::config::{RelabelAction, RelabelRule};
use crate::model::names::is_label_name;

/// The labels of a series by name, including `__name__`. None is empty.
pub(super) type Labels = BTreeMap<String, String>;

/// Applies the rules in their order. Returns whether the series is kept.
pub(super) fn relabel(rules: &[RelabelRule], labels: &mut Labels) -> bool {
    rules.iter().all(|rule| apply(rule, labels))
}

fn apply(rule: &RelabelRule, labels: &mut Labels) -> bool {
    let value = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    let values: Vec<&str> = rule.source_labels.iter().map(|name| value(name)).collect();
    let joined = values.join(&rule.separator);
    let regex = rule.regex.regex();
    let target = &rule.target_label;
    match rule.action {
        RelabelAction::Keep => return regex.is_match(&joined),
        RelabelAction::Drop => return !regex.is_match(&joined),
        RelabelAction::Keepequal => return value(target) == joined,
        RelabelAction::Dropequal => return value(target) != joined,
        RelabelAction::Replace => {
            if let Some(captures) = regex.captures(&joined) {
                let (mut name, mut text) = (String::new(), String::new());
                captures.expand(target, &mut name);
                captures.expand(&rule.replacement, &mut text);
                if is_label_name(&name) {
                    set(labels, name, text);
                }
            }
        }
        RelabelAction::Lowercase => set(labels, target.clone(), joined.to_lowercase()),
        RelabelAction::Uppercase => set(labels, target.clone(), joined.to_uppercase()),
        RelabelAction::Hashmod => set(labels, target.clone(), hash(&joined, rule.modulus)),
        RelabelAction::Labelmap => {
            let copy = |(name, value): (&String, &String)| {
                let captures = regex.captures(name)?;
                let mut copied = String::new();
                captures.expand(&rule.replacement, &mut copied);
                Some((copied, value.clone()))
            };
            let copies: Vec<_> = labels.iter().filter_map(copy).collect();
            labels.extend(copies.into_iter().filter(|(name, _)| is_label_name(name)));
        }
        RelabelAction::Labeldrop => labels.retain(|name, _| !regex.is_match(name)),
        RelabelAction::Labelkeep => labels.retain(|name, _| regex.is_match(name)),
    }
    true
}

/// Sets a label. An empty value removes it.
fn set(labels: &mut Labels, name: String, value: String) {
    match value.is_empty() {
        true => labels.remove(&name),
        false => labels.insert(name, value),
    };
}

/// The last 8 bytes of the MD5, in the order of the network, modulo a number.
fn hash(text: &str, modulus: u64) -> String {
    let hash = Md5::digest(text.as_bytes());
    let last = hash.iter().skip(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    last.checked_rem(modulus).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::test_samples::rules;

    /// The labels after rules, as `a=1 b=2`; `None` if the series is dropped.
    fn after(yaml: &str, labels: &str) -> Option<String> {
        let mut labels: Labels = labels
            .split(' ')
            .map(|label| label.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let kept = relabel(&rules(yaml), &mut labels);
        let texts: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        kept.then(|| texts.join(" "))
    }

    #[test]
    fn each_action_does_what_prometheus_does() {
        for (rule, before, expected) in [
            ("{source_labels: [a, b], target_label: c}", "a=1 b=2", Some("a=1 b=2 c=1;2")),
            ("{source_labels: [a, x], separator: '', target_label: c}", "a=1", Some("a=1 c=1")),
            ("{target_label: c, replacement: d}", "a=1", Some("a=1 c=d")),
            ("{target_label: a, replacement: ''}", "a=1 b=2", Some("b=2")),
            // An expression matches whole values only.
            ("{source_labels: [a], regex: '1', target_label: c}", "a=11", Some("a=11")),
            (
                "{source_labels: [a], regex: '(.+)-(?P<n>.+)', target_label: 'x_$1', replacement: '${n}1$$${2}'}",
                "a=p-q",
                Some("a=p-q x_p=q1$q"),
            ),
            // A group after letters is another group, and a name that is not valid changes nothing.
            (
                "{source_labels: [a], regex: '(.+)', target_label: c, replacement: '$1x'}",
                "a=1 c=2",
                Some("a=1"),
            ),
            (
                "{source_labels: [a], regex: '(.+)', target_label: '${1}', replacement: x}",
                "a=1",
                Some("a=1"),
            ),
            ("{source_labels: [a], regex: '1|2', action: keep}", "a=2", Some("a=2")),
            ("{source_labels: [a], regex: '1|2', action: keep}", "a=12", None),
            ("{source_labels: [b], regex: '', action: keep}", "a=1", Some("a=1")),
            ("{source_labels: [a], regex: '1.*', action: drop}", "a=12", None),
            ("{source_labels: [a], regex: '1', action: drop}", "a=12", Some("a=12")),
            (
                "{source_labels: [a, b], target_label: c, action: keepequal}",
                "a=1 b=2 c=1;2",
                Some("a=1 b=2 c=1;2"),
            ),
            ("{source_labels: [a], target_label: b, action: keepequal}", "a=1", None),
            ("{source_labels: [a], target_label: b, action: dropequal}", "a=1 b=1", None),
            (
                "{source_labels: [a], target_label: b, action: dropequal}",
                "a=1 b=2",
                Some("a=1 b=2"),
            ),
            ("{source_labels: [a], target_label: b, action: lowercase}", "a=ÄB", Some("a=ÄB b=äb")),
            ("{source_labels: [a], target_label: a, action: uppercase}", "a=äb", Some("a=ÄB")),
            (
                "{regex: 'a(.)', replacement: 'b$1', action: labelmap}",
                "a1=x a2=y c=z",
                Some("a1=x a2=y b1=x b2=y c=z"),
            ),
            ("{regex: 'a.', action: labeldrop}", "a1=x a=y", Some("a=y")),
            (
                "{regex: '__name__|a', action: labelkeep}",
                "__name__=n a=x b=y",
                Some("__name__=n a=x"),
            ),
        ] {
            assert_eq!(after(&format!("[{rule}]"), before).as_deref(), expected, "{rule}");
        }
    }

    #[test]
    fn the_hash_is_the_end_of_the_md5_in_the_order_of_the_network() {
        // The MD5 of "foo;bar" ends with the bytes that `md5sum` prints last.
        let hash = Md5::digest(b"foo;bar");
        let end: [u8; 8] = hash[8..].try_into().unwrap();
        let expected = format!("a=foo b=bar d={}", u64::from_be_bytes(end) % 1000);
        let rule = "[{source_labels: [a, b], target_label: d, modulus: 1000, action: hashmod}]";
        assert_eq!(after(rule, "a=foo b=bar").as_deref(), Some(&*expected));
        // MD5("") = d41d8cd98f00b204e9800998ecf8427e
        assert_eq!(super::hash("", u64::MAX), 0xe980_0998_ecf8_427e_u64.to_string());
    }

    #[test]
    fn rules_are_applied_in_their_order_until_one_drops_the_series() {
        let rules = "[{target_label: a, replacement: x}, {source_labels: [a], regex: x, action: drop}, {target_label: b, replacement: y}]";
        assert_eq!(after(rules, "a=1"), None);
    }
}
