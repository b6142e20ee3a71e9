//! The keys that tokens are signed with: files `NAME.key` in one folder, each 32 random bytes as 64 hexadecimal digits, that nobody
//! else may read. The last by name signs, all of them verify: a new file and a restart is a rotation, and a file is taken away when
//! all that it has signed is over. The first is made at the first start. Of each the key of access tokens (Ed25519, RFC 8032) is
//! made and another one of proofs (HMAC-SHA-256) of what is told only once: what nobody stores nobody can steal.

mod lock;

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};
use uuid::Uuid;

pub(crate) use lock::Locked;

use super::presented;
use crate::{http::error::ApiError, identifier};

/// Key files at most.
pub const KEYS_MAX: usize = 16;

/// Who issues access tokens.
const ISSUER: &str = "sambung";

/// Characters of a word, six bits each.
const WORD_CHARS: usize = 20;

/// What comes before an Ed25519 seed in PKCS #8 (RFC 8410 §10.3).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

type HmacSha256 = Hmac<Sha256>;

/// What is proven by a token that nobody stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// That somebody is still signed in.
    Refresh,
    /// That somebody has got a letter.
    Letter,
    /// That the first step of a sign-in is done.
    Step,
    /// That somebody has entered an organisation as a guest. It is good until they leave.
    Guest,
    /// That a browser has gone to sign in elsewhere; its number is the second, since 1970 began, until which it must be back.
    Visit,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Purpose::Refresh => "refresh",
            Purpose::Letter => "letter",
            Purpose::Step => "step",
            Purpose::Guest => "guest",
            Purpose::Visit => "visit",
        }
    }

    /// What its tokens begin with.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Purpose::Refresh => "sambung_refresh_",
            Purpose::Letter => "sambung_letter_",
            Purpose::Step => "sambung_step_",
            Purpose::Guest => "sambung_guest_",
            Purpose::Visit => "sambung_visit_",
        }
    }
}

/// What a word is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The password of a SIP account.
    Password,
    /// The address at which a device finds its configuration.
    Address,
    /// What a visit of the provider of sign-ins comes back with (RFC 6749 §10.12).
    State,
    /// What its ID token has (OpenID Connect Core 1.0 §3.1.2.1).
    Nonce,
    /// What its code is shown with (RFC 7636 §4.1).
    Verifier,
}

/// What somebody has to know, and what it can be made of again.
pub(crate) struct Word {
    /// It.
    pub(crate) text: String,
    /// The name of the key.
    pub(crate) key: String,
    /// Which one of that key, as its column has it.
    pub(crate) no: i32,
}

/// All keys.
pub struct Signing {
    keys: Vec<Key>,
}

struct Key {
    /// The file's name without `.key`, in tokens their `kid`.
    name: String,
    private: EncodingKey,
    public: DecodingKey,
    proofs: HmacSha256,
    locks: ring::aead::LessSafeKey,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.name)).finish()
    }
}

impl Signing {
    /// The keys in `folder`, which is made with a first one where there is none.
    ///
    /// # Errors
    /// A file cannot be read, others may read it, or it holds no key.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong)?;
        if names(folder).map_err(wrong)?.is_empty() {
            write_first(&folder.join("1.key")).map_err(wrong)?;
        }
        let names = names(folder).map_err(wrong)?;
        if names.len() > KEYS_MAX {
            return Err(format!("{}: holds more than {KEYS_MAX} keys", folder.display()));
        }
        let keys: Result<Vec<Key>, String> = names.into_iter().map(|name| read(folder, name)).collect();
        Ok(Self { keys: keys? })
    }

    /// A signed token (RFC 7519, RFC 8037) of `claims`.
    pub(crate) fn sign<T: Serialize>(&self, claims: &T) -> Option<String> {
        let key = self.keys.last()?;
        let header = Header { kid: Some(key.name.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &key.private).ok()
    }

    /// What a token of ours that is not over claims.
    pub(crate) fn verify<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let name = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = self.keys.iter().find(|key| key.name == name)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        jsonwebtoken::decode(token, &key.public, &validation).ok().map(|token| token.claims)
    }

    /// The `no`th token that is good for `id`.
    pub(crate) fn prove(&self, purpose: Purpose, id: Uuid, no: u32) -> String {
        let proof = self.keys.last().map(|key| key.proof(purpose.as_str(), id, no).finalize().into_bytes());
        let secret = [no.to_be_bytes().as_slice(), proof.as_deref().unwrap_or_default()].concat();
        presented::format(purpose.prefix(), id, &secret)
    }

    /// A new word of that kind for what is called `id`.
    pub(crate) fn word(&self, kind: Kind, id: Uuid) -> Result<Word, ApiError> {
        // At random: a number that was used before a backup was put back would make the same word again.
        let no = i32::from_be_bytes(identifier::random()?);
        let key = self.keys.last().ok_or_else(|| ApiError::Internal("no key signs".to_owned()))?;
        Ok(Word { text: key.word(kind, id, no), key: key.name.clone(), no })
    }

    /// The `no`th of that kind that is `id`'s `about` something: 256 bits, 43 characters, made again as long as the newest key is that.
    pub(crate) fn secret(&self, kind: Kind, (id, no): (Uuid, u32), about: &str) -> Result<String, ApiError> {
        let key = self.keys.last().ok_or_else(|| ApiError::Internal("no key signs".to_owned()))?;
        Ok(key.secret(kind, (id, no), about))
    }

    /// The same again by the key of that name; `None`: it has been taken away.
    pub(crate) fn word_again(&self, kind: Kind, id: Uuid, (key, no): (&str, i32)) -> Option<String> {
        self.keys.iter().find(|one| one.name == key).map(|key| key.word(kind, id, no))
    }

    /// Whether `text` is the `no`th word of whichever key, in the same time whatever it is.
    pub(crate) fn is_word(&self, text: &str, kind: Kind, id: Uuid, no: i32) -> bool {
        let is_good = |key: &Key| key.word(kind, id, no).as_bytes().ct_eq(text.as_bytes());
        self.keys.iter().fold(Choice::from(0), |found, key| found | is_good(key)).into()
    }

    /// What a token is good for and its number, if it is one of ours.
    pub(crate) fn proven(&self, purpose: Purpose, token: &str) -> Option<(Uuid, u32)> {
        let (id, secret) = presented::parse::<36>(purpose.prefix(), token)?;
        let (no, proof) = secret.split_first_chunk::<4>()?;
        let no = u32::from_be_bytes(*no);
        let is_good = |key: &Key| key.proof(purpose.as_str(), id, no).verify_slice(proof).is_ok();
        self.keys.iter().any(is_good).then_some((id, no))
    }
}

