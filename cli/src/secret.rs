//! Random words: passwords people type and tokens programs send.

/// Letters and digits without those that look alike (0 O, 1 l I).
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// `length` characters from the system's random source, 5.8 bits each. They need no quoting in a URL, a
/// TOML string, a SIP user part or a shell.
pub fn password(length: usize) -> Result<String, getrandom::Error> {
    let mut word = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while word.len() < length {
        getrandom::fill(&mut bytes)?;
        // Bytes from 228 = 4 × 57 upwards would favour the alphabet's beginning.
        let letters = bytes.iter().filter_map(|byte| {
            if *byte < 228 { ALPHABET.get(usize::from(*byte) % ALPHABET.len()) } else { None }
        });
        word.extend(letters.take(length - word.len()).map(|letter| char::from(*letter)));
    }
    Ok(word)
}

/// `N` bytes from the system's random source.
pub fn bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_the_length_asked_for_and_differ() {
        let words: Vec<String> = (0..50).map(|_| password(20).unwrap()).collect();
        assert!(words.iter().all(|word| word.len() == 20 && word.bytes().all(|b| ALPHABET.contains(&b))));
        assert!((1..50).all(|at| words[at] != words[at - 1]));
    }
}
