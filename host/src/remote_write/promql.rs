//! Selectors of series.

use super::series::{Label, NAME};

/// Selects the series with one of these names and all of these labels.
pub(super) fn selector(names: &[String], labels: &[Label<'_>]) -> String {
    let names = match names {
        [name] => format!("{NAME}={}", quoted(name)),
        names => {
            let names: Vec<_> = names.iter().map(|name| regex::escape(name)).collect();
            format!("{NAME}=~{}", quoted(&names.join("|")))
        }
    };
    let labels = labels.iter().filter(|label| label.name != NAME);
    let labels = labels.map(|label| format!("{}={}", label.name, quoted(&label.value)));
    let matchers: Vec<_> = std::iter::once(names).chain(labels).collect();
    format!("{{{}}}", matchers.join(","))
}

/// A string in PromQL, with Go's escapes.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_quoted_and_anchored() {
        let labels = [Label::new("__name__", "ignored"), Label::new("a", "\"b\"\\\n")];
        assert_eq!(selector(&["n".to_owned()], &labels), r#"{__name__="n",a="\"b\"\\\n"}"#);
        let names = ["n:a".to_owned(), "n.b".to_owned()];
        assert_eq!(selector(&names, &[]), r#"{__name__=~"n:a|n\\.b"}"#);
    }
}
