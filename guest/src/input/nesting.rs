//! Counts brackets to find the end of a JSON value without parsing it.

use memchr::memchr2;

/// The open brackets at a position in JSON text, ignoring those in strings.
#[derive(Clone, Copy, Default)]
pub struct Nesting {
    /// How many brackets are open.
    pub depth: usize,
    /// Whether the position is in a string.
    pub in_string: bool,
    /// Whether the previous byte was an escaping backslash.
    pub escaped: bool,
}

impl Nesting {
    /// Reads `bytes` up to and including the byte that closes the outermost bracket. Returns how
    /// many bytes that are, or `None` if the bracket is not closed in `bytes`.
    pub fn close(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.escaped {
                self.escaped = false;
                at += 1;
            } else if self.in_string {
                let rest = bytes.get(at..).unwrap_or_default();
                let skip = memchr2(b'"', b'\\', rest)?;
                at += skip;
                if rest.get(skip) == Some(&b'"') {
                    self.in_string = false;
                } else {
                    self.escaped = true;
                }
                at += 1;
            } else {
                at += 1;
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        if self.depth == 0 {
                            return Some(at);
                        }
                    }
                    _ => {}
                }
            }
        }
        None
    }
}
