//! How a body is split into rows: the same rows at the same offsets, however it arrives, and the ones that
//! a JSON parser finds.

#![no_main]

use copilot_metrics_guest::fuzzing::{Frame, Framer, Framing, Malformed};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

const KEY: &str = "seats";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Row,
    Wrapper,
    Foreign,
    Scalar,
}

/// The frames up to the first error, and the error.
type Framed = (Vec<(Kind, Vec<u8>, u64)>, Result<(), Malformed>);

fn frames(framing: Framing, body: &[u8], chunk: usize) -> Framed {
    let mut framer = Framer::new(framing);
    let mut found = Vec::new();
    let mut feed = |chunk| {
        framer.feed(chunk, |frame| {
            let (kind, bytes, offset) = match frame {
                Frame::Row(bytes, offset) => (Kind::Row, bytes, offset),
                Frame::Wrapper(bytes, offset) => (Kind::Wrapper, bytes, offset),
                Frame::Foreign(bytes, offset, _) => (Kind::Foreign, bytes, offset),
                Frame::Scalar(offset) => (Kind::Scalar, &[][..], offset),
            };
            found.push((kind, bytes.to_vec(), offset));
            Ok::<_, Malformed>(())
        })
    };
    let fed = body.chunks(chunk).try_for_each(&mut feed);
    let result = fed.and_then(|()| framer.finish().map_err(Malformed::from));
    (found, result)
}

/// The objects of the frames of a kind, if the body was framed without an error.
fn objects((found, result): &Framed, kind: Kind) -> Vec<Object> {
    assert_eq!(*result, Ok(()));
    let frames = found.iter().filter(|(found, ..)| *found == kind);
    frames.map(|(_, bytes, _)| serde_json::from_slice(bytes).unwrap()).collect()
}

/// The elements of a list of objects.
fn objects_of(list: &Value) -> Option<Vec<Object>> {
    list.as_array()?.iter().map(|element| element.as_object().cloned()).collect()
}

/// Compares a body that is JSON with what a JSON parser reads.
fn compare(body: &[u8], whole: &[Framed; 4]) {
    let [rows, rows_or_wrapper, wrapper, object] = whole;
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return };
    if let Some(expected) = objects_of(&json) {
        assert_eq!(objects(rows, Kind::Row), expected);
    }
    let Some(fields) = json.as_object() else { return };
    assert_eq!(objects(object, Kind::Row), [fields.clone()]);
    // A parser takes the last of several fields with the same name, and reads names with escapes.
    let key = format!("{KEY:?}");
    let is_once = body.windows(key.len()).filter(|window| *window == key.as_bytes()).count() == 1;
    let list = fields.get(KEY).and_then(objects_of);
    if let (true, false, Some(expected)) = (is_once, body.contains(&b'\\'), list) {
        let mut emptied = fields.clone();
        emptied.insert(KEY.to_owned(), Value::Array(Vec::new()));
        for framed in [rows_or_wrapper, wrapper] {
            assert_eq!(objects(framed, Kind::Row), expected);
            assert_eq!(objects(framed, Kind::Wrapper), [emptied.clone()]);
        }
    }
}

fuzz_target!(|body: &[u8]| {
    let framings =
        [Framing::Rows, Framing::RowsOrWrapper(KEY), Framing::Wrapper(KEY), Framing::Object];
    let whole = framings.map(|framing| frames(framing, body, body.len().max(1)));
    for (framing, whole) in framings.into_iter().zip(&whole) {
        for chunk in [1, 7] {
            assert_eq!(frames(framing, body, chunk), *whole, "{framing:?}, chunks of {chunk}");
        }
        let (found, result) = whole;
        for (kind, bytes, offset) in found {
            let rest = &body[usize::try_from(*offset).unwrap()..];
            match kind {
                Kind::Row => assert!(rest.starts_with(bytes) && bytes.starts_with(b"{")),
                Kind::Wrapper | Kind::Foreign => assert!(rest.starts_with(b"{")),
                Kind::Scalar => assert!(!rest.starts_with(b"{")),
            }
        }
        if let Err(Malformed { offset, reason }) = result {
            assert!(*offset <= body.len() as u64 && !reason.chars().any(char::is_control));
        }
    }
    compare(body, &whole);
});
