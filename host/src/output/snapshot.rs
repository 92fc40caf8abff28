//! The exposition of all targets, ready to be sent, in both formats, plain and compressed.
//!
//! The formats differ in the metadata of few families, so each segment of the text is kept once and belongs
//! to both, except for such metadata.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use prometheus::proto::MetricFamily;

use super::encode::{FamilyPart, metric_type, write_family, write_proto};
use super::format::Format;
use super::gzip::{HEADER, Piece, Trailer};
use super::metadata::{metadata_length, openmetrics_metadata};
use crate::model::Samples;

/// The samples of every target as text. It never changes: another one replaces it.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// All segments in the text format.
    text: Bytes,
    segments: Vec<Segment>,
}

/// A segment of the text.
#[derive(Debug)]
struct Segment {
    text: Content,
    /// What replaces it in OpenMetrics, if it differs.
    openmetrics: Option<Content>,
}

#[derive(Debug)]
struct Content {
    plain: Bytes,
    compressed: Piece,
}

impl Content {
    fn new(plain: Bytes) -> Self {
        let compressed = Piece::new(&plain);
        Self { plain, compressed }
    }
}

impl Segment {
    fn content(&self, format: Format) -> &Content {
        match (&self.openmetrics, format) {
            (Some(openmetrics), Format::OpenMetrics) => openmetrics,
            _ => &self.text,
        }
    }
}

/// The families of targets, each with its samples of all of them.
#[derive(Default)]
struct Families<'a> {
    /// In the order in which they first appear.
    families: Vec<Vec<FamilyPart<'a>>>,
    positions: HashMap<&'a str, usize>,
}

impl<'a> Families<'a> {
    fn new(targets: impl IntoIterator<Item = &'a Samples>) -> Self {
        let mut all = Self::default();
        for of_target in targets {
            for (family, samples) in &of_target.families {
                let at = *all.positions.entry(family.name.as_str()).or_insert_with(|| {
                    all.families.push(Vec::new());
                    all.families.len() - 1
                });
                if let Some(parts) = all.families.get_mut(at) {
                    parts.push(FamilyPart { family, samples, strings: &of_target.strings });
                }
            }
        }
        all
    }

    /// The metadata of a family in OpenMetrics.
    fn openmetrics_metadata(&self, parts: &[FamilyPart<'a>]) -> String {
        let Some(FamilyPart { family, .. }) = parts.first() else { return String::new() };
        let is_family = |name: &str| self.positions.contains_key(name);
        openmetrics_metadata(&family.name, &family.help, metric_type(family.kind), is_family)
    }
}

/// The text format, and where OpenMetrics differs from it.
struct Text {
    text: String,
    /// Metadata that differs: its place in the text, and what it is in OpenMetrics.
    differences: Vec<(Range<usize>, String)>,
}

impl Text {
    /// With room for a text of the expected length, and some more: a string that is too small doubles.
    fn with_capacity(size: usize) -> Self {
        Self { text: String::with_capacity(size + size / 8), differences: Vec::new() }
    }

    /// Appends a family, whose metadata in OpenMetrics is given.
    fn add(
        &mut self,
        openmetrics: String,
        write: impl FnOnce(&mut String) -> prometheus::Result<()>,
    ) -> prometheus::Result<()> {
        let start = self.text.len();
        write(&mut self.text)?;
        let written = self.text.get(start..).unwrap_or_default();
        let length = metadata_length(written);
        // A family without samples is not written.
        if length > 0 && written.get(..length) != Some(openmetrics.as_str()) {
            self.differences.push((start..start + length, openmetrics));
        }
        Ok(())
    }
}

/// Writes the samples of targets one after the other, each family in one block as the format requires,
/// in the order in which they first appear. `size` is the expected length.
pub fn write_exposition<'a>(
    targets: impl IntoIterator<Item = &'a Samples>,
    size: usize,
) -> prometheus::Result<String> {
    Ok(write(targets, size)?.text)
}

