//! Random changes to recordings, the same ones in every run. The tests of the default mapping include this
//! file as well, so it uses the standard library only.

/// Marsaglia's xorshift generator.
pub struct Random(u64);

impl Random {
    /// The generator of a seed. Neighboring seeds have unrelated sequences.
    pub fn new(seed: u64) -> Self {
        // The finalizer of SplitMix64; its only zero is not a valid state.
        let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((state ^ (state >> 31)).max(1))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// One of the items.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What is inserted into a body, or replaces a value.
const TOKENS: [&[u8]; 30] = [
    b"null",
    b"-1",
    b"1e400",
    b"1e99",
    b"1e308",
    b"NaN",
    b"99999999999999999999",
    b"0.5",
    b"true",
    b"\"x\"",
    b"\"\"",
    b"\"12\"",
    b"\"2026-11-20\"",
    b"\"2026-02-30\"",
    b"\"9999-12-31T23:59:59Z\"",
    b"[]",
    b"{}",
    b"[[{}]]",
    b"{\"a\":{\"b\":[null]}}",
    b"\\ud800",
    b"\\u0000",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\"",
    b"\\",
    b",",
    b":",
    b"[",
    b"}",
    b"\n",
];

/// Changes a body in one place: inserts, removes, replaces or repeats something, or cuts the body off.
pub fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    if body.is_empty() {
        return;
    }
    let at = random.below(body.len());
    match random.below(16) {
        0..=2 => drop(body.splice(at..at, random.pick(&TOKENS).iter().copied())),
        3..=5 => drop(body.drain(at..body.len().min(at + 1 + random.below(20)))),
        6 | 7 => body[at] = random.below(256) as u8,
        8 | 9 => {
            let copy = body[at..body.len().min(at + 1 + random.below(200))].to_vec();
            drop(body.splice(at..at, copy));
        }
        10 => body.truncate(at),
        11 => {
            let filler = *random.pick(b"[{x9\\ \n");
            drop(body.splice(at..at, vec![filler; 1 + random.below(5000)]));
        }
        12 => repeat_object(body, at, random),
        _ => replace_value(body, at, random),
    }
}

/// Replaces the simple value after the next colon, or the start of a larger one.
fn replace_value(body: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(colon) = body[at..].iter().position(|byte| *byte == b':') else { return };
    let start = at + colon + 1;
    let length = body[start..].iter().position(|byte| b",}]".contains(byte)).unwrap_or(0);
    drop(body.splice(start..start + length, random.pick(&TOKENS).iter().copied()));
}

/// Repeats the next innermost object after itself, in a list or as a line, with one changed digit.
fn repeat_object(body: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(close) = body[at..].iter().position(|byte| *byte == b'}') else { return };
    let end = at + close + 1;
    let Some(start) = body[..end].iter().rposition(|byte| *byte == b'{') else { return };
    let mut copy = body[start..end].to_vec();
    let digits: Vec<_> = (0..copy.len()).filter(|at| copy[*at].is_ascii_digit()).collect();
    if !digits.is_empty() {
        copy[*random.pick(&digits)] = b'0' + random.below(10) as u8;
    }
    copy.insert(0, *random.pick(b",,,\n"));
    drop(body.splice(end..end, copy));
}
