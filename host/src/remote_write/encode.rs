//! Turns samples into requests.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;

use super::error::EncodeError;
use super::message::{v1, v2};
use super::series::{Label, SentSeries, series};
use crate::config::{ProtobufMessage, RemoteWriteSettings};
use crate::model::Samples;

/// A write request, encoded and compressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The message in protobuf, compressed with Snappy (block format).
    pub body: Bytes,
    /// The number of samples in it.
    pub samples: usize,
    /// What the message is.
    pub message: ProtobufMessage,
    /// Whether it marks days as complete: to be sent when the requests before it have been accepted.
    pub is_mark: bool,
}

/// Turns the daily samples of a target into requests of at most `max_samples_per_send` samples, in the order
/// of the families.
///
/// The family that marks days as complete comes last, in requests of its own: some servers store the good
/// samples of a request that they refuse, and it must not be among them. So the samples of several days may
/// be encoded together, but then all of these days are marked as complete at the end.
pub fn encode(
    samples: &[Samples],
    settings: &RemoteWriteSettings,
) -> Result<Vec<Request>, EncodeError> {
    let series = series(samples, settings)?;
    let mut requests = Vec::new();
    for series in series.chunk_by(|one, other| one.is_last == other.is_last) {
        let is_mark = series.iter().any(|series| series.is_last);
        for batch in batches(series, settings.queue.max_samples_per_send.max(1)) {
            requests.push(Request { is_mark, ..request(&batch, settings.message) });
        }
    }
    Ok(requests)
}

/// A series, and those of its samples that are in a request.
type Slice<'a> = (&'a SentSeries<'a>, &'a [v1::Sample]);