impl Key {
    fn new(name: String, seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = Base64UrlUnpadded::encode_string(pair.public_key().as_ref());
        let proofs = HmacSha256::new_from_slice(seed).ok()?.chain_update("sambung proofs").finalize();
        let locks = HmacSha256::new_from_slice(seed).ok()?.chain_update("sambung locks").finalize();
        Some(Self {
            name,
            private: EncodingKey::from_ed_der(&[PKCS8_HEAD.as_slice(), seed].concat()),
            public: DecodingKey::from_ed_components(&public).ok()?,
            proofs: HmacSha256::new_from_slice(&proofs.into_bytes()).ok()?,
            locks: lock::key(&locks.into_bytes())?,
        })
    }

    fn proof(&self, purpose: &str, id: Uuid, no: u32) -> HmacSha256 {
        let proof = self.proofs.clone().chain_update(purpose).chain_update([0]);
        proof.chain_update(id.as_bytes()).chain_update(no.to_be_bytes())
    }

    /// 120 bits; needs no quoting in a URL, a SIP user part or a phone's form.
    fn word(&self, kind: Kind, id: Uuid, no: i32) -> String {
        let mut word = self.secret(kind, (id, no.cast_unsigned()), "");
        word.truncate(WORD_CHARS);
        word
    }

    fn secret(&self, kind: Kind, (id, no): (Uuid, u32), about: &str) -> String {
        let purpose = match kind {
            Kind::Password => "sip password",
            Kind::Address => "device address",
            Kind::State => "openid state",
            Kind::Nonce => "openid nonce",
            Kind::Verifier => "openid verifier",
        };
        let made = self.proof(purpose, id, no).chain_update(about).finalize();
        Base64UrlUnpadded::encode_string(&made.into_bytes())
    }
}

/// Of the keys in a folder, in order.
fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name().into_string().unwrap_or_default();
        names.extend(name.strip_suffix(".key").filter(|name| !name.is_empty()).map(str::to_owned));
    }
    // 10 comes after 9.
    names.sort_unstable_by_key(|name| (name.len(), name.clone()));
    Ok(names)
}

/// Unless another process has written it meanwhile.
fn write_first(path: &Path) -> std::io::Result<()> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
    let digits: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(digits.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&part, path);
    fs::remove_file(&part)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn read(folder: &Path, name: String) -> Result<Key, String> {
    let path = folder.join(format!("{name}.key"));
    let wrong = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    let mode = fs::metadata(&path).map_err(|error| wrong(&error))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(wrong(&"others may read it: chmod 600"));
    }
    let digits = fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    let seed = presented::from_hex::<32>(digits.trim());
    seed.and_then(|seed| Key::new(name, &seed)).ok_or_else(|| wrong(&"must be 64 hexadecimal digits"))
}

/// What every access token has besides what it says of its bearer.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub(crate) struct Envelope<T> {
    iss: String,
    /// Seconds since 1970 began.
    iat: i64,
    exp: i64,
    /// What it says.
    #[serde(flatten)]
    pub(crate) claims: T,
}

