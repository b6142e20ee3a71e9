//! Stories of a leg under SRTP: who is heard, what a re-INVITE with new keys changes, what a flood does.

use super::*;
use crate::{
    media::Protection,
    path::{Path, Step},
    srtp::{MasterKey, OVERHEAD_BYTES_MAX, Opener, Sealer, SrtpKeys, Suite},
};

const PHONE: &str = "192.0.2.10:4000";
const SIGNALLING: &str = "203.0.113.7";
const NAT: &str = "203.0.113.7:61000";
const PTIME: u64 = 20_000;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn master(suite: Suite, seed: u8) -> MasterKey {
    let bytes: Vec<u8> = (0..suite.master_bytes()).map(|at| at as u8 ^ seed).collect();
    MasterKey::new(suite, &bytes).unwrap()
}

/// Ours is `seed`, theirs the next one.
fn keys(suite: Suite, seed: u8) -> SrtpKeys {
    SrtpKeys { suite, send: master(suite, seed), receive: master(suite, seed + 1) }
}

fn media(protection: Protection) -> LegMedia {
    LegMedia {
        remote: Some(at(PHONE)),
        remote_rtcp: Some(at("192.0.2.10:4001")),
        protection,
        ..LegMedia::unknown(SIGNALLING.parse().unwrap())
    }
}

fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xd5; 160]);
    packet
}

/// The far end of a leg: what it says is under its key.
struct Phone {
    mouth: Sealer,
    ear: Opener,
}

impl Phone {
    fn of(keys: &SrtpKeys) -> Self {
        Self {
            mouth: Sealer::new(keys.suite, &keys.receive).unwrap(),
            ear: Opener::new(keys.suite, &keys.send).unwrap(),
        }
    }

    fn says(&mut self, ssrc: u32, sequence: u16) -> Vec<u8> {
        let mut room = rtp(ssrc, sequence);
        let len = room.len();
        room.resize(len + OVERHEAD_BYTES_MAX, 0);
        let len = self.mouth.seal_rtp(&mut room, len).unwrap();
        room.truncate(len);
        room
    }
}

fn hears(leg: &mut LegState, now: u64, source: &str, packet: &[u8]) -> Verdict {
    leg.accept(now, Channel::Rtp, at(source), &mut packet.to_vec())
}

#[test]
fn a_packet_goes_from_any_suite_to_any_other_under_the_keys_of_each_leg() {
    let covers = Suite::ALL.map(Some).into_iter().chain([None]);
    for (one, other) in covers.clone().flat_map(|one| covers.clone().map(move |other| (one, other))) {
        let (from_keys, to_keys) = (one.map(|suite| keys(suite, 1)), other.map(|suite| keys(suite, 3)));
        let leg = |keys: &Option<SrtpKeys>| {
            let protection = keys.clone().map_or(Protection::Plain, Protection::Srtp);
            LegState::new(media(protection))
        };
        let (mut from, mut to) = (leg(&from_keys), leg(&to_keys));
        let mut speaker = from_keys.as_ref().map(Phone::of);
        let mut listener = to_keys.as_ref().map(Phone::of);
        for sequence in 0..200_u16 {
            let plain = rtp(7, sequence);
            let mut room = speaker.as_mut().map_or_else(|| plain.clone(), |phone| phone.says(7, sequence));
            let len = room.len();
            room.resize(len + OVERHEAD_BYTES_MAX, 0);
            let mut path = Path::new(Channel::Rtp, &mut from, Some(&mut to));
            let Step::Send(len) = path.carry(u64::from(sequence) * PTIME, at(PHONE), &mut room, len) else {
                panic!("{one:?} to {other:?}: {sequence} is not sent");
            };
            room.truncate(len);
            if let Some(listener) = &mut listener {
                assert_ne!(room[12..172], plain[12..], "nothing is clear");
                let len = listener.ear.open_rtp(&mut room).unwrap();
                room.truncate(len);
            }
            assert_eq!(room, plain, "{one:?} to {other:?}");
        }
        assert_eq!(from.report().packets_received, 200);
    }
}

