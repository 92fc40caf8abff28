//! Objects that are not what the document should consist of, and what they are instead.

use std::borrow::Cow;

use serde::Deserialize;

use super::field::{Field, Known};
use super::text::truncate;
use super::time::Day;

/// The longest message of GitHub that is quoted.
const MAX_MESSAGE_BYTES: usize = 160;

/// The fields by which such an object is recognized.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Foreign<'a> {
    #[serde(borrow)]
    message: Field<Cow<'a, str>>,
    download_links: Field<Vec<Link>>,
    report_day: Field<Day>,
    report_end_day: Field<Day>,
}

/// A link, which is a secret and therefore not kept.
struct Link;

impl super::field::FromJson<'_> for Link {
    fn from_text(_: &str) -> Option<Self> {
        Some(Self)
    }
}

/// What an object is that is not a row.
#[derive(Debug, PartialEq)]
pub enum Shape {
    /// Something else than a row, in words.
    Other(String),
    /// The envelope of a report without files: GitHub measured that nothing happened on that day.
    Nothing(Day),
}

/// Recognizes an object that is not a row of its document.
pub fn recognize(object: &[u8]) -> Option<Shape> {
    if serde_json::from_slice::<std::collections::BTreeMap<Cow<'_, str>, Known>>(object)
        .is_ok_and(|fields| fields.is_empty())
    {
        return Some(Shape::Other("this is an empty object".to_owned()));
    }
    let Foreign { message, download_links, report_day, report_end_day } =
        serde_json::from_slice(object).ok()?;
    if let Some(links) = download_links.get() {
        let day = report_day.into_option().or(report_end_day.into_option());
        return Some(match day {
            Some(day) if links.is_empty() => Shape::Nothing(day),
            _ => Shape::Other(
                "this is the envelope with the download links, not the report".to_owned(),
            ),
        });
    }
    let mut message = message.into_option()?.into_owned();
    message.retain(|c| !c.is_control());
    truncate(&mut message, MAX_MESSAGE_BYTES);
    Some(Shape::Other(format!("this is GitHub's error message: {message:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(object: &str) -> String {
        match recognize(object.as_bytes()) {
            Some(Shape::Other(text)) => text,
            shape => panic!("{shape:?}"),
        }
    }

    #[test]
    fn what_is_not_a_report_is_named() {
        assert_eq!(
            other(r#"{"message":"Not Found","status":"404"}"#),
            r#"this is GitHub's error message: "Not Found""#
        );
        assert!(
            other(r#"{"download_links":["https://x/?secret"],"report_day":"2026-11-20"}"#)
                .starts_with("this is the envelope")
        );
        assert!(other(" {} ").contains("empty object"));
        assert_eq!(recognize(br#"{"user_id":1}"#), None);
    }

    #[test]
    fn an_envelope_without_links_is_a_measured_day() {
        for day in ["report_day", "report_end_day"] {
            let envelope = format!(r#"{{"download_links":[],"{day}":"2026-11-20"}}"#);
            assert!(matches!(recognize(envelope.as_bytes()), Some(Shape::Nothing(_))));
        }
    }
}