fn write<'a>(
    targets: impl IntoIterator<Item = &'a Samples>,
    size: usize,
) -> prometheus::Result<Text> {
    let families = Families::new(targets);
    let mut text = Text::with_capacity(size);
    for parts in &families.families {
        text.add(families.openmetrics_metadata(parts), |out| write_family(parts, out))?;
    }
    Ok(text)
}

impl Snapshot {
    /// Writes and compresses the samples of all targets, followed by another family. It computes for
    /// as long as that takes.
    pub(super) fn new<'a>(
        targets: impl IntoIterator<Item = &'a Samples>,
        last: Option<&MetricFamily>,
        size: usize,
    ) -> prometheus::Result<Self> {
        let mut all = write(targets, size)?;
        if let Some(last) = last {
            let (name, help, kind) = (last.name(), last.help(), last.get_field_type());
            let metadata = openmetrics_metadata(name, help, kind, |_| false);
            all.add(metadata, |out| write_proto(last, true, out))?;
        }
        let Text { mut text, differences } = all;
        // A snapshot may be kept for hours.
        text.shrink_to_fit();
        let text = Bytes::from(text);
        let mut segments = Vec::with_capacity(2 * differences.len() + 1);
        let mut done = 0;
        // Segments refer to the text: nothing is copied.
        let same = |range| Segment { text: Content::new(text.slice(range)), openmetrics: None };
        for (place, openmetrics) in differences {
            segments.push(same(done..place.start));
            done = place.end;
            let openmetrics = Some(Content::new(openmetrics.into()));
            segments.push(Segment { text: Content::new(text.slice(place)), openmetrics });
        }
        segments.push(same(done..text.len()));
        segments.retain(|segment| !segment.text.plain.is_empty());
        Ok(Self { text, segments })
    }

    /// The text in the text format.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The text in a format, followed by `tail`, in pieces.
    pub fn plain(&self, format: Format, tail: Bytes) -> Vec<Bytes> {
        let mut pieces = match format {
            Format::Text => vec![self.text.clone()],
            Format::OpenMetrics => {
                self.segments.iter().map(|segment| segment.content(format).plain.clone()).collect()
            }
        };
        pieces.push(tail);
        pieces
    }

    /// The same as one gzip file in pieces: only the tail is compressed here.
    pub fn gzip(&self, format: Format, tail: &[u8]) -> Vec<Bytes> {
        let mut trailer = Trailer::default();
        let mut pieces = vec![Bytes::from_static(&HEADER)];
        for segment in &self.segments {
            let piece = &segment.content(format).compressed;
            trailer.add(piece);
            pieces.push(piece.compressed().clone());
        }
        pieces.push(trailer.finish(tail).into());
        pieces
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use std::io::Read;

    use super::*;
    use crate::model::{Family, FamilySamples, MetricKind};

    /// Samples of gauges with one label `t`.
    fn samples(families: &[(&str, &[(&str, f64)])]) -> Samples {
        let mut all = Samples::default();
        for (name, values) in families {
            let family = Family {
                name: (*name).to_owned(),
                help: "h".to_owned(),
                kind: MetricKind::Gauge,
                label_names: vec!["t".to_owned()],
                enabled_by: None,
                detail: 0,
            };
            let mut columns = FamilySamples {
                name: (*name).to_owned(),
                label_values: vec![],
                values: vec![],
                timestamps: None,
            };
            for (label, value) in *values {
                columns.label_values.push(all.strings.len() as u32);
                all.strings.push((*label).to_owned());
                columns.values.push(*value);
            }
            all.families.push((Arc::new(family), columns));
        }
        all
    }

    fn plain(snapshot: &Snapshot, format: Format) -> String {
        String::from_utf8(snapshot.plain(format, Bytes::new()).concat()).unwrap()
    }

    fn unzip(pieces: &[Bytes]) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(pieces.concat().as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn families_of_several_targets_are_not_interleaved() {
        let one = samples(&[("a", &[("1", 1.0)]), ("b", &[("1", 1.0)])]);
        let two = samples(&[("b", &[("2", 2.0)]), ("a", &[("2", 2.0)])]);
        let snapshot = Snapshot::new([&one, &two], None, 0).unwrap();
        assert_eq!(
            snapshot.text(),
            "# HELP a h\n# TYPE a gauge\na{t=\"1\"} 1\na{t=\"2\"} 2\n\
             # HELP b h\n# TYPE b gauge\nb{t=\"1\"} 1\nb{t=\"2\"} 2\n"
        );
    }

    #[test]
    fn a_large_family_has_one_header() {
        let labels: Vec<String> = (0..2500).map(|number| number.to_string()).collect();
        let values: Vec<(&str, f64)> = labels.iter().map(|label| (label.as_str(), 1.0)).collect();
        let text = write_exposition([&samples(&[("a", &values)])], 0).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), 2);
        assert_eq!(text.lines().count(), 2502);
    }

    #[test]
    fn gzip_contains_the_snapshot_and_what_follows_it() {
        let labels: Vec<String> = (0..50_000_u32).map(|i| (i * 7919).to_string()).collect();
        let many: Vec<(&str, f64)> = labels.iter().map(|label| (label.as_str(), 1.0)).collect();
        let lines = labels.join("\n");
        for values in [&many[..0], &many[..1], &many] {
            let snapshot = Snapshot::new([&samples(&[("a", values)])], None, 0).unwrap();
            for tail in ["", "tail 1\n", &lines] {
                let expected = [snapshot.text(), tail.as_bytes()].concat();
                let gzip = snapshot.gzip(Format::Text, tail.as_bytes());
                assert_eq!(unzip(&gzip).as_bytes(), expected);
            }
        }
        assert_eq!(unzip(&Snapshot::default().gzip(Format::Text, b"only\n")), "only\n");
    }

    #[test]
    fn openmetrics_differs_in_metadata_only_and_everything_else_is_kept_once() {
        let mut all = samples(&[
            ("a", &[("1", 1.0)]),
            ("b_total", &[("1", 1.0)]),
            ("c", &[("1", 1.0)]),
            ("c_total", &[("1", 1.0)]),
            ("d", &[("1", 1.0)]),
        ]);
        for (family, _) in &mut all.families {
            let family = Arc::make_mut(family);
            match family.name.as_str() {
                "a" => {}
                "d" => family.help = "\"q\" \\ \n".to_owned(),
                _ => family.kind = MetricKind::Counter,
            }
        }
        let info = crate::model::metrics::gauge_family(
            "info",
            "i",
            vec![crate::model::metrics::gauge_sample(&["t"], &["1"], 1.0)],
        );
        let snapshot = Snapshot::new([&all], Some(&info), 0).unwrap();
        let openmetrics = "# HELP a h\n# TYPE a gauge\na{t=\"1\"} 1\n\
             # HELP b h\n# TYPE b counter\nb_total{t=\"1\"} 1\n\
             # HELP c h\n# TYPE c unknown\nc{t=\"1\"} 1\n\
             # HELP c_total h\n# TYPE c_total unknown\nc_total{t=\"1\"} 1\n\
             # HELP d \\\"q\\\" \\\\ \\n\n# TYPE d gauge\nd{t=\"1\"} 1\n\
             # HELP info i\n# TYPE info gauge\ninfo{t=\"1\"} 1\n";
        assert_eq!(plain(&snapshot, Format::OpenMetrics), openmetrics);
        assert_eq!(unzip(&snapshot.gzip(Format::OpenMetrics, b"")), openmetrics);
        let text = plain(&snapshot, Format::Text);
        assert!(text.contains("# HELP b_total h\n# TYPE b_total counter\nb_total{"), "{text}");
        assert_eq!(unzip(&snapshot.gzip(Format::Text, b"")), text);
        let differing = snapshot.segments.iter().filter(|one| one.openmetrics.is_some());
        assert_eq!(differing.count(), 4);
        // The rest lies within the text itself.
        let place = snapshot.text.as_ptr_range();
        let shared = |one: &Segment| place.contains(&one.text.plain.as_ptr());
        assert!(snapshot.segments.iter().all(shared));
    }
}
