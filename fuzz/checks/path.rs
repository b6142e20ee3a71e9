//! What must hold for two joined legs whatever packets, orders and re-INVITEs come, in any sequence.
//!
//! Invariants: no panic; a packet goes on only when its leg has accepted it, only to the other leg's proven or
//! stated address, never to an attacker; nothing is counted twice; a leg that is not joined sends nothing.

use std::net::{IpAddr, SocketAddr};

use super::script::Script;
use streams::{
    leg::{Channel, DropReason, LegState},
    media::LegMedia,
    path::{Path, Step},
    rtp::Header,
};

/// Each leg's phone: the address of its SDP, and two ports behind its NAT. The last one belongs to an attacker.
const SOURCES: [[&str; 3]; 2] = [
    ["192.0.2.10:4000", "203.0.113.7:61000", "203.0.113.7:62000"],
    ["192.0.2.20:4000", "203.0.113.8:61000", "203.0.113.8:62000"],
];
/// What a re-INVITE may say: where its phone is, and which way media goes.
const HOWS: [u8; 10] = [0, 1, 2, 3, 4, 8, 9, 16, 24, 31];
const ATTACKER: &str = "198.51.100.66:4000";

/// Plays one story.
pub fn relay_path(data: &[u8]) {
    let mut script = Script::new(data);
    let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let attacker = at(ATTACKER);
    let media = |leg: usize, how: u8| {
        let [stated, natted, other] = SOURCES[leg].map(at);
        LegMedia {
            remote: [Some(stated), None, Some(natted), Some(other)][usize::from(how & 3)],
            remote_rtcp: (how & 4 != 0).then(|| SocketAddr::new(stated.ip(), 4_001)),
            sends: how & 8 == 0,
            receives: how & 16 == 0,
            ..LegMedia::unknown(natted.ip())
        }
    };
    let mut legs = [0, 1].map(|leg| LegState::new(media(leg, script.byte())));
    let (mut now, mut is_joined, mut taken) = (0_u64, false, [[0_u64; 2]; 2]);
    while !script.is_over() {
        let what = script.byte();
        now += u64::from(script.byte()) * 4_000;
        let leg = usize::from(what & 1);
        match what >> 1 & 7 {
            0 => is_joined = !is_joined,
            1 => legs[leg].configure(now, media(leg, script.any(&HOWS).copied().unwrap_or(0))),
            _ => {
                let [stated, natted, other] = SOURCES[leg].map(at);
                let source = script.pick(&[stated, natted, other, attacker]);
                let channel = if what & 0x40 == 0 { Channel::Rtp } else { Channel::Rtcp };
                let packet = packet(&mut script, channel);
                let [first, second] = &mut legs;
                let (from, to) = if leg == 0 { (first, second) } else { (second, first) };
                let to_media = to.destination(channel);
                let mut path = Path::new(channel, from, if is_joined { Some(to) } else { None });
                let destination = path.destination();
                assert_eq!(destination, if is_joined { to_media } else { None });
                assert_ne!(destination, Some(attacker), "nothing is sent to an attacker");
                let step = path.carry(now, source, &mut packet.clone(), packet.len());
                if let Step::Send(bytes) = step {
                    assert_eq!(bytes, packet.len(), "between plain legs nothing is changed");
                    assert!(is_joined && destination.is_some() && source != attacker);
                }
                if matches!(step, Step::Send(_) | Step::Keep) {
                    assert_ne!(source, attacker, "nobody believes an attacker");
                    assert!(channel == Channel::Rtcp || Header::read(&packet).is_ok());
                    taken[leg][usize::from(channel == Channel::Rtcp)] += 1;
                } else if source == attacker {
                    assert_eq!(step, Step::Drop(DropReason::Foreign));
                }
            }
        }
    }
    for (leg, [rtp, rtcp]) in taken.into_iter().enumerate() {
        let report = legs[leg].report();
        assert_eq!((report.packets_received, report.rtcp_received), (rtp, rtcp));
        assert_ne!(legs[leg].pinned().map(|source| source.ip()), Some(IpAddr::from([198, 51, 100, 66])));
    }
}

/// A packet that is nearly right, so that most of them get past the first look.
fn packet(script: &mut Script<'_>, channel: Channel) -> Vec<u8> {
    let (how, sequence) = (script.byte(), script.byte());
    let mut packet = match channel {
        Channel::Rtp => {
            let ssrc = how >> 6;
            vec![0x80, 0, how & 1, sequence, 0, 0, sequence, 160, 0, 0, 0, ssrc, 1, 2, 3, 4]
        }
        Channel::Rtcp => vec![0x80, 201, 0, 1, 0, 0, 0, how >> 6],
    };
    match how >> 3 & 7 {
        0 => packet = script.bytes().to_vec(),
        1 => {
            let at = script.below(packet.len());
            packet[at] = script.byte();
        }
        2 => packet.truncate(usize::from(sequence) % 17),
        _ => {}
    }
    packet
}
