//! Pseudonyms: the same name or id always becomes the same other one, and only who has the key can tell
//! which. <https://datatracker.ietf.org/doc/html/rfc2104>

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};

/// The shortest pseudonym: 11 random characters make collisions unlikely even among millions.
const MIN_CHARS: usize = 12;
/// The longest one.
const MAX_CHARS: usize = 128;
/// Without vowels, so that no word appears by chance.
const ALPHABET: &[u8] = b"0123456789bcdfghjklmnpqrstvwxz";
/// Ids below this become other ids below it, so that they stay exact in a 64-bit float.
const SMALL_ID_BITS: u32 = 48;
/// The rounds of the Feistel network: <https://csrc.nist.gov/pubs/sp/800/38/g/final> has 8 to 10.
const ROUNDS: u8 = 10;

/// The key of a recording.
pub(super) struct Key(hmac::Key);

impl Key {
    /// A random key, which is forgotten at the end.
    pub(super) fn random() -> Result<Self, Unspecified> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)?;
        Ok(Self::from_seed(&bytes))
    }

    /// The key of a seed: two recordings with the same seed have the same pseudonyms.
    pub(super) fn from_seed(seed: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, seed))
    }

    fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().try_into().unwrap_or_default()
    }

    /// The pseudonym of a name, which does not depend on upper and lower case, as GitHub's names don't. It is
    /// as long as the name, within limits.
    pub(super) fn name(&self, name: &str) -> String {
        let name = name.to_lowercase();
        let length = name.chars().count().clamp(MIN_CHARS, MAX_CHARS);
        let mut pseudonym = String::with_capacity(length);
        // GitHub's names start with a letter or a digit, and a digit may mean something else.
        pseudonym.push('x');
        for block in 0_u8.. {
            let random = self.sign(&[b"name", &[block], name.as_bytes()]);
            for byte in random {
                if pseudonym.len() == length {
                    return pseudonym;
                }
                let letter = ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied();
                pseudonym.push(char::from(letter.unwrap_or(b'x')));
            }
        }
        pseudonym
    }

    /// A number for a text that is not a usual id.
    pub(super) fn number(&self, text: &str) -> u64 {
        let [a, b, c, d, e, f, ..] = self.sign(&[b"number", text.as_bytes()]);
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The pseudonym of an id: a permutation, so that different ids stay different.
    pub(super) fn id(&self, id: u64) -> u64 {
        let limit = 1 << SMALL_ID_BITS;
        if id < limit {
            return self.permute(id, SMALL_ID_BITS / 2);
        }
        // Cycle walking: as a permutation, it comes back to a large id in the end.
        let mut id = self.permute(id, 32);
        while id < limit {
            id = self.permute(id, 32);
        }
        id
    }

    /// A Feistel network over two halves of this many bits.
    fn permute(&self, id: u64, bits: u32) -> u64 {
        let mask = (1_u64 << bits) - 1;
        let (mut left, mut right) = (id >> bits, id & mask);
        for round in 0..ROUNDS {
            let [a, b, c, d, ..] = self.sign(&[b"id", &[round, bits as u8], &right.to_be_bytes()]);
            let random = u64::from(u32::from_be_bytes([a, b, c, d])) & mask;
            (left, right) = (right, left ^ random);
        }
        (left << bits) | right
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_always_gives_the_same_pseudonyms_and_another_key_others() {
        let (one, same, other) =
            (Key::from_seed(b"one"), Key::from_seed(b"one"), Key::from_seed(b"other"));
        assert_eq!(one.name("Octo-Org"), same.name("octo-org"));
        assert_eq!(one.id(42), same.id(42));
        assert_ne!(one.name("octo-org"), other.name("octo-org"));
        assert_ne!(one.id(42), other.id(42));
        assert_ne!(Key::random().unwrap().id(42), Key::random().unwrap().id(42));
    }

    #[test]
    fn different_ids_stay_different_and_within_what_a_float_can_hold() {
        let key = Key::from_seed(b"seed");
        let ids: Vec<u64> = (0..20_000).chain([583_231, (1 << 48) - 1]).collect();
        let found: HashSet<u64> = ids.iter().map(|id| key.id(*id)).collect();
        assert_eq!(found.len(), ids.len());
        assert!(found.iter().all(|id| *id < 1 << 48));
        let large: HashSet<u64> = (0..1000).map(|more| key.id(u64::MAX - more)).collect();
        assert_eq!(large.len(), 1000);
        assert!(large.iter().all(|id| *id >= 1 << 48));
    }

    #[test]
    fn a_pseudonym_is_as_long_as_the_name_and_valid_as_a_login() {
        let key = Key::from_seed(b"seed");
        assert_eq!(key.name("ada").len(), MIN_CHARS);
        let long = "a-team-with-quite-a-long-name-which-takes-more-than-one-block";
        assert_eq!(key.name(long).len(), long.len());
        assert_eq!(key.name(&"é".repeat(500)).len(), MAX_CHARS);
        assert!(key.name(long).chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
    }
}
