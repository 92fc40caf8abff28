//! Bodies of every form, split into chunks of every size.

use super::*;

/// Every frame of `body`, split into chunks of `size` bytes.
fn frames(body: &[u8], size: usize) -> Result<Vec<(bool, String, u64)>, FramingError> {
    frames_of(Framing::RowsOrWrapper("rows"), body, size)
}

fn frames_of(
    framing: Framing,
    body: &[u8],
    size: usize,
) -> Result<Vec<(bool, String, u64)>, FramingError> {
    let mut framer = Framer::new(framing);
    let mut found = Vec::new();
    for chunk in body.chunks(size) {
        framer.feed(chunk, |frame| {
            found.push(match frame {
                Frame::Scalar(at) => (true, String::new(), at),
                Frame::Row(bytes, at) => (true, String::from_utf8_lossy(bytes).into(), at),
                Frame::Wrapper(bytes, at) | Frame::Foreign(bytes, at, _) => {
                    (false, String::from_utf8_lossy(bytes).into(), at)
                }
            });
            Ok::<_, FramingError>(())
        })?;
    }
    framer.finish()?;
    Ok(found)
}

#[test]
fn rows_do_not_depend_on_how_the_body_is_split() {
    let bodies: [&[u8]; 6] = [
        b"[{\"a\":1},{\"b\":\"}]\\\"\"} , {}]\n",
        b"{\"k\":\"rows\",\"rows\":[{\"a\":[1]},{\"b\":2}],\"end\":{\"rows\":[{}]}}",
        b"{\"flat\":[1,2]}\r\n{\"flat\":\"\\\\\"}\n",
        b"\xEF\xBB\xBF{\"a\":1}{\"b\":2}",
        b"[]",
        b" \n",
    ];
    for body in bodies {
        let whole = frames(body, body.len()).unwrap();
        for size in 1..body.len() {
            assert_eq!(frames(body, size).unwrap(), whole, "chunks of {size}");
        }
    }
}

#[test]
fn a_wrapper_follows_its_rows() {
    let found = frames(b"{\"n\":1,\"rows\":[{\"a\":1},{\"a\":2}],\"m\":2}", 7).unwrap();
    let texts: Vec<_> = found.iter().map(|(row, text, at)| (*row, text.as_str(), *at)).collect();
    assert_eq!(
        texts,
        [
            (true, "{\"a\":1}", 15),
            (true, "{\"a\":2}", 23),
            (false, "{\"n\":1,\"rows\":[],\"m\":2}", 0)
        ]
    );
}

#[test]
fn errors_have_the_offset_of_the_offending_byte() {
    assert_eq!(frames(b"  <html>", 3), Err(FramingError::Unexpected(2, b'<')));
    assert_eq!(frames(b"[{} {}]", 3), Err(FramingError::Unexpected(4, b'{')));
    assert_eq!(frames(b"[{}\"\"]", 3), Err(FramingError::Unexpected(3, b'"')));
    assert_eq!(frames(b"[\"]", 3), Err(FramingError::CutOff(3)));
    assert_eq!(frames(b"{\"rows\":[{}", 3), Err(FramingError::CutOff(11)));
    assert_eq!(frames(b"{\"a\":\"", 3), Err(FramingError::CutOff(6)));
}

#[test]
fn an_array_may_consist_of_wrappers() {
    let body = b"[{\"n\":1,\"rows\":[{\"a\":1}]},{\"rows\":[]},{\"b\":2}]";
    for framing in [Framing::RowsOrWrapper("rows"), Framing::Wrapper("rows")] {
        let found = frames_of(framing, body, 3).unwrap();
        let texts: Vec<_> = found.iter().map(|(row, text, _)| (*row, text.as_str())).collect();
        assert_eq!(
            texts,
            [
                (true, "{\"a\":1}"),
                (false, "{\"n\":1,\"rows\":[]}"),
                (false, "{\"rows\":[]}"),
                (true, "{\"b\":2}")
            ]
        );
    }
}

#[test]
fn an_array_may_have_elements_that_are_not_rows() {
    for size in 1..20 {
        let found = frames(b"[null,{\"a\":1}, -1.5e3]{\"rows\":[{},true]}", size).unwrap();
        let offsets: Vec<_> = found.iter().map(|(_, text, at)| (text.as_str(), *at)).collect();
        let wrapper = ("{\"rows\":[]}", 22);
        let expected = [("", 1), ("{\"a\":1}", 6), ("", 15), ("{}", 31), ("", 34), wrapper];
        assert_eq!(offsets, expected);
    }
}

#[test]
fn texts_and_arrays_in_the_place_of_a_row_are_skipped() {
    let body = br#"["]\\\"[",{"a":1},""]{"rows":[[{},["]"]],{"b":2},"x"]}"#;
    for size in 1..body.len() {
        let found = frames(body, size).unwrap();
        let texts: Vec<_> = found.iter().map(|(_, text, _)| text.as_str()).collect();
        assert_eq!(texts, ["", r#"{"a":1}"#, "", "", r#"{"b":2}"#, "", r#"{"rows":[]}"#]);
    }
}

#[test]
fn an_array_may_consist_of_arrays() {
    let found = frames(b"[[{\"a\":1},{}],[],[{\"rows\":[{}]}]]{}", 4).unwrap();
    assert_eq!(found.len(), 5);
    assert_eq!(frames(b"[[{}]", 4), Err(FramingError::CutOff(5)));
    assert_eq!(frames(b"[[{}]{}]", 4), Err(FramingError::Unexpected(5, b'{')));
}

#[test]
fn a_wrapper_may_have_no_array_under_its_key() {
    let body = b"{\"rows\":null,\"n\":\"rows\"}";
    let found = frames_of(Framing::Wrapper("rows"), body, 5).unwrap();
    assert_eq!(found, [(false, String::from_utf8_lossy(body).into(), 0)]);
}

#[test]
fn objects_that_do_not_fit_the_framing_are_told_apart() {
    let frame = |body: &[u8], framing| {
        let mut foreign = false;
        let result = Framer::new(framing).feed(body, |frame| {
            foreign |= matches!(frame, Frame::Foreign(..));
            Ok::<_, FramingError>(())
        });
        (result, foreign)
    };
    let wrapper = Framing::Wrapper("rows");
    assert_eq!(frame(b"{\"message\":\"Not Found\"}", wrapper), (Ok(()), true));
    assert_eq!(frame(b"{\"rows\":[{}]}", wrapper), (Ok(()), false));
    assert_eq!(frame(b" [{}]", Framing::Object), (Err(FramingError::Array(1)), false));
    assert_eq!(frame(b"[]", Framing::Object), (Err(FramingError::Array(0)), false));
    assert_eq!(frame(b"{\"rows\":[{}]}", Framing::Object), (Ok(()), false));
}

#[test]
fn an_array_after_a_key_without_a_colon_is_not_the_rows() {
    for size in 1..12 {
        let found = frames(b"{\"rows\"[{}]}", size).unwrap();
        assert_eq!(found, [(true, "{\"rows\"[{}]}".to_owned(), 0)]);
    }
}
