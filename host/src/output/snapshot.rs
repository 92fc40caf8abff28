//! The exposition of all targets, ready to be sent, plain and compressed.

use std::collections::HashMap;

use bytes::Bytes;
use prometheus::proto::MetricFamily;

use super::encode::{FamilyPart, write_family, write_proto};
use super::gzip::{HEADER, Piece, Trailer};
use crate::model::Samples;

/// The samples of every target as text. It never changes: another one replaces it.
#[derive(Debug, Default)]
pub struct Snapshot {
    text: Bytes,
    compressed: Piece,
}

/// Writes the samples of targets one after the other, each family in one block as the format requires,
/// in the order in which they first appear. `size` is the expected length.
pub fn write_exposition<'a>(
    targets: impl IntoIterator<Item = &'a Samples>,
    size: usize,
) -> prometheus::Result<String> {
    let mut families: Vec<Vec<FamilyPart<'a>>> = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for of_target in targets {
        for (family, samples) in &of_target.families {
            let at = *positions.entry(family.name.as_str()).or_insert_with(|| {
                families.push(Vec::new());
                families.len() - 1
            });
            if let Some(parts) = families.get_mut(at) {
                parts.push(FamilyPart { family, samples, strings: &of_target.strings });
            }
        }
    }
    // With some room for more: a string that is too small doubles.
    let mut text = String::with_capacity(size + size / 8);
    for parts in families {
        write_family(&parts, &mut text)?;
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
        let mut text = write_exposition(targets, size)?;
        if let Some(last) = last {
            write_proto(last, true, &mut text)?;
        }
        // A snapshot may be kept for hours.
        text.shrink_to_fit();
        let compressed = Piece::new(text.as_bytes());
        Ok(Self { text: text.into(), compressed })
    }

    /// The text.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The text followed by `tail`, as one gzip file in three pieces: only the tail is compressed
    /// here.
    pub fn gzip_with(&self, tail: &[u8]) -> [Bytes; 3] {
        let mut trailer = Trailer::default();
        trailer.add(&self.compressed);
        let end = trailer.finish(tail).into();
        [Bytes::from_static(&HEADER), self.compressed.compressed().clone(), end]
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
                assert_eq!(unzip(&snapshot.gzip_with(tail.as_bytes())).as_bytes(), expected);
            }
        }
        assert_eq!(unzip(&Snapshot::default().gzip_with(b"only\n")), "only\n");
    }
}