#[test]
fn nothing_passes_before_the_keys_are_known() {
    let mut leg = LegState::new(media(Protection::Unkeyed));
    let agreed = keys(Suite::AeadAes128Gcm, 1);
    let mut phone = Phone::of(&agreed);
    assert_eq!(hears(&mut leg, 0, PHONE, &rtp(7, 1)), Verdict::Drop(DropReason::Unkeyed));
    assert_eq!(hears(&mut leg, 0, PHONE, &phone.says(7, 2)), Verdict::Drop(DropReason::Unkeyed));
    assert_eq!((leg.destination(Channel::Rtp), leg.destination(Channel::Rtcp)), (None, None));
    assert_eq!(leg.pinned(), None);
    leg.configure(PTIME, media(Protection::Srtp(agreed)));
    assert_eq!(hears(&mut leg, PTIME, PHONE, &phone.says(7, 3)), Verdict::Forward(172));
    assert_eq!(leg.destination(Channel::Rtp), Some(at(PHONE)));
}

#[test]
fn a_plain_packet_is_not_taken_where_srtp_was_agreed() {
    for suite in Suite::ALL {
        let mut leg = LegState::new(media(Protection::Srtp(keys(suite, 1))));
        assert_eq!(
            hears(&mut leg, 0, PHONE, &rtp(7, 1)),
            Verdict::Drop(DropReason::Unauthentic),
            "{suite:?}"
        );
        assert_eq!(leg.pinned(), None, "nothing is learnt from it");
        let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
        let verdict = leg.accept(0, Channel::Rtcp, at("192.0.2.10:4001"), &mut report.clone());
        assert!(matches!(verdict, Verdict::Drop(_)), "{verdict:?}");
        assert_eq!(leg.report().rtcp_received, 0);
    }
}

/// Behind NAT the key proves what three packets in sequence prove otherwise.
#[test]
fn the_first_authentic_packet_from_the_signalling_address_proves_its_source() {
    let agreed = keys(Suite::AesCm128HmacSha1_80, 1);
    let mut leg = LegState::new(media(Protection::Srtp(agreed.clone())));
    let mut phone = Phone::of(&agreed);
    assert_eq!(
        hears(&mut leg, 0, "198.51.100.66:4000", &phone.says(7, 1)),
        Verdict::Drop(DropReason::Foreign)
    );
    assert_eq!(hears(&mut leg, 0, NAT, &rtp(7, 2)), Verdict::Drop(DropReason::Unauthentic));
    assert_eq!(leg.pinned(), None);
    assert_eq!(hears(&mut leg, 0, NAT, &phone.says(7, 3)), Verdict::Forward(172));
    assert_eq!(leg.pinned(), Some(at(NAT)));
}

/// What D6 cannot see: who writes the pinned source's address on packets of his own.
#[test]
fn two_hundred_thousand_forged_or_replayed_packets_end_nothing_and_change_nothing() {
    for suite in Suite::ALL {
        let agreed = keys(suite, 1);
        let mut leg = LegState::new(media(Protection::Srtp(agreed.clone())));
        let mut phone = Phone::of(&agreed);
        let recorded: Vec<_> = (0..50).map(|sequence| phone.says(7, sequence)).collect();
        for (n, packet) in recorded.iter().enumerate() {
            assert_eq!(hears(&mut leg, n as u64 * PTIME, PHONE, packet), Verdict::Forward(172));
        }
        let now = 50 * PTIME;
        for n in 0..66_667_usize {
            let verdict = if n % 2 == 0 {
                hears(&mut leg, now, PHONE, &recorded[n % 50])
            } else {
                // A number far ahead would take the window with it, if it were believed.
                let mut forged = recorded[n % 50].clone();
                forged[2..4].copy_from_slice(&(n as u16 % 30_000 + 100).to_be_bytes());
                hears(&mut leg, now, PHONE, &forged)
            };
            assert!(
                matches!(verdict, Verdict::Drop(DropReason::Replayed | DropReason::Unauthentic)),
                "{suite:?} {n}: {verdict:?}"
            );
        }
        let report = leg.report();
        assert_eq!((report.packets_received, report.packets_unauthentic), (50, 66_667), "{suite:?}");
        assert_eq!((report.packets_lost, report.jitter_micros), (0, 0), "{suite:?}");
        assert_eq!(hears(&mut leg, now, PHONE, &phone.says(7, 50)), Verdict::Forward(172), "{suite:?}");
    }
}

