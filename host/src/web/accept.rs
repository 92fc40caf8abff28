//! Which format a client prefers. RFC 9110, section 12.5.1.

use std::cmp::Reverse;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use mime::{Mime, STAR};

use crate::output::Format;

/// How a client asks for a format: the better, the greater.
type Preference = (u16, Reverse<usize>);

/// The format that a client asks for by `Accept`. OpenMetrics has to be named, as Prometheus does: a range
/// such as `*/*` gets the text format, and so does a client that accepts neither, as tools may send anything.
/// If both are equally welcome, it is the one that is named first.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
    let ranges: Vec<Mime> = ranges.filter_map(|range| range.trim().parse().ok()).collect();
    let openmetrics = preference(&ranges, &OPENMETRICS).filter(|(named, _)| *named);
    let text = preference(&ranges, &TEXT).map(|(_, preference)| preference);
    match openmetrics {
        Some((_, wanted)) if wanted.0 > 0 && text.is_none_or(|text| wanted > text) => {
            Format::OpenMetrics
        }
        _ => Format::Text,
    }
}

/// A media type with its version.
struct MediaType {
    kind: &'static str,
    subtype: &'static str,
    version: &'static str,
}

const OPENMETRICS: MediaType =
    MediaType { kind: "application", subtype: "openmetrics-text", version: "1.0.0" };
const TEXT: MediaType = MediaType { kind: "text", subtype: "plain", version: "0.0.4" };

impl MediaType {
    /// How specific a range is that includes this type.
    fn specificity(&self, range: &Mime) -> Option<u8> {
        if range.type_() == STAR {
            return Some(0);
        }
        if range.type_() != self.kind {
            return None;
        }
        match range.get_param("version") {
            _ if range.subtype() == STAR => Some(1),
            _ if range.subtype() != self.subtype => None,
            None => Some(2),
            Some(version) => (version == self.version).then_some(3),
        }
    }
}

/// How a client asks for a type, and whether it names it: the most specific range counts.
fn preference(ranges: &[Mime], wanted: &MediaType) -> Option<(bool, Preference)> {
    let matching = ranges.iter().enumerate().filter_map(|(position, range)| {
        Some((wanted.specificity(range)?, (weight(range), Reverse(position))))
    });
    matching.max().map(|(specificity, preference)| (specificity >= 2, preference))
}

/// The weight of a range in thousandths.
fn weight(range: &Mime) -> u16 {
    let weight = range.get_param("q").map(|q| q.as_str().parse::<f32>().unwrap_or_default());
    (weight.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &'static str) -> Format {
        format(&HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn openmetrics_is_served_to_clients_that_name_it_with_the_highest_weight() {
        for accept in [
            // Prometheus 2.42, 2.53 and 3.5.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; version=\"1.0.0\"; charset=utf-8",
            "text/*;q=0.5, application/openmetrics-text;q=0.6",
            "text/plain;q=0, application/openmetrics-text;q=0.1",
            "application/openmetrics-text, text/plain",
        ] {
            assert_eq!(of(accept), Format::OpenMetrics, "{accept}");
        }
    }

    #[test]
    fn the_text_format_is_served_to_all_others() {
        for accept in [
            "",
            "*/*",
            "application/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "text/plain;version=0.0.4;q=0.5, application/openmetrics-text;q=0.4",
            "text/plain, application/openmetrics-text",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=nan",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;version=2.0.0, */*;q=0.1",
            "application/openmetrics-text;q=0.3, */*;q=0.5",
            // The more specific range counts.
            "application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text, text/plain;q=0.1",
            ",;,q=1",
        ] {
            assert_eq!(of(accept), Format::Text, "{accept}");
        }
        assert_eq!(format(&HeaderMap::new()), Format::Text);
    }
}
