//! The keys that recordings are locked with: a public one, which is all that a switch needs, and the private one that opens
//! them (X25519). Each is a line of text in a file of its own, so that the private one can be kept somewhere else.

use std::{
    fmt, fs,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use base64ct::{Base64, Encoding as _};
use hpke::{Deserializable, Kem as _, Serializable as _};
use zeroize::Zeroizing;

use crate::sealed::About;

/// Key agreement of RFC 9180 §7.1.
pub(crate) type Kem = hpke::kem::X25519HkdfSha256;
/// What begins the line of a public key.
const PUBLIC: &str = "sambung-recording-public-1:";
/// What begins the line of a private key.
const PRIVATE: &str = "sambung-recording-private-1:";
/// Larger files hold no key.
const FILE_BYTES_MAX: u64 = 4 * 1_024;
/// Octets of a key's name.
pub const KEY_NAME_BYTES: usize = 8;

/// What a switch locks with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Recordings of calls.
    pub calls: PublicKey,
    /// Messages that were left for somebody: the switch has the private half, because it plays them (decision 0036).
    pub messages: PublicKey,
}

impl Keys {
    /// The one for this recording.
    pub fn of(&self, about: &About) -> &PublicKey {
        if about.message.is_some() { &self.messages } else { &self.calls }
    }
}

/// A file that holds no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It holds something else.
    #[error("holds no {0} key for recordings: one line that begins with {1}")]
    NoKey(&'static str, &'static str),
}

/// Locks recordings. Cannot open them.
#[derive(Clone)]
pub struct PublicKey(pub(crate) <Kem as hpke::Kem>::PublicKey);

/// Opens recordings.
pub struct PrivateKey(pub(crate) <Kem as hpke::Kem>::PrivateKey);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:02x?})", self.name())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PublicKey {
    /// Reads the file of a public key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let octets = read(path, PUBLIC)?;
        let key = octets.and_then(|octets| Deserializable::from_bytes(&octets).ok());
        key.map(Self).ok_or(KeyError::NoKey("public", PUBLIC))
    }

    /// Tells which private key belongs to it: its first octets.
    pub fn name(&self) -> [u8; KEY_NAME_BYTES] {
        let octets: [u8; 32] = self.0.to_bytes().into();
        let (name, _) = octets.split_first_chunk().unwrap_or((&[0; KEY_NAME_BYTES], &[]));
        *name
    }

    /// The same for people.
    pub fn name_text(&self) -> String {
        text_of(self.name())
    }

    /// Its line.
    pub fn to_text(&self) -> String {
        format!("{PUBLIC}{}\n", Base64::encode_string(&self.0.to_bytes()))
    }
}

impl PrivateKey {
    /// A new one.
    pub fn generate() -> Result<Self, KeyError> {
        let mut chance = Zeroizing::new([0; 32]);
        getrandom::fill(chance.as_mut()).map_err(io::Error::other)?;
        Ok(Self(Kem::derive_keypair(chance.as_ref()).0))
    }

    /// Reads the file of a private key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let octets = read(path, PRIVATE)?.map(Zeroizing::new);
        let key = octets.and_then(|octets| Deserializable::from_bytes(&octets).ok());
        key.map(Self).ok_or(KeyError::NoKey("private", PRIVATE))
    }

    /// What it opens is locked with this.
    pub fn public(&self) -> PublicKey {
        PublicKey(Kem::sk_to_pk(&self.0))
    }

    /// Writes it to a file that did not exist, for nobody else to read.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let octets = Zeroizing::new(self.0.to_bytes().to_vec());
        let text = Zeroizing::new(format!("{PRIVATE}{}\n", Base64::encode_string(&octets)));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        Ok(file.sync_all()?)
    }
}

/// A key's name as it is shown.
pub(crate) fn text_of(name: [u8; KEY_NAME_BYTES]) -> String {
    name.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The octets behind `start` in the only line of a file; `None` when it is another one.
fn read(path: &Path, start: &str) -> Result<Option<Vec<u8>>, KeyError> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Ok(None);
    }
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(text.trim().strip_prefix(start).and_then(|key| Base64::decode_vec(key).ok()))
}