/// RFC 4568 §7.1.3: a re-INVITE brings new keys. What was on its way is heard, later the old key is worth nothing.
#[test]
fn new_keys_are_taken_at_once_and_the_old_ones_for_two_seconds() {
    for (before, after) in [(Suite::AeadAes128Gcm, Suite::AeadAes128Gcm), (Suite::ALL[1], Suite::ALL[0])] {
        let (old, new) = (keys(before, 1), keys(after, 3));
        let mut leg = LegState::new(media(Protection::Srtp(old.clone())));
        let (mut phone, mut renewed) = (Phone::of(&old), Phone::of(&new));
        assert_eq!(hears(&mut leg, 0, PHONE, &phone.says(7, 1)), Verdict::Forward(172));
        let (late, later) = (phone.says(7, 2), phone.says(7, 3));
        leg.configure(PTIME, media(Protection::Srtp(new.clone())));
        assert_eq!(hears(&mut leg, PTIME, PHONE, &renewed.says(7, 4)), Verdict::Forward(172));
        assert_eq!(hears(&mut leg, 2 * PTIME, PHONE, &late), Verdict::Forward(172));
        assert_eq!(hears(&mut leg, 2 * PTIME, PHONE, &late), Verdict::Drop(DropReason::Replayed));
        let forgotten = PTIME + REKEY_OVERLAP_MICROS;
        assert_eq!(hears(&mut leg, forgotten, PHONE, &later), Verdict::Drop(DropReason::Unauthentic));
        // What is sent is under the new key from the first packet on.
        let mut room = rtp(9, 1);
        room.resize(200, 0);
        let len = leg.seal(0, Channel::Rtp, &mut room, 172).unwrap();
        assert_eq!(renewed.ear.open_rtp(&mut room[..len]), Ok(172));
    }
}

#[test]
fn the_same_keys_again_go_on_where_they_were() {
    let agreed = keys(Suite::AesCm128HmacSha1_32, 1);
    let mut leg = LegState::new(media(Protection::Srtp(agreed.clone())));
    let mut phone = Phone::of(&agreed);
    let first = phone.says(7, 1);
    assert_eq!(hears(&mut leg, 0, PHONE, &first), Verdict::Forward(172));
    let mut room = rtp(9, 1);
    room.resize(200, 0);
    let mut again = room.clone();
    assert!(leg.seal(0, Channel::Rtp, &mut room, 172).is_ok());
    // Hold, and hold no longer.
    for receives in [false, true] {
        leg.configure(PTIME, LegMedia { receives, ..media(Protection::Srtp(agreed.clone())) });
    }
    assert_eq!(hears(&mut leg, PTIME, PHONE, &first), Verdict::Drop(DropReason::Replayed));
    assert_eq!(leg.seal(0, Channel::Rtp, &mut again, 172), Err(DropReason::Unsealed), "sealed before");
    assert_eq!(hears(&mut leg, PTIME, PHONE, &phone.says(7, 2)), Verdict::Forward(172));
}

/// Decision 0014: the next process goes on with keys and rollover counter, in an image that fits.
#[test]
fn a_leg_goes_on_from_its_image() {
    for suite in Suite::ALL {
        let agreed = keys(suite, 1);
        let mut leg = LegState::new(media(Protection::Srtp(agreed.clone())));
        let mut phone = Phone::of(&agreed);
        let mut last = Vec::new();
        for n in 0..70_000_u32 {
            last = phone.says(7, n as u16);
            assert_eq!(hears(&mut leg, u64::from(n) * PTIME, PHONE, &last), Verdict::Forward(172));
        }
        let now = 70_000 * PTIME;
        let image = postcard::to_allocvec(&leg).unwrap();
        let mut leg: LegState = postcard::from_bytes(&image).unwrap();
        assert_eq!(postcard::to_allocvec(&leg).unwrap(), image, "{suite:?}");
        leg.skip_unseen();
        assert_eq!(hears(&mut leg, now, PHONE, &last), Verdict::Drop(DropReason::Replayed), "{suite:?}");
        assert_eq!(hears(&mut leg, now, PHONE, &phone.says(7, 70_000_u32 as u16)), Verdict::Forward(172));
        // As many senders on the other side as a key is used for.
        for ssrc in 0..1_000_u32 {
            let mut room = rtp(u32::MAX - ssrc, u16::MAX);
            room.resize(200, 0);
            let _ = leg.seal(0, Channel::Rtp, &mut room, 172);
        }
        let image = postcard::to_allocvec(&leg).unwrap();
        assert!(image.len() < 1_500, "{suite:?}: {} bytes", image.len());
    }
}
