//! What is kept in the place of a phone's password.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// What a phone proves its password by: H(A1) of RFC 7616 §3.4.2, once for each algorithm of RFC 8760 that the switch takes, as MD5
/// and as SHA-256, in lower-case hexadecimal. As good as the password itself, in that realm.
pub fn digests(username: &str, realm: &str, password: &str) -> (String, String) {
    let a1 = format!("{username}:{realm}:{password}");
    (hex(&Md5::digest(&a1)), hex(&Sha256::digest(&a1)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_a_phone_computes() {
        let (md5, sha256) = digests("u0", "demo.sambung.test", "secret");
        // printf 'u0:demo.sambung.test:secret' | md5sum; … | sha256sum
        assert_eq!(md5, "3e088942a5466c995406c2809dd97ebb");
        assert_eq!(sha256, "2fa1c4878501259dd7951afede14ec6d908651fdd056f799e2537d01d5d4f498");
    }
}
