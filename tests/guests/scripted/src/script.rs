//! The script: name, version and behavior, in a text of fixed length that tests replace.

use std::hint::black_box;

use crate::behaviors::Behavior;

/// The text that the tests search for in the built component, and overwrite.
static SCRIPT: &[u8; 128] = b"SCRIPT scripted 1 nothing                                                                                                      .";

pub struct Script {
    pub name: &'static str,
    pub version: &'static str,
    pub behavior: Behavior,
}

impl Script {
    pub fn read() -> Self {
        // Without `black_box`, the compiler would assume that the text never changes.
        let text = std::str::from_utf8(black_box(SCRIPT)).unwrap_or_default();
        let mut words = text.split_whitespace().skip(1);
        let (name, version) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let behavior = Behavior::of(words.next().unwrap_or(""));
        Script { name, version, behavior }
    }
}
