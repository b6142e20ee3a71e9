//! What a key, a refresh token or a letter looks like: a prefix that leaked ones can be searched for, 32 hexadecimal digits naming
//! the thing, and digits that are its secret. The name makes the look-up, the secret decides.

use uuid::Uuid;

/// The name and the `N` secret bytes of `token`; `None` when it does not look like one.
pub(super) fn parse<const N: usize>(prefix: &str, token: &str) -> Option<(Uuid, [u8; N])> {
    let digits = token.strip_prefix(prefix)?;
    let (id, secret) = digits.split_at_checked(32)?;
    let id = u128::from_be_bytes(from_hex(id)?);
    Some((Uuid::from_u128(id), from_hex(secret)?))
}

/// The token of that name and secret.
pub(super) fn format(prefix: &str, id: Uuid, secret: &[u8]) -> String {
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}{}{digits}", id.simple())
}

/// Lower-case hexadecimal of exactly `N` bytes.
pub(super) fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    let digits = digits.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    for (pair, byte) in digits.chunks_exact(2).zip(&mut bytes) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
