//! The short code that stands for a call where people see it (H-057, HX-11).

use crate::id::CallId;

/// Letters in a join code: 26¹⁰ ≈ 2⁴⁷ codes.
pub const JOIN_CODE_LETTERS: usize = 10;

/// Ten lower-case letters for `call`, like `iozudnuxps`. Pure, so that whoever delivers the call a second
/// time arrives at the same code; `attempt` 0 comes first, and a code that another call already has is
/// followed by the next attempt's.
///
/// Spread evenly but not secret: who knows the call's id can compute it. It names a call, it opens none.
pub fn join_code(call: CallId, attempt: u32) -> String {
    let (high, low) = call.0.as_u64_pair();
    // Two rounds, so that every bit of either half reaches every letter; the constant is 2⁶⁴/φ, splitmix64's
    // step, which keeps the attempts of one call apart.
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    let mut rest = mix(mix(high).wrapping_add(low).wrapping_add(u64::from(attempt).wrapping_mul(step)));
    let mut code = String::with_capacity(JOIN_CODE_LETTERS);
    for _ in 0..JOIN_CODE_LETTERS {
        let letter = u8::try_from(rest % 26).unwrap_or(0);
        code.push(char::from(b'a' + letter));
        rest /= 26;
    }
    code
}

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection in which every input bit flips every
/// output bit with probability near one half.
const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::time::Timestamp;

    fn call(millis: i64, last: u8) -> CallId {
        CallId::new(Timestamp(millis * 1_000), [7, 7, 7, 7, 7, 7, 7, 7, 7, last])
    }

    #[test]
    fn a_code_is_ten_lower_case_letters_and_always_the_same() {
        let code = join_code(call(1_700_000_000_000, 1), 0);
        assert_eq!(code, join_code(call(1_700_000_000_000, 1), 0));
        assert_eq!(code.len(), JOIN_CODE_LETTERS);
        assert!(code.bytes().all(|letter| letter.is_ascii_lowercase()), "{code}");
    }

    #[test]
    fn neighbouring_calls_and_attempts_get_codes_that_share_nothing() {
        let mut codes = BTreeSet::new();
        let mut first_letters = [0_u32; 26];
        for millis in 0..500 {
            for last in 0..20 {
                for attempt in 0..2 {
                    let code = join_code(call(1_700_000_000_000 + millis, last), attempt);
                    first_letters[usize::from(code.as_bytes()[0] - b'a')] += 1;
                    codes.insert(code);
                }
            }
        }
        // 20,000 of 2⁴⁷: the birthday bound makes one collision a 1 in 700,000 event.
        assert_eq!(codes.len(), 20_000);
        // 769 expected for each; six standard deviations are about 163.
        assert!(first_letters.iter().all(|count| (606..=932).contains(count)), "{first_letters:?}");
    }
}
