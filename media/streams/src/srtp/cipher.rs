//! The transforms: counter mode with HMAC-SHA1 (RFC 3711 §4.1.1 and §4.2.1) and AES-GCM (RFC 7714), in place.
//!
//! A packet is a clear head, a body that is encrypted, and for SRTCP a word with its index behind the body. Counter
//! mode puts the tag at the very end, AES-GCM between body and word. Whoever calls chooses the index and answers for
//! never sealing two packets with the same one.

use aes::Aes128Enc;
use hmac::{Hmac, Mac as _};
use ring::aead::{Aad, LessSafeKey, Nonce, Tag};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

use super::derive::keystream;

/// Bytes of an AES-GCM tag (RFC 7714 §13).
const GCM_TAG_BYTES: usize = 16;

/// Where a packet belongs.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    /// 48 bits of SRTP, 31 of SRTCP.
    pub(super) index: u64,
}

impl Place {
    /// The 32 bits of an SRTP index that are not sent.
    fn rollover_counter(self) -> [u8; 4] {
        let [_, _, a, b, c, d, _, _] = self.index.to_be_bytes();
        [a, b, c, d]
    }

    /// SSRC and index as both IV formats have them side by side (RFC 3711 §4.1.1, RFC 7714 §8.1 and §9.1).
    fn bytes(self) -> [u8; 10] {
        let ([s0, s1, s2, s3], [_, _, i0, i1, i2, i3, i4, i5]) =
            (self.ssrc.to_be_bytes(), self.index.to_be_bytes());
        [s0, s1, s2, s3, i0, i1, i2, i3, i4, i5]
    }
}

/// A packet did not pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forged;

/// Cipher and authentication of one kind of packet in one direction.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "one of a leg's four, which stand in one box")]
pub(super) enum Cipher {
    CounterMode(CounterMode),
    Gcm(Gcm),
}

#[derive(Clone)]
pub(super) struct CounterMode {
    pub(super) aes: Aes128Enc,
    pub(super) salt: [u8; 14],
    /// Keyed; cloned for each packet, which costs less than to key it.
    pub(super) mac: Hmac<Sha1>,
    pub(super) tag_bytes: usize,
}

#[derive(Clone)]
pub(super) struct Gcm {
    pub(super) key: LessSafeKey,
    pub(super) salt: [u8; 12],
}

impl CounterMode {
    fn crypt(&self, place: Place, body: &mut [u8]) {
        let mut iv = [0; 16];
        iv.iter_mut().zip(self.salt).for_each(|(to, from)| *to = from);
        iv.iter_mut().skip(4).zip(place.bytes()).for_each(|(to, from)| *to ^= from);
        keystream(&self.aes, iv, body);
    }

    fn tag(&self, packet: &[u8], rest: &[u8]) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(rest);
        mac.finalize().into_bytes().into()
    }

    fn verify(&self, packet: &[u8], rest: &[u8], tag: &[u8]) -> Result<(), Forged> {
        let own = self.tag(packet, rest);
        let own = own.get(..self.tag_bytes).ok_or(Forged)?;
        if bool::from(own.ct_eq(tag)) { Ok(()) } else { Err(Forged) }
    }

    fn put_tag(&self, room: &mut [u8], len: usize, rest: &[u8]) -> Option<usize> {
        let (packet, free) = room.split_at_mut_checked(len)?;
        let tag = self.tag(packet, rest);
        free.get_mut(..self.tag_bytes)?.copy_from_slice(tag.get(..self.tag_bytes)?);
        Some(len + self.tag_bytes)
    }
}

impl Gcm {
    fn nonce(&self, place: Place) -> Nonce {
        let mut nonce = self.salt;
        nonce.iter_mut().skip(2).zip(place.bytes()).for_each(|(to, from)| *to ^= from);
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, place: Place, aad: &[u8], body: &mut [u8]) -> Option<Tag> {
        self.key.seal_in_place_separate_tag(self.nonce(place), Aad::from(aad), body).ok()
    }

    fn open(&self, place: Place, aad: &[u8], body_and_tag: &mut [u8]) -> Result<usize, Forged> {
        let opened = self.key.open_in_place(self.nonce(place), Aad::from(aad), body_and_tag);
        opened.map(|body| body.len()).map_err(|_| Forged)
    }
}

/// The associated data of SRTCP: its first two words and the one with the index (RFC 7714 §9.2).
fn rtcp_aad(head: &[u8], word: [u8; 4]) -> [u8; 12] {
    let mut aad = [0; 12];
    aad.iter_mut().zip(head.iter().copied().chain(word)).for_each(|(to, from)| *to = from);
    aad
}