/// Divides series into batches of at most `limit` samples.
fn batches<'a>(series: &'a [SentSeries<'a>], limit: usize) -> Vec<Vec<Slice<'a>>> {
    let mut batches: Vec<Vec<Slice<'a>>> = Vec::new();
    let mut room = 0;
    for series in series {
        let mut rest = series.samples.as_slice();
        while !rest.is_empty() {
            if room == 0 {
                batches.push(Vec::new());
                room = limit;
            }
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            if let Some(batch) = batches.last_mut() {
                batch.push((series, now));
            }
            room -= now.len();
            rest = later;
        }
    }
    batches
}

fn request(batch: &[Slice<'_>], message: ProtobufMessage) -> Request {
    let encoded = match message {
        ProtobufMessage::V1 => encode_v1(batch),
        ProtobufMessage::V2 => encode_v2(batch),
    };
    Request {
        body: compress(&encoded).into(),
        samples: batch.iter().map(|(_, samples)| samples.len()).sum(),
        message,
        is_mark: false,
    }
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    // It fails only above 4 GiB, which a batch of samples never has.
    snap::raw::Encoder::new().compress_vec(bytes).unwrap_or_default()
}

/// About how many bytes a series takes with one sample.
const BYTES_OF_SERIES: usize = 192;

/// Encodes a [`v1::WriteRequest`] without a copy of each label in between: it is most of the work of a
/// backfill.
fn encode_v1(batch: &[Slice<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(batch.len() * BYTES_OF_SERIES);
    for (series, samples) in batch {
        let labels = series.labels.iter().map(|label| field_length(label_length(label)));
        let values = samples.iter().map(|sample| field_length(sample.encoded_len()));
        put_length(labels.chain(values).sum(), v1::TIMESERIES, &mut out);
        for label in &series.labels {
            put_length(label_length(label), v1::LABELS, &mut out);
            put_text(&label.name, v1::LABEL_NAME, &mut out);
            put_text(&label.value, v1::LABEL_VALUE, &mut out);
        }
        for sample in *samples {
            put_length(sample.encoded_len(), v1::SAMPLES, &mut out);
            // Like the length: it fails only for a buffer without room.
            sample.encode(&mut out).ok();
        }
    }
    out
}

/// The length of the message of a label.
fn label_length(Label { name, value }: &Label<'_>) -> usize {
    field_length(name.len()) + field_length(value.len())
}

/// The length of a field with content of a length.
fn field_length(length: usize) -> usize {
    1 + prost::length_delimiter_len(length) + length
}

/// Writes the key of a field, and the length of its content.
fn put_length(length: usize, field: u8, out: &mut Vec<u8>) {
    /// What a field is that begins with its length.
    const LENGTH_DELIMITED: u8 = 2;
    out.push(field << 3 | LENGTH_DELIMITED);
    // It fails only for a buffer without room, and a vector grows.
    prost::encode_length_delimiter(length, out).ok();
}

fn put_text(text: &str, field: u8, out: &mut Vec<u8>) {
    put_length(text.len(), field, out);
    out.extend_from_slice(text.as_bytes());
}

fn encode_v2(batch: &[Slice<'_>]) -> Vec<u8> {
    let mut symbols = Symbols::default();
    symbols.index("");
    let timeseries = batch.iter().map(|(series, samples)| {
        let labels = series.labels.iter().flat_map(|label| [&*label.name, &*label.value]);
        let labels_refs = labels.map(|text| symbols.index(text)).collect();
        let help_ref = symbols.index(series.help);
        let metadata = Some(v2::Metadata { r#type: v2::GAUGE, help_ref, unit_ref: 0 });
        v2::TimeSeries { labels_refs, samples: samples.to_vec(), metadata }
    });
    let timeseries = timeseries.collect();
    v2::Request { symbols: symbols.texts, timeseries }.encode_to_vec()
}

/// The strings of a request.
#[derive(Default)]
struct Symbols<'a> {
    texts: Vec<String>,
    indexes: HashMap<&'a str, u32>,
}

impl<'a> Symbols<'a> {
    /// The index of a string, which is added if it is new.
    fn index(&mut self, text: &'a str) -> u32 {
        if let Some(index) = self.indexes.get(text) {
            return *index;
        }
        // A request has fewer strings than samples and labels, so the number always fits.
        let index = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        self.indexes.insert(text, index);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::series::name_of;
    use crate::remote_write::test_samples::{endpoint, samples};

    const LAST: &str = "daily_github_copilot_report_day_timestamp_seconds";

    fn decompressed(request: &Request) -> Vec<u8> {
        snap::raw::Decoder::new().decompress_vec(&request.body).unwrap()
    }

    fn v1_of(request: &Request) -> v1::WriteRequest {
        v1::WriteRequest::decode(decompressed(request).as_slice()).unwrap()
    }

    /// The series of a request as text, with their numbers of samples.
    fn texts(request: &Request) -> Vec<String> {
        let texts = v1_of(request).timeseries.into_iter().map(|series| {
            let labels = series.labels.iter().map(|of| Label::new(&of.name, &of.value));
            let name = name_of(&labels.collect::<Vec<_>>());
            format!("{name} {}", series.samples.len())
        });
        texts.collect()
    }

    #[test]
    fn version_1_is_encoded_as_in_its_specification() {
        let given = samples(&[("b", &["z", "a"], &[(&["x", "y"], 1.0, 5)])]);
        let requests = encode(&[given], &endpoint("")).unwrap();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].samples, 1);
        let expected: &[&[u8]] = &[
            b"\x0a\x29",
            b"\x0a\x0d\x0a\x08__name__\x12\x01b",
            b"\x0a\x06\x0a\x01a\x12\x01y",
            b"\x0a\x06\x0a\x01z\x12\x01x",
            // 1.0 and 5
            b"\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x05",
        ];
        let expected = expected.concat();
        let mut expected = expected;
        expected[1] = u8::try_from(expected.len() - 2).unwrap();
        assert_eq!(decompressed(&requests[0]), expected);
    }

    #[test]
    fn version_2_is_encoded_as_in_its_specification() {
        let given = samples(&[("b", &["a"], &[(&["b"], 1.0, 5)])]);
        let requests =
            encode(&[given], &endpoint("protobuf_message: io.prometheus.write.v2.Request"))
                .unwrap();
        let expected: &[&[u8]] = &[
            b"\x22\0",
            b"\x22\x08__name__",
            b"\x22\x01b",
            b"\x22\x01a",
            b"\x22\x06help b",
            // The labels __name__="b" and a="b".
            b"\x2a\x19\x0a\x04\x01\x02\x03\x02",
            b"\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x05",
            // A gauge with its help.
            b"\x2a\x04\x08\x02\x18\x04",
        ];
        assert_eq!(decompressed(&requests[0]), expected.concat());
    }

    #[test]
    fn requests_have_at_most_the_given_number_of_samples_and_what_completes_a_day_comes_last() {
        let one = samples(&[
            (LAST, &[], &[(&[], 1.0, 10), (&[], 2.0, 20)]),
            ("daily_a", &["l"], &[(&["x"], 1.0, 10), (&["x"], 2.0, 20), (&["y"], 3.0, 10)]),
        ]);
        let two = samples(&[("daily_b", &[], &[(&[], 1.0, 10), (&[], 2.0, 20)])]);
        let requests =
            encode(&[one, two], &endpoint("queue_config: {max_samples_per_send: 2}")).unwrap();
        let texts: Vec<_> = requests.iter().map(texts).collect();
        let last = format!("{LAST}{{}} 2");
        let expected: [&[&str]; 4] = [
            &["daily_a{l=\"x\"} 2"],
            &["daily_a{l=\"y\"} 1", "daily_b{} 1"],
            &["daily_b{} 1"],
            &[&last],
        ];
        assert_eq!(texts, expected);
        let counts: Vec<_> = requests.iter().map(|of| (of.samples, of.is_mark)).collect();
        assert_eq!(counts, [(2, false), (2, false), (1, false), (2, true)]);
        assert!(encode(&[], &endpoint("")).unwrap().is_empty());
    }

    #[test]
    fn external_labels_fill_gaps_and_are_relabeled_and_empty_labels_are_left_out() {
        let given = samples(&[("a", &["org", "plan"], &[(&["o", ""], 1.0, 5)])]);
        let settings = endpoint(
            "external_labels: {org: other, plan: p, cluster: c, none: ''}
  write_relabel_configs: [{source_labels: [cluster], target_label: zone}, {regex: cluster, action: labeldrop}]",
        );
        let requests = encode(&[given], &settings).unwrap();
        assert_eq!(texts(&requests[0]), ["a{org=\"o\",plan=\"p\",zone=\"c\"} 1"]);
    }

    #[test]
    fn series_that_the_rules_drop_are_not_sent() {
        let given = samples(&[
            ("a", &["l"], &[(&["x"], 1.0, 5), (&["y"], 1.0, 5)]),
            ("b", &["l"], &[(&["x"], 1.0, 5)]),
        ]);
        let settings =
            endpoint("write_relabel_configs: [{source_labels: [l], regex: x, action: drop}]");
        let requests = encode(&[given], &settings).unwrap();
        assert_eq!(texts(&requests[0]), ["a{l=\"y\"} 1"]);
    }

    #[test]
    fn special_values_and_texts_survive() {
        let given = samples(&[(
            "a",
            &["l"],
            &[(&["ü\"\\\n"], f64::NAN, 5), (&["b"], f64::INFINITY, 5), (&["c"], -1e-300, -5)],
        )]);
        for message in ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] {
            let settings = endpoint(&format!("protobuf_message: {message}"));
            let requests = encode(std::slice::from_ref(&given), &settings).unwrap();
            let bytes = decompressed(&requests[0]);
            let (values, texts): (Vec<v1::Sample>, Vec<String>) = match requests[0].message {
                ProtobufMessage::V1 => {
                    let series = v1::WriteRequest::decode(&*bytes).unwrap().timeseries;
                    series.into_iter().map(|s| (s.samples[0], s.labels[1].value.clone())).unzip()
                }
                ProtobufMessage::V2 => {
                    let request = v2::Request::decode(&*bytes).unwrap();
                    let text = |at: u32| request.symbols[at as usize].clone();
                    let series = request.timeseries.iter();
                    series.map(|s| (s.samples[0], text(s.labels_refs[3]))).unzip()
                }
            };
            let by_text: HashMap<String, v1::Sample> = texts.into_iter().zip(values).collect();
            assert!(by_text["ü\"\\\n"].value.is_nan());
            assert_eq!(by_text["b"].value, f64::INFINITY);
            assert_eq!(by_text["c"].value, -1e-300);
            assert_eq!(by_text["c"].timestamp, -5);
        }
    }

    #[test]
    fn series_that_become_the_same_are_an_error_that_names_them() {
        let error =
            |yaml: &str, given: &[Samples]| encode(given, &endpoint(yaml)).unwrap_err().to_string();
        let two = samples(&[("a", &["org", "l"], &[(&["o", "x"], 1.0, 5), (&["o", "y"], 1.0, 5)])]);
        let dropped = error(
            "write_relabel_configs: [{regex: l, action: labeldrop}]",
            std::slice::from_ref(&two),
        );
        assert!(dropped.starts_with("a{org=\"o\"} occurs twice: "), "{dropped}");
        let filled = samples(&[("a", &["l"], &[(&["x"], 1.0, 5), (&[""], 1.0, 5)])]);
        assert!(error("external_labels: {l: x}", &[filled]).starts_with("a{l=\"x\"} occurs twice"));
        assert!(error("", &[two.clone(), two.clone()]).starts_with("a{l=\"x\",org=\"o\"} occurs"));
        let same_time = samples(&[("a", &[], &[(&[], 1.0, 5), (&[], 2.0, 5)])]);
        assert!(error("", &[same_time]).starts_with("a{} occurs twice"));
        let nameless =
            error("write_relabel_configs: [{regex: __name__, action: labeldrop}]", &[two]);
        assert!(
            nameless.contains("removes the name (__name__) of a{l=\"x\",org=\"o\"}"),
            "{nameless}"
        );
        let mut untimed = samples(&[("a", &[], &[(&[], 1.0, 5)])]);
        untimed.families[0].1.timestamps = None;
        assert_eq!(error("", &[untimed]), "the samples of a have no timestamps");
    }
}
