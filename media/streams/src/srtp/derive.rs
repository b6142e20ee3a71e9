//! Session keys from a master key (RFC 3711 §4.3), with a key derivation rate of zero: once and for all.
//!
//! They are never kept: an image holds the master key, and whoever reads it derives them anew.

use aes::{
    Aes128Enc, Aes256Enc,
    cipher::{
        BlockCipherEncrypt, BlockSizeUser, InnerIvInit as _, KeyInit as _, StreamCipher as _,
        StreamCipherCoreWrapper, consts::U16,
    },
};
use ctr::{CtrCore, flavors::Ctr128BE};
use hmac::Hmac;
use ring::aead::{AES_128_GCM, AES_256_GCM, LessSafeKey, UnboundKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{
    KEY_BYTES_MAX, MasterKey, SALT_BYTES_MAX, Suite,
    cipher::{Cipher, CounterMode, Gcm},
};

/// Bytes of an HMAC-SHA1 key (RFC 3711 §5.2).
const MAC_KEY_BYTES: usize = 20;

/// What a derived key is for (RFC 3711 §4.3.1 and §4.3.2).
#[derive(Clone, Copy)]
enum Label {
    RtpCipher = 0,
    RtpMac = 1,
    RtpSalt = 2,
    RtcpCipher = 3,
    RtcpMac = 4,
    RtcpSalt = 5,
}

/// AES in counter mode; the cipher is borrowed, because its key schedule costs more than a packet.
pub(super) fn keystream<C>(aes: &C, iv: [u8; 16], data: &mut [u8])
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let core = CtrCore::<&C, Ctr128BE>::inner_iv_init(aes, &iv.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

/// A master key as what makes session keys of it: AES with keys as long as those it makes (RFC 7714 §11).
enum Derivation {
    Aes128(Box<Aes128Enc>),
    Aes256(Box<Aes256Enc>),
}

impl Derivation {
    fn new(suite: Suite, master: &MasterKey) -> Self {
        match (suite, master.key.first_chunk::<16>()) {
            (Suite::AeadAes256Gcm, _) | (_, None) => {
                Self::Aes256(Box::new(Aes256Enc::new(&master.key.into())))
            }
            (_, Some(key)) => Self::Aes128(Box::new(Aes128Enc::new(&(*key).into()))),
        }
    }

    fn derive<const N: usize>(&self, master: &MasterKey, label: Label) -> Zeroizing<[u8; N]> {
        let mut iv = [0; 16];
        iv.iter_mut().zip(master.salt).for_each(|(to, from)| *to = from);
        iv[7] ^= label as u8;
        let mut key = Zeroizing::new([0; N]);
        match self {
            Self::Aes128(aes) => keystream(aes.as_ref(), iv, key.as_mut()),
            Self::Aes256(aes) => keystream(aes.as_ref(), iv, key.as_mut()),
        }
        key
    }
}

/// The ciphers of one direction.
#[derive(Clone)]
pub(super) struct SessionKeys {
    suite: Suite,
    master: MasterKey,
    pub(super) rtp: Cipher,
    pub(super) rtcp: Cipher,
}

impl SessionKeys {
    /// `None` only if a library refuses a key of the right length.
    pub(super) fn derive(suite: Suite, master: &MasterKey) -> Option<Self> {
        let from = Derivation::new(suite, master);
        let rtp = [Label::RtpCipher, Label::RtpMac, Label::RtpSalt];
        let rtcp = [Label::RtcpCipher, Label::RtcpMac, Label::RtcpSalt];
        let tag_bytes = if suite == Suite::AesCm128HmacSha1_32 { 4 } else { 10 };
        Some(Self {
            suite,
            master: master.clone(),
            rtp: cipher(suite, &from, master, rtp, tag_bytes)?,
            rtcp: cipher(suite, &from, master, rtcp, 10)?,
        })
    }

    pub(super) fn is_of(&self, suite: Suite, master: &MasterKey) -> bool {
        self.suite == suite && self.master == *master
    }
}

fn cipher(
    suite: Suite,
    from: &Derivation,
    master: &MasterKey,
    [key, mac, salt]: [Label; 3],
    tag_bytes: usize,
) -> Option<Cipher> {
    let gcm = |algorithm, key: &[u8]| {
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        Some(Cipher::Gcm(Gcm { key, salt: *from.derive(master, salt) }))
    };
    match suite {
        Suite::AeadAes128Gcm => gcm(&AES_128_GCM, from.derive::<16>(master, key).as_ref()),
        Suite::AeadAes256Gcm => gcm(&AES_256_GCM, from.derive::<KEY_BYTES_MAX>(master, key).as_ref()),
        Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
            let mac = from.derive::<MAC_KEY_BYTES>(master, mac);
            Some(Cipher::CounterMode(CounterMode {
                aes: Aes128Enc::new(&(*from.derive::<16>(master, key)).into()),
                salt: *from.derive::<SALT_BYTES_MAX>(master, salt),
                mac: Hmac::<Sha1>::new_from_slice(mac.as_ref()).ok()?,
                tag_bytes,
            }))
        }
    }
}

/// As suite and master key.
impl Serialize for SessionKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.suite, &self.master).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SessionKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (suite, master) = <(Suite, MasterKey)>::deserialize(deserializer)?;
        Self::derive(suite, &master).ok_or_else(|| D::Error::custom("no key of this suite"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let mut bytes = [0; N];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap();
        }
        assert_eq!(text.len(), N * 2);
        bytes
    }

    #[test]
    fn rfc_3711_b_3_key_derivation() {
        let suite = Suite::AesCm128HmacSha1_80;
        let bytes: [u8; 30] = hex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(suite, &bytes).unwrap();
        let from = Derivation::new(suite, &master);
        assert_eq!(*from.derive::<16>(&master, Label::RtpCipher), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(*from.derive::<14>(&master, Label::RtpSalt), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(
            *from.derive::<94>(&master, Label::RtpMac),
            hex(concat!(
                "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE",
                "E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25",
                "6D6E919A48B610EF17C2041E47403576",
                "6B68642C59BBFC2F34DB60DBDFB2"
            ))
        );
    }

    /// RFC 6188 §7.4: the derivation with AES-256, which RFC 7714 §11 takes for its keys of 256 bits.
    #[test]
    fn rfc_6188_7_4_key_derivation() {
        let suite = Suite::AeadAes256Gcm;
        let master = MasterKey {
            key: hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"),
            salt: hex("3b04803de51ee7c96423ab5b78d2"),
        };
        let from = Derivation::new(suite, &master);
        assert_eq!(
            *from.derive::<32>(&master, Label::RtpCipher),
            hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
        );
        assert_eq!(*from.derive::<14>(&master, Label::RtpSalt), hex("fa31791685ca444a9e07c6c64e93"));
        assert_eq!(
            *from.derive::<20>(&master, Label::RtpMac),
            hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")
        );
    }

    #[test]
    fn rfc_3711_b_2_aes_counter_mode() {
        let aes = Aes128Enc::new(&hex::<16>("2B7E151628AED2A6ABF7158809CF4F3C").into());
        let mut stream = vec![0; 0xff02 * 16];
        keystream(&aes, hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), &mut stream);
        let block = |counter: usize| -> [u8; 16] { stream[counter * 16..][..16].try_into().unwrap() };
        assert_eq!(block(0), hex("E03EAD0935C95E80E166B16DD92B4EB4"));
        assert_eq!(block(1), hex("D23513162B02D0F72A43A2FE4A5F97AB"));
        assert_eq!(block(2), hex("41E95B3BB0A2E8DD477901E4FCA894C0"));
        assert_eq!(block(0xfeff), hex("EC8CDF7398607CB0F2D21675EA9EA1E4"));
        assert_eq!(block(0xff00), hex("362B7C3C6773516318A077D7FC5073AE"));
        assert_eq!(block(0xff01), hex("6A2CC3787889374FBEB4C81B17BA6C44"));
    }
}
