//! What must hold for any bytes that reach the media code. Each function panics when it does not.
//!
//! Shared by the fuzz targets and by the test that replays the committed corpora (`media/streams/tests/corpus.rs`).

use std::net::SocketAddr;

use streams::{
    classify::{Class, classify},
    leg::{Channel, DropReason, LegState, REPORT_BYTES_MAX, ReportTime, Verdict},
    media::LegMedia,
    rtcp,
    rtp::Header,
    sdp::{DESCRIPTION_BYTES_MAX, Description, Origin, Ours, RELAYED_STREAMS_MAX, STREAMS_MAX},
};

/// A description is refused or understood; what we make of it is ours, complete, and reads back the same.
pub fn sdp(data: &[u8]) {
    let Ok(description) = Description::parse(data) else { return };
    let streams: Vec<_> = description.streams().collect();
    assert!(data.len() <= DESCRIPTION_BYTES_MAX && (1..=STREAMS_MAX).contains(&streams.len()));
    let _ = description.is_held();
    let us: SocketAddr = "203.0.113.1:20000".parse().expect("an address");
    for media in [vec![Some(Ours::from(us)); STREAMS_MAX], vec![None; STREAMS_MAX], vec![]] {
        let mut origin = Origin::new(7, us.ip());
        let relayed = description.relayed(&mut origin, &media);
        let bytes = relayed.to_bytes();
        assert_eq!(
            relayed.relayed(&mut Origin::new(7, us.ip()), &media).to_bytes(),
            bytes,
            "ours is a fixed point"
        );
        assert_eq!(description.relayed(&mut origin, &media).to_bytes(), bytes, "no change, no new version");
        check_relayed(&bytes);
        if bytes.len() <= DESCRIPTION_BYTES_MAX {
            assert_eq!(Description::parse(&bytes).as_ref(), Ok(&relayed));
        }
        let active = relayed.streams().filter(|s| s.is_active()).count();
        let relayable = streams.iter().filter(|s| s.is_relayable()).count();
        let expected =
            if media.first().is_some_and(Option::is_some) { relayable.min(RELAYED_STREAMS_MAX) } else { 0 };
        assert_eq!((relayed.streams().count(), active), (streams.len(), expected));
    }
}

/// Only line types and attributes that we print, and no address but ours.
fn check_relayed(bytes: &[u8]) {
    const PRINTED: [&str; 14] = [
        "rtpmap",
        "fmtp",
        "ptime",
        "maxptime",
        "silencesupp",
        "rtcp-fb",
        "framerate",
        "framesize",
        "imageattr",
        "content",
        "sendrecv",
        "sendonly",
        "recvonly",
        "inactive",
    ];
    let text = core::str::from_utf8(bytes).expect("UTF-8");
    for line in text.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        match line.split_at(2) {
            ("v=" | "s=" | "b=" | "t=" | "m=", _) => {}
            ("o=", value) => assert!(value.ends_with(" IN IP4 203.0.113.1"), "{line}"),
            ("c=", value) => assert_eq!(value, "IN IP4 203.0.113.1"),
            ("a=", value) => {
                let name = value.split(':').next().unwrap_or(value).to_ascii_lowercase();
                assert!(PRINTED.contains(&name.as_str()), "{line}");
            }
            _ => panic!("{line}"),
        }
    }
}

/// Sources that packets come from: the SDP's address, the signalling host behind NAT (two ports), and an attacker.
const SOURCES: [&str; 4] =
    ["192.0.2.10:4000", "203.0.113.7:61000", "203.0.113.7:62000", "198.51.100.66:4000"];
const ATTACKER: usize = 3;

/// Whatever a leg has lived through, what it says of itself is RTCP that any reader takes.
fn check_report(leg: &mut LegState, now: u64, random: u64) {
    let _ = leg.measure();
    let _ = leg.seen(now, None, false).judgement.diagnosis.expect("a diagnosis").to_string();
    let mut room = [0; REPORT_BYTES_MAX];
    let time = ReportTime { micros: now, ntp: now << 20 };
    if let Some(len) = leg.write_report(time, random, &mut room) {
        let summary = rtcp::read(&room[..len]).expect("RTCP");
        let expected = leg.report().packets_received > 0;
        assert!(summary.report.is_none() || expected, "a report about a stream that never came");
    }
}

/// A leg lives through any sequence of packets and re-INVITEs. Each step is: what (source, channel or new SDP),
/// time since the last in 8 ms, length, bytes.
pub fn rtp_rtcp(data: &[u8]) {
    let sources = SOURCES.map(|s| s.parse::<SocketAddr>().expect("an address"));
    let media = LegMedia {
        remote: Some(sources[0]),
        remote_rtcp: Some("192.0.2.10:4001".parse().expect("an address")),
        ..LegMedia::unknown(sources[1].ip())
    };
    let mut leg = LegState::new(media.clone());
    let (mut now, mut rest) = (0_u64, data);
    let (mut rtp, mut rtcp_taken, mut foreign, mut steps) = (0, 0, 0, 0_u64);
    while let [what, pause, len, after @ ..] = rest {
        let (packet, after) = after.split_at(usize::from(*len).min(after.len()));
        rest = after;
        steps += 1;
        now += u64::from(*pause) * 8_000;
        let source = usize::from(what & 3);
        if what & 0x80 != 0 {
            let remote =
                [Some(sources[0]), None, Some(sources[1]), Some("192.0.2.10:5000".parse().expect("one"))];
            leg.configure(now, LegMedia { remote: remote[source], sends: what & 4 != 0, ..media.clone() });
            continue;
        }
        let channel = if what & 4 == 0 { Channel::Rtp } else { Channel::Rtcp };
        check_report(&mut leg, now, u64::from(*len));
        let before = leg.report();
        let verdict = leg.accept(now, channel, sources[source], &mut packet.to_vec());
        match (verdict, channel) {
            (Verdict::Forward(_) | Verdict::Keep(_), Channel::Rtp) => {
                assert!(Header::read(packet).is_ok() && classify(packet) == Class::Rtp);
                assert_eq!(leg.pinned(), Some(sources[source]));
                rtp += 1;
            }
            (Verdict::Forward(_), Channel::Rtcp) => {
                assert!(rtcp::read(packet).is_ok());
                rtcp_taken += 1;
            }
            (Verdict::Keep(_), Channel::Rtcp) => panic!("RTCP goes on during hold"),
            (Verdict::Drop(reason), _) => {
                foreign += u64::from(reason == DropReason::Foreign);
                let same = leg.report();
                assert_eq!(
                    (same.packets_received, same.rtcp_received),
                    (before.packets_received, before.rtcp_received)
                );
            }
        }
        if source == ATTACKER {
            assert_eq!(verdict, Verdict::Drop(DropReason::Foreign));
        }
        assert_ne!(leg.pinned(), Some(sources[ATTACKER]));
        for channel in [Channel::Rtp, Channel::Rtcp] {
            assert_ne!(leg.destination(channel), Some(sources[ATTACKER]));
        }
    }
    let report = leg.report();
    assert_eq!(
        (report.packets_received, report.rtcp_received, report.packets_foreign),
        (rtp, rtcp_taken, foreign)
    );
    assert!(report.packets_lost.unsigned_abs() <= steps * 65_536);
}
