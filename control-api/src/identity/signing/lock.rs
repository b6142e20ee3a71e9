//! What must be read again is locked before it is stored (AES-256-GCM), by a key that is made of the newest signing key and is in no backup of the
//! database. What a key of before has locked is read as long as its file is there; whoever reads it locks it anew.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use uuid::Uuid;

use super::Signing;
use crate::http::error::ApiError;

/// Something that is locked.
#[derive(Clone, Debug)]
pub(crate) struct Locked {
    /// Twelve octets of the nonce, then what it is, then sixteen of the tag.
    pub(crate) bytes: Vec<u8>,
    /// By which key.
    pub(crate) key_name: String,
}

/// The key that is made of 32 octets.
pub(super) fn key(octets: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, octets).ok().map(LessSafeKey::new)
}

impl Signing {
    /// Locks `plain`, which is `id`'s and nobody else's.
    pub(crate) fn lock(&self, id: Uuid, plain: &[u8]) -> Result<Locked, ApiError> {
        let failed = || ApiError::Internal("nothing can be locked".to_owned());
        let key = self.keys.last().ok_or_else(failed)?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| failed())?;
        let mut sealed = plain.to_vec();
        let nonce_of_it = Nonce::assume_unique_for_key(nonce);
        let done = key.locks.seal_in_place_append_tag(nonce_of_it, Aad::from(id.as_bytes()), &mut sealed);
        done.map_err(|_| failed())?;
        Ok(Locked { bytes: [nonce.as_slice(), &sealed].concat(), key_name: key.name.clone() })
    }

    /// What was locked for `id`; `None`: by a key that there is no more, or it was altered.
    pub(crate) fn unlock(&self, id: Uuid, key_name: &str, locked: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.iter().find(|key| key.name == key_name)?;
        let (nonce, sealed) = locked.split_first_chunk::<NONCE_LEN>()?;
        let (nonce, mut plain) = (Nonce::assume_unique_for_key(*nonce), sealed.to_vec());
        let length = key.locks.open_in_place(nonce, Aad::from(id.as_bytes()), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }

    /// The name of the key that locks.
    pub(crate) fn newest(&self) -> &str {
        self.keys.last().map_or("", |key| &key.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_locked_is_opened_for_whom_it_was_locked_and_only_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let signing = Signing::open(folder.path()).unwrap();
        let locked = signing.lock(Uuid::max(), b"secret").unwrap();
        assert_eq!((locked.bytes.len(), locked.key_name.as_str()), (12 + 6 + 16, "1"));
        let open = |id, key: &str, bytes: &[u8]| signing.unlock(id, key, bytes);
        assert_eq!(open(Uuid::max(), "1", &locked.bytes).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(open(Uuid::nil(), "1", &locked.bytes), None);
        assert_eq!(open(Uuid::max(), "2", &locked.bytes), None);
        assert_eq!(open(Uuid::max(), "1", &locked.bytes[..11]), None);
        for at in 0..locked.bytes.len() {
            let mut altered = locked.bytes.clone();
            altered[at] ^= 1;
            assert_eq!(open(Uuid::max(), "1", &altered), None, "{at}");
        }
    }
}