impl<T> Envelope<T> {
    /// From `now`, for so many seconds.
    pub(crate) fn new(claims: T, now: i64, secs: i64) -> Self {
        Self { iss: ISSUER.to_owned(), iat: now, exp: now.saturating_add(secs), claims }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Claims = Envelope<std::collections::BTreeMap<String, String>>;

    fn envelope(now: i64) -> Claims {
        Envelope::new([("sub".to_owned(), "sari".to_owned())].into(), now, 60)
    }

    fn now() -> i64 {
        jiff::Timestamp::now().as_second()
    }

    #[test]
    fn what_was_signed_before_a_rotation_is_good_until_its_key_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let first = Signing::open(folder.path()).unwrap();
        let (token, proof) =
            (first.sign(&envelope(now())).unwrap(), first.prove(Purpose::Refresh, Uuid::max(), 7));
        let path = folder.path().join("2.key");
        fs::write(&path, "ab".repeat(32)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let both = Signing::open(folder.path()).unwrap();
        assert_eq!(both.verify::<Claims>(&token).unwrap().claims["sub"], "sari");
        assert_eq!(both.proven(Purpose::Refresh, &proof), Some((Uuid::max(), 7)));
        let newer = both.sign(&envelope(now())).unwrap();
        assert!(first.verify::<Claims>(&newer).is_none(), "the new key signs");
        fs::remove_file(folder.path().join("1.key")).unwrap();
        let second = Signing::open(folder.path()).unwrap();
        assert!(second.verify::<Claims>(&newer).is_some());
        assert!(second.verify::<Claims>(&token).is_none());
        assert_eq!(second.proven(Purpose::Refresh, &proof), None);
    }

    #[test]
    fn a_token_that_is_over_altered_or_signed_otherwise_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let signing = Signing::open(folder.path()).unwrap();
        assert!(signing.verify::<Claims>(&signing.sign(&envelope(now() - 61)).unwrap()).is_none());
        let token = signing.sign(&envelope(now())).unwrap();
        let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let none = Base64UrlUnpadded::encode_string(br#"{"alg":"none","kid":"1"}"#);
        let mac = Base64UrlUnpadded::encode_string(br#"{"alg":"HS256","kid":"1"}"#);
        let other = Base64UrlUnpadded::encode_string(
            &serde_json::to_vec(&Envelope::new(
                [("sub", "budi")].into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                now(),
                60,
            ))
            .unwrap(),
        );
        for wrong in [
            format!("{none}.{body}."),
            format!("{mac}.{body}.{signature}"),
            format!("{head}.{other}.{signature}"),
            format!("{head}.{body}"),
            String::new(),
        ] {
            assert!(signing.verify::<Claims>(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_proof_is_good_for_one_thing_and_one_number() {
        let folder = tempfile::tempdir().unwrap();
        let signing = Signing::open(folder.path()).unwrap();
        let proof = signing.prove(Purpose::Refresh, Uuid::max(), 7);
        assert_eq!(signing.proven(Purpose::Refresh, &proof), Some((Uuid::max(), 7)));
        let other = proof.replace("refresh", "letter");
        assert_eq!(signing.proven(Purpose::Letter, &other), None);
        assert_eq!(signing.proven(Purpose::Refresh, &proof.replace("00000007", "00000008")), None);
        assert_eq!(signing.proven(Purpose::Refresh, &proof.replace("_ff", "_fe")), None);
        assert_eq!(signing.proven(Purpose::Refresh, &proof[..proof.len() - 1]), None);
    }

    #[test]
    fn a_word_is_made_again_of_its_key_and_number_and_is_good_for_one_thing() {
        let folder = tempfile::tempdir().unwrap();
        let signing = Signing::open(folder.path()).unwrap();
        let id = Uuid::max();
        let made = |kind| signing.word(kind, id).unwrap();
        let (first, second) = (made(Kind::Password), made(Kind::Password));
        assert_eq!((first.key.as_str(), first.text.len()), ("1", WORD_CHARS));
        assert_ne!(first.text, second.text);
        let again = |kind, key, no| signing.word_again(kind, id, (key, no));
        assert_eq!(again(Kind::Password, "1", first.no).as_ref(), Some(&first.text));
        assert_ne!(again(Kind::Address, "1", first.no).as_ref(), Some(&first.text));
        assert_eq!(again(Kind::Password, "2", first.no), None);
        // Whole ones are as long as RFC 7636 wants, and each is its own.
        let secret = |kind| signing.secret(kind, (id, 7), "").unwrap();
        assert_eq!(secret(Kind::Verifier).len(), 43);
        assert_ne!(secret(Kind::Verifier), secret(Kind::State));
        let address = made(Kind::Address);
        let is_good = |text: &str, id, no| signing.is_word(text, Kind::Address, id, no);
        assert!(is_good(&address.text, id, address.no));
        assert!(!is_good(&address.text, Uuid::nil(), address.no));
        assert!(!is_good(&address.text, id, address.no ^ 1));
        assert!(!is_good(&address.text[1..], id, address.no) && !is_good("", id, address.no));
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Signing::open(folder.path()).unwrap();
        let path = folder.path().join("1.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Signing::open(folder.path()).unwrap_err().contains("others may read it"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "ab").unwrap();
        assert!(Signing::open(folder.path()).unwrap_err().contains("64 hexadecimal digits"));
    }
}
