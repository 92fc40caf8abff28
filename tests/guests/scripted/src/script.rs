//! The script: name, version and deed, in a text of fixed length that tests replace.

use std::hint::black_box;

use crate::deeds::Deed;

/// What the tests look for in the built component, up to its last byte.
static SCRIPT: &[u8; 128] = b"SCRIPT scripted 1 nothing                                                                                                      .";

pub struct Script {
    pub name: &'static str,
    pub version: &'static str,
    pub deed: Deed,
}

impl Script {
    pub fn read() -> Self {
        // What the compiler knows of the text is not what stands there in the end.
        let text = std::str::from_utf8(black_box(SCRIPT)).unwrap_or_default();
        let mut words = text.split_whitespace().skip(1);
        let (name, version) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let deed = words.next().unwrap_or("");
        Script { name, version, deed: Deed::of(deed) }
    }
}
