//! What must hold for SRTP whatever packets a far end, its peer and an attacker send, in any order.
//!
//! Invariants: no panic; what is opened was sealed, is the same to the byte, and is opened once; what an attacker has
//! touched never opens and changes nothing; no two packets are sealed with the same keystream, whatever numbers and
//! sources the other side chooses; an image goes on where its machine was.

use std::collections::BTreeSet;

use super::script::Script;
use streams::srtp::{MasterKey, OVERHEAD_BYTES_MAX, OpenError, Opener, SealError, Sealer, Suite};

/// A payload of zeros comes out as the keystream itself.
const PAYLOAD: [u8; 16] = [0; 16];
const HEADER_BYTES: usize = 12;
const RTCP_HEAD_BYTES: usize = 8;

struct Sent {
    plain: Vec<u8>,
    sealed: Vec<u8>,
    is_rtcp: bool,
    is_opened: bool,
}

struct Story {
    sealer: Sealer,
    opener: Opener,
    sent: Vec<Sent>,
    keystreams: BTreeSet<[u8; 16]>,
}

/// Plays one story.
pub fn srtp(data: &[u8]) {
    let mut script = Script::new(data);
    let suite = script.pick(&Suite::ALL);
    let bytes: Vec<u8> = (0x5a..).take(suite.master_bytes()).collect();
    let master = MasterKey::new(suite, &bytes).expect("a key of the right length");
    let mut story = Story {
        sealer: Sealer::new(suite, &master).expect("a sealer"),
        opener: Opener::new(suite, &master).expect("an opener"),
        sent: Vec::new(),
        keystreams: BTreeSet::new(),
    };
    let mut sequence = u16::from(script.byte()) << 8;
    while !script.is_over() {
        match script.byte() % 8 {
            0 | 1 => {
                sequence = sequence.wrapping_add(u16::from(script.byte() % 4));
                story.seal_rtp(u32::from(script.byte() % 3), sequence);
            }
            2 => {
                sequence = sequence.wrapping_add(u16::from(script.byte()) << 7);
                story.seal_rtp(u32::from(script.byte()), sequence);
            }
            3 => story.seal_rtcp(u32::from(script.byte() % 3)),
            4 | 5 => story.deliver(usize::from(script.byte())),
            6 => story.forge(&mut script),
            _ => story.go_on_from_an_image(script.byte() & 1 == 0),
        }
    }
}

impl Story {
    fn seal_rtp(&mut self, ssrc: u32, sequence: u16) {
        let mut plain = vec![0x80, 0];
        plain.extend(sequence.to_be_bytes());
        plain.extend([0, 0, 0, 160]);
        plain.extend(ssrc.to_be_bytes());
        plain.extend(PAYLOAD);
        let mut room = plain.clone();
        room.resize(plain.len() + OVERHEAD_BYTES_MAX, 0xee);
        match self.sealer.seal_rtp(&mut room, plain.len()) {
            Ok(len) => {
                room.truncate(len);
                assert_eq!(room[..HEADER_BYTES], plain[..HEADER_BYTES]);
                self.keep(plain, room, HEADER_BYTES, false);
            }
            Err(SealError::Repeated | SealError::Behind | SealError::Exhausted) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    fn seal_rtcp(&mut self, ssrc: u32) {
        let mut plain = vec![0x80, 201, 0, 5];
        plain.extend(ssrc.to_be_bytes());
        plain.extend(PAYLOAD);
        let mut room = plain.clone();
        room.resize(plain.len() + OVERHEAD_BYTES_MAX, 0xee);
        let len = self.sealer.seal_rtcp(&mut room, plain.len()).expect("room, and numbers enough");
        room.truncate(len);
        self.keep(plain, room, RTCP_HEAD_BYTES, true);
    }

    fn keep(&mut self, plain: Vec<u8>, sealed: Vec<u8>, payload: usize, is_rtcp: bool) {
        let keystream = sealed[payload..payload + PAYLOAD.len()].try_into().expect("a payload");
        assert!(self.keystreams.insert(keystream), "two packets under one keystream");
        self.sent.push(Sent { plain, sealed, is_rtcp, is_opened: false });
    }

    fn open(&mut self, is_rtcp: bool, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut packet = sealed.to_vec();
        let opened =
            if is_rtcp { self.opener.open_rtcp(&mut packet) } else { self.opener.open_rtp(&mut packet) };
        opened.map(|len| {
            packet.truncate(len);
            packet
        })
    }

    fn deliver(&mut self, back: usize) {
        let Some(at) = self.sent.len().checked_sub(1 + back % 64) else { return };
        let Sent { plain, sealed, is_rtcp, is_opened } = &self.sent[at];
        let (plain, sealed, is_rtcp, is_opened) = (plain.clone(), sealed.clone(), *is_rtcp, *is_opened);
        match self.open(is_rtcp, &sealed) {
            Ok(opened) => {
                // The opener forgets the sources it has not heard for longest; only four are kept apart.
                assert_eq!(opened, plain, "what is opened is what was sealed");
                let few = self.sent.iter().map(|one| one.plain[RTCP_HEAD_BYTES..HEADER_BYTES].to_vec());
                let few = few.collect::<BTreeSet<_>>().len() <= 1;
                assert!(!(is_opened && few), "opened twice");
                self.sent[at].is_opened = true;
            }
            Err(OpenError::Replayed | OpenError::Unauthentic) => {}
            Err(OpenError::Malformed) => panic!("what was sealed is well formed"),
        }
    }

    /// Somebody who has no key changes a packet that was sent, or writes one.
    fn forge(&mut self, script: &mut Script<'_>) {
        let (how, at) = (script.byte(), usize::from(script.byte()));
        let Some(from) = self.sent.len().checked_sub(1 + at % 16) else {
            let bytes = script.bytes();
            assert!(self.open(how & 1 == 0, bytes).is_err());
            return;
        };
        let Sent { sealed, is_rtcp, .. } = &self.sent[from];
        let (mut forged, is_rtcp) = (sealed.clone(), *is_rtcp);
        match how % 4 {
            0 => forged.truncate(usize::from(script.byte()) % forged.len()),
            1 => forged.push(script.byte()),
            2 => {
                let bit = usize::from(script.byte()) % (forged.len() * 8);
                forged[bit / 8] ^= 1 << (bit % 8);
            }
            _ => forged = script.bytes().to_vec(),
        }
        let before = postcard::to_allocvec(&self.opener).expect("an image");
        if forged != self.sent[from].sealed && !self.sent.iter().any(|one| one.sealed == forged) {
            assert!(self.open(is_rtcp, &forged).is_err(), "a forged packet is believed");
            assert_eq!(postcard::to_allocvec(&self.opener).expect("an image"), before, "it has left a trace");
        }
    }

    fn go_on_from_an_image(&mut self, is_exact: bool) {
        let image = postcard::to_allocvec(&(&self.sealer, &self.opener)).expect("an image");
        let (sealer, opener) = postcard::from_bytes::<(Sealer, Opener)>(&image).expect("reads back");
        assert_eq!(postcard::to_allocvec(&(&sealer, &opener)).expect("an image"), image);
        (self.sealer, self.opener) = (sealer, opener);
        if !is_exact {
            self.sealer.skip_unseen();
        }
    }
}
