//! Numbers as the sounds that say them, in whichever language: one up to twenty, then the tens and what is left.

/// There are no words for greater ones.
pub(super) const SPOKEN_MAX: u16 = 99;

/// The sounds that say a number, by their names; none where there are no words for it.
pub(super) fn number(number: u16) -> Vec<String> {
    let digits = |number: u16| format!("digits/{number}");
    match (number / 10 * 10, number % 10) {
        _ if number > SPOKEN_MAX => Vec::new(),
        _ if number <= 20 => vec![digits(number)],
        (tens, 0) => vec![digits(tens)],
        (tens, one) => vec![digits(tens), digits(one)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_by_the_sounds_there_are() {
        for (said, expected) in [
            (0, &["digits/0"][..]),
            (20, &["digits/20"]),
            (21, &["digits/20", "digits/1"]),
            (30, &["digits/30"]),
            (99, &["digits/90", "digits/9"]),
            (100, &[]),
        ] {
            assert_eq!(number(said), expected, "{said}");
        }
    }
}
