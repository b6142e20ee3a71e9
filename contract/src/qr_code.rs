//! The code behind an organisation's QR code (H-045): letters that lead there and say nothing.

/// Letters of a code, five bits each: nobody finds one by trying.
pub const CODE_LETTERS: usize = 20;

/// Letters and digits without those that look alike (l 1, o 0): people type a code from a wall, too.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A code of random octets.
pub fn code(random: [u8; CODE_LETTERS]) -> String {
    let letters = random.into_iter().filter_map(|octet| ALPHABET.get(usize::from(octet % 32)));
    letters.map(|letter| char::from(*letter)).collect()
}

/// Whether it could be one: what could not is not looked for.
pub fn is_code(text: &str) -> bool {
    text.len() == CODE_LETTERS && text.bytes().all(|letter| ALPHABET.contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_of_its_letters_and_another_one_of_other_octets() {
        let codes: Vec<String> = (0..=u8::MAX).map(|octet| code([octet; CODE_LETTERS])).collect();
        assert!(codes.iter().all(|code| is_code(code)));
        assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 32);
        for wrong in [
            "",
            "k7dqx2mfw9bn3hpt4zc",
            "k7dqx2mfw9bn3hpt4zcrr",
            "K7DQX2MFW9BN3HPT4ZCR",
            "l7dqx2mfw9bn3hpt4zcr",
        ] {
            assert!(!is_code(wrong), "{wrong}");
        }
    }
}
