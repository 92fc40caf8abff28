//! Random numbers that are the same in every run.

/// The generator SplitMix64: small, well known, and the same on every machine.
pub struct Rng(u64);

impl Rng {
    /// A generator with a different seed for each combination of arguments.
    pub fn new(tag: u64, a: u64, b: u64) -> Self {
        Self(Self((tag << 48) ^ (a << 24) ^ b).next())
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to but not including 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number within 30% of `value`.
    pub fn about(&mut self, value: f64) -> u64 {
        (value * (0.7 + 0.6 * self.unit())).round() as u64
    }

    /// About this share of `whole`, and at most `whole`.
    pub fn part(&mut self, whole: u64, share: f64) -> u64 {
        self.about(whole as f64 * share).min(whole)
    }

    /// An index in a list of this length. Earlier elements are more likely.
    pub fn place(&mut self, length: usize) -> usize {
        let unit = self.unit();
        (unit * unit * length as f64) as usize
    }
}