impl Cipher {
    /// Seals the SRTP packet `room[..len]` whose payload begins at `payload`; its new length, or `None` without room.
    pub(super) fn seal_rtp(
        &self,
        place: Place,
        room: &mut [u8],
        payload: usize,
        len: usize,
    ) -> Option<usize> {
        match self {
            Self::CounterMode(cm) => {
                room.get(..len + cm.tag_bytes)?;
                cm.crypt(place, room.get_mut(payload..len)?);
                cm.put_tag(room, len, &place.rollover_counter())
            }
            Self::Gcm(gcm) => {
                let end = len + GCM_TAG_BYTES;
                let (head, rest) = room.get_mut(..end)?.split_at_mut_checked(payload)?;
                let (body, tag) = rest.split_at_mut_checked(len - payload)?;
                tag.copy_from_slice(gcm.seal(place, head, body)?.as_ref());
                Some(end)
            }
        }
    }

    /// Opens an SRTP packet whose payload begins at `payload`: the length of the RTP packet. What did not pass may be
    /// overwritten.
    pub(super) fn open_rtp(&self, place: Place, packet: &mut [u8], payload: usize) -> Result<usize, Forged> {
        match self {
            Self::CounterMode(cm) => {
                let len =
                    packet.len().checked_sub(cm.tag_bytes).filter(|len| *len >= payload).ok_or(Forged)?;
                let (packet, tag) = packet.split_at_mut_checked(len).ok_or(Forged)?;
                cm.verify(packet, &place.rollover_counter(), tag)?;
                cm.crypt(place, packet.get_mut(payload..).ok_or(Forged)?);
                Ok(len)
            }
            Self::Gcm(gcm) => {
                let (head, body) = packet.split_at_mut_checked(payload).ok_or(Forged)?;
                gcm.open(place, head, body).map(|len| payload + len)
            }
        }
    }

    /// Seals the SRTCP packet `room[..len]`; `word` is the index with the bit that says "encrypted".
    pub(super) fn seal_rtcp(
        &self,
        place: Place,
        word: [u8; 4],
        room: &mut [u8],
        len: usize,
    ) -> Option<usize> {
        match self {
            Self::CounterMode(cm) => {
                room.get(..len + word.len() + cm.tag_bytes)?;
                cm.crypt(place, room.get_mut(RTCP_HEAD_BYTES..len)?);
                room.get_mut(len..len + word.len())?.copy_from_slice(&word);
                cm.put_tag(room, len + word.len(), &[])
            }
            Self::Gcm(gcm) => {
                let end = len + GCM_TAG_BYTES + word.len();
                let (head, rest) = room.get_mut(..end)?.split_at_mut_checked(RTCP_HEAD_BYTES)?;
                let (body, rest) = rest.split_at_mut_checked(len - RTCP_HEAD_BYTES)?;
                let (tag, place_of_word) = rest.split_at_mut_checked(GCM_TAG_BYTES)?;
                tag.copy_from_slice(gcm.seal(place, &rtcp_aad(head, word), body)?.as_ref());
                place_of_word.copy_from_slice(&word);
                Some(end)
            }
        }
    }

    /// The word with the index of an SRTCP packet.
    pub(super) fn rtcp_word(&self, packet: &[u8]) -> Option<[u8; 4]> {
        let behind = match self {
            Self::CounterMode(cm) => cm.tag_bytes,
            Self::Gcm(_) => 0,
        };
        packet.get(..packet.len().checked_sub(behind)?)?.last_chunk::<4>().copied()
    }

    /// Opens an SRTCP packet, whose index word is `word`: the length of the RTCP packet.
    pub(super) fn open_rtcp(&self, place: Place, word: [u8; 4], packet: &mut [u8]) -> Result<usize, Forged> {
        match self {
            Self::CounterMode(cm) => {
                let len = packet.len().checked_sub(cm.tag_bytes).ok_or(Forged)?;
                let (packet, tag) = packet.split_at_mut_checked(len).ok_or(Forged)?;
                cm.verify(packet, &[], tag)?;
                let len = len.checked_sub(word.len()).ok_or(Forged)?;
                cm.crypt(place, packet.get_mut(RTCP_HEAD_BYTES..len).ok_or(Forged)?);
                Ok(len)
            }
            Self::Gcm(gcm) => {
                let len = packet.len().checked_sub(word.len()).ok_or(Forged)?;
                let sealed = packet.get_mut(..len).ok_or(Forged)?;
                let (head, body) = sealed.split_at_mut_checked(RTCP_HEAD_BYTES).ok_or(Forged)?;
                gcm.open(place, &rtcp_aad(head, word), body).map(|len| RTCP_HEAD_BYTES + len)
            }
        }
    }
}

/// The part of an SRTCP packet that stays clear: the first header with the sender's SSRC (RFC 3711 §3.4).
pub(super) const RTCP_HEAD_BYTES: usize = 8;
