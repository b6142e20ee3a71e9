//! The SCRAM-SHA-256 verifier of a password in the form Postgres stores (RFC 5803, RFC 7677).
//!
//! Deliberately without SASLprep (RFC 4013): the passwords are ours and plain ASCII, which it leaves alone.

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// As many as Postgres itself takes.
pub(crate) const SALT_BYTES: usize = 16;

/// RFC 7677 §4: at least 4096.
const ITERATIONS: u32 = 4096;

/// `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`
pub(crate) fn verifier(password: &str, salt: &[u8; SALT_BYTES]) -> String {
    let salted = salted_password(password.as_bytes(), salt);
    let client_key = hmac(&salted, &[b"Client Key"]);
    let stored_key: [u8; 32] = Sha256::digest(client_key).into();
    let server_key = hmac(&salted, &[b"Server Key"]);
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        Base64::encode_string(salt),
        Base64::encode_string(&stored_key),
        Base64::encode_string(&server_key)
    )
}

/// `Hi(password, salt, i)` of RFC 5802 §2.2: PBKDF2 with one block.
fn salted_password(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut round = hmac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut folded = round;
    for _ in 1..ITERATIONS {
        round = hmac(password, &[&round]);
        for (sum, byte) in folded.iter_mut().zip(round) {
            *sum ^= byte;
        }
    }
    folded
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // RFC 2104 §2, spelled out because only the fixed-length constructor cannot fail.
    let mut block = [0_u8; 64];
    let hashed: [u8; 32] = Sha256::digest(key).into();
    let fitting = if key.len() > block.len() { &hashed[..] } else { key };
    for (place, byte) in block.iter_mut().zip(fitting) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3: user `user`, password `pencil`; the server's final message proves the server key.
    #[test]
    fn the_example_of_rfc_7677_comes_out() {
        let mut salt = [0_u8; SALT_BYTES];
        assert_eq!(Base64::decode("W22ZaJ0SNY7soEsUEjb6gQ==", &mut salt).map(<[u8]>::len), Ok(16));
        let auth_message = b"n=user,r=rOprNGfwEbeRWgbNEkqO,\
            r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
            c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let server_key = hmac(&salted_password(b"pencil", &salt), &[b"Server Key"]);
        let signature = Base64::encode_string(&hmac(&server_key, &[auth_message]));
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert!(verifier("pencil", &salt).starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    }
}
