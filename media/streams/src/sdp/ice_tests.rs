//! Offers of browsers, as they make them, and what they are told.

use std::net::SocketAddr;

use super::*;
use crate::{
    dtls::{Fingerprint, Hash},
    ice::{CREDENTIALS_RANDOM_BYTES, Credentials},
    media::LeaseId,
};

/// Of aiortc 1.16, with sound, pictures and data.
const AIORTC: &str = include_str!("../../tests/browsers/aiortc.offer.sdp");

/// Of Chromium 156, which has gathered nothing yet: no address, and much that we do not know.
const CHROMIUM: &str = include_str!("../../tests/browsers/chromium.offer.sdp");

fn ours(mid: Option<String>, is_bundled: bool, is_over_tcp: bool) -> Ours {
    let credentials = Credentials::new(LeaseId(0x0001_002a), [9; CREDENTIALS_RANDOM_BYTES]);
    let candidates: Vec<SocketAddr> =
        ["192.0.2.10:30000", "[2001:db8::10]:30000"].map(|text| text.parse().unwrap()).to_vec();
    let dtls = Dtls {
        fingerprints: vec![Fingerprint::of(Hash::Sha256, b"ours")],
        setup: Some(Setup::Passive),
        tls_id: None,
    };
    Ours {
        address: candidates[0],
        profile: Profile::TlsSavpf,
        crypto: Vec::new(),
        dtls: Some(dtls),
        ice: Some(OurIce { ice: Ice { credentials, mid, is_bundled }, candidates, is_over_tcp }),
    }
}

fn answer(offer: &str, is_over_tcp: bool) -> String {
    let offer = Description::parse(offer.as_bytes()).unwrap();
    let line = offer.streams().find(Stream::is_browsers).unwrap();
    let ice = line.ice.unwrap();
    let mut origin = Origin::new(1, [192, 0, 2, 10].into());
    let only = offer.with_one_audio_line();
    let own = only.own_answer().unwrap();
    let answer = own.relayed(&mut origin, &[Some(ours(ice.mid, ice.is_bundled, is_over_tcp))]);
    assert!(answer.answers(&offer));
    String::from_utf8(answer.to_bytes()).unwrap()
}

#[test]
fn a_browsers_offer_without_an_address_is_no_hold() {
    for offer in [AIORTC, CHROMIUM] {
        let offer = Description::parse(offer.as_bytes()).unwrap();
        let audio = offer.streams().next().unwrap();
        assert!(audio.is_browsers() && audio.is_relayable() && !offer.is_held());
        assert_eq!((audio.direction, audio.profile), (Direction::SendRecv, Profile::TlsSavpf));
        let ice = audio.ice.unwrap();
        assert!(ice.is_bundled && ice.mid.is_some());
        assert_eq!(audio.dtls.unwrap().setup, Some(Setup::ActPass));
    }
}

#[test]
fn a_browser_is_answered_on_one_port_with_all_addresses() {
    let answer = answer(CHROMIUM, false);
    for line in [
        "a=ice-lite",
        "a=group:BUNDLE 0",
        "m=audio 30000 UDP/TLS/RTP/SAVPF 111 110\r\n",
        "a=mid:0",
        "a=ice-ufrag:0001002aCQkJCQkJ",
        "a=candidate:1 1 udp 2130706431 192.0.2.10 30000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::10 30000 typ host",
        "a=end-of-candidates",
        "a=rtcp-mux",
        "a=setup:passive",
        "a=msid:sambung audio",
        "m=video 0 UDP/TLS/RTP/SAVPF",
        "m=application 0 UDP/DTLS/SCTP",
    ] {
        assert!(answer.contains(line), "{line} is not in\n{answer}");
    }
    for foreign in ["extmap", "ssrc", "ice-options", "rtcp-rsize", " tcp "] {
        assert!(!answer.contains(foreign), "{foreign} is in\n{answer}");
    }
}

#[test]
fn rfc_6544_4_5_connections_are_offered_behind_everything_that_udp_has() {
    let answer = answer(CHROMIUM, true);
    let candidates: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("a=candidate:")).collect();
    assert_eq!(
        candidates,
        [
            "1 1 udp 2130706431 192.0.2.10 30000 typ host",
            "2 1 udp 2130706175 2001:db8::10 30000 typ host",
            "3 1 tcp 1520435199 192.0.2.10 30000 typ host tcptype passive",
            "4 1 tcp 1520434943 2001:db8::10 30000 typ host tcptype passive",
        ]
    );
}

#[test]
fn rfc_8839_5_4_credentials_are_read_whole_or_not_at_all() {
    let read = |lines: &str| {
        let text = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n{lines}");
        Description::parse(text.as_bytes()).unwrap().streams().next().unwrap()
    };
    let (name, password) = ("a=ice-ufrag:abcd\r\n", "a=ice-pwd:0123456789012345678901\r\n");
    let audio = "m=audio 9 RTP/AVP 0\r\n";
    assert!(read(&format!("{audio}{name}{password}")).ice.is_some());
    let above = read(&format!("{name}{password}{audio}"));
    assert!(above.ice.is_some() && !above.is_browsers(), "for all lines, and a phone's");
    for bad in [
        name.to_owned(),
        password.to_owned(),
        format!("a=ice-ufrag:abc\r\n{password}"),
        format!("a=ice-ufrag:ab:d\r\n{password}"),
        format!("{name}a=ice-pwd:012345678901234567890\r\n"),
        format!("a=ice-ufrag:{}\r\n{password}", "a".repeat(257)),
    ] {
        let stream = read(&format!("{audio}{bad}"));
        assert_eq!((stream.ice, stream.direction), (None, Direction::SendOnly), "{bad}");
    }
}
