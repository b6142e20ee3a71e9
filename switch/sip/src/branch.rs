//! The tokens this endpoint makes: branches, tags, Call-IDs, and the keyed hash behind stateless To-tags.
//!
//! Branches and tags carry the shard in their first byte, so a response or an in-dialog request finds its
//! engine from the token alone, without a shared map. They carry 64 random bits after it: both a key of our
//! tables and a proof that a peer has seen our message (RFC 3261 8.1.1.7, 19.3).

use hmac::{Hmac, KeyInit, Mac};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::Sha256;

/// Marks a branch as unique over time and space (RFC 3261 8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// Whether a branch was made by the rules of RFC 3261, so that it alone identifies a transaction (17.2.3). The bare
/// cookie identifies nothing (RFC 4475 3.2.1).
pub fn has_cookie(branch: &str) -> bool {
    branch.len() > MAGIC_COOKIE.len()
        && branch.get(..MAGIC_COOKIE.len()).is_some_and(|head| head.eq_ignore_ascii_case(MAGIC_COOKIE))
}

/// The shard named by one of our branches or tags.
pub fn shard_of(token: &str) -> Option<u8> {
    let digits = if has_cookie(token) { token.get(MAGIC_COOKIE.len()..)? } else { token };
    if digits.len() != 18 {
        return None;
    }
    u8::from_str_radix(digits.get(..2)?, 16).ok()
}

/// Makes and reads the tokens of one shard. The generator is seeded by the owner: a seed replays a run.
pub struct Tokens {
    shard: u8,
    random: ChaCha12Rng,
    /// Has taken in the key of the stateless tags: each tag goes on from a copy.
    tag_mac: Option<Hmac<Sha256>>,
}

impl Tokens {
    /// Seeds the generator and draws the key of the stateless tags from it.
    pub fn new(shard: u8, seed: [u8; 32]) -> Self {
        let mut random = ChaCha12Rng::from_seed(seed);
        let mut tag_key = [0; 32];
        random.fill_bytes(&mut tag_key);
        Self { shard, random, tag_mac: keyed(&tag_key) }
    }

    /// Takes the key of the stateless tags from a former life.
    pub fn set_tag_key(&mut self, key: [u8; 32]) {
        self.tag_mac = keyed(&key);
    }

    /// A key for hashes that peers must not be able to guess, the same for every life with the same stateless tags.
    pub fn table_key(&self) -> (u64, u64) {
        // No tag is made of one part.
        (self.stateless_number(&["one half of the key"]), self.stateless_number(&["the other half"]))
    }

    /// A fresh number: the variable part of a branch or a tag, and a key of our tables. Never 0.
    pub fn number(&mut self) -> u64 {
        self.random.next_u64().max(1)
    }

    /// A number below `bound`, for back-offs. 0 when `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.random.next_u32().checked_rem(bound).unwrap_or(0)
    }

    /// The branch of a transaction.
    pub fn branch(&self, number: u64) -> String {
        format!("{MAGIC_COOKIE}{:02x}{number:016x}", self.shard)
    }

    /// The local tag of a session.
    pub fn tag(&self, number: u64) -> String {
        format!("{:02x}{number:016x}", self.shard)
    }

    /// A Call-ID: 128 random bits, no host name (it would tell a caller about our network).
    pub fn call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64())
    }

    /// Reads the number back out of a branch of ours.
    pub fn number_of_branch(&self, branch: &str) -> Option<u64> {
        if !has_cookie(branch) {
            return None;
        }
        self.number_of_tag(branch.get(MAGIC_COOKIE.len()..)?)
    }

    /// Reads the number back out of a tag of ours. Another shard's, or a foreign one: `None`.
    pub fn number_of_tag(&self, tag: &str) -> Option<u64> {
        let canonical = tag.len() == 18 && tag.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical || u8::from_str_radix(tag.get(..2)?, 16).ok()? != self.shard {
            return None;
        }
        u64::from_str_radix(tag.get(2..)?, 16).ok()
    }

    /// The number of the To-tag of a stateless answer: the same for every retransmission of the request and for its
    /// ACK (RFC 3261 8.2.7), unknown to anybody who has not seen the answer.
    pub fn stateless_number(&self, parts: &[&str]) -> u64 {
        let Some(mut mac) = self.tag_mac.clone() else { return 0 };
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        let digest = mac.finalize().into_bytes();
        digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
    }
}

fn keyed(key: &[u8; 32]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_by_its_own_shard_only() {
        let mut ours = Tokens::new(3, [7; 32]);
        let theirs = Tokens::new(4, [7; 32]);
        let number = ours.number();
        let (branch, tag) = (ours.branch(number), ours.tag(number));
        assert_eq!(ours.number_of_branch(&branch), Some(number));
        assert_eq!(ours.number_of_tag(&tag), Some(number));
        assert_eq!(theirs.number_of_branch(&branch), None);
        assert_eq!(shard_of(&branch), Some(3));
        assert_eq!(shard_of(&tag), Some(3));
        assert_eq!(shard_of("z9hG4bKnashds8"), None);
    }

    #[test]
    fn foreign_tokens_are_not_ours() {
        let ours = Tokens::new(0, [1; 32]);
        for token in ["", "z9hG4bK", "00000000000000000", "0+0000000000000001", "00000000000000000é", "AB"] {
            assert_eq!(ours.number_of_tag(token), None, "{token}");
            assert_eq!(ours.number_of_branch(token), None, "{token}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let (mut one, mut two) = (Tokens::new(0, [9; 32]), Tokens::new(0, [9; 32]));
        assert_eq!(one.call_id(), two.call_id());
        assert_eq!(one.number(), two.number());
        assert_eq!(one.stateless_number(&["a", "b"]), two.stateless_number(&["a", "b"]));
    }

    #[test]
    fn stateless_tags_keep_their_parts_apart() {
        let tokens = Tokens::new(0, [9; 32]);
        assert_ne!(tokens.stateless_number(&["ab", "c"]), tokens.stateless_number(&["a", "bc"]));
    }
}
