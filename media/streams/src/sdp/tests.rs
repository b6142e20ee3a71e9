//! Descriptions as phones write them, and what we make of them.

use std::net::{IpAddr, SocketAddr};

use super::*;

fn crlf(lines: &str) -> Vec<u8> {
    let trimmed = lines.trim().lines().map(str::trim_start);
    trimmed.flat_map(|l| [l.as_bytes(), b"\r\n"].concat()).collect()
}

fn parse(lines: &str) -> Description {
    Description::parse(&crlf(lines)).unwrap()
}

fn origin() -> Origin {
    Origin::new(42, IpAddr::from([203, 0, 113, 1]))
}

fn ours(port: u16) -> Option<Ours> {
    Some(SocketAddr::from(([203, 0, 113, 1], port)).into())
}

/// Relays for a fresh leg and compares the whole text.
fn check(from: &str, media: &[Option<Ours>], expected: &str) {
    let relayed = parse(from).relayed(&mut origin(), media);
    let text = String::from_utf8(relayed.to_bytes()).unwrap();
    assert_eq!(text, String::from_utf8(crlf(expected)).unwrap());
    let again = Description::parse(text.as_bytes()).unwrap();
    assert_eq!(again, relayed, "what we write we read back the same");
}

const PHONE: &str = "
    v=0
    o=alice 2890844526 2890844526 IN IP4 192.168.1.20
    s=Phone of Alice
    c=IN IP4 192.168.1.20
    b=AS:64
    t=0 0
    m=audio 11780 RTP/AVP 9 8 0 101
    a=rtpmap:9 G722/8000
    a=rtpmap:8 PCMA/8000
    a=rtpmap:0 PCMU/8000
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15
    a=ptime:20
    a=rtcp:11781 IN IP4 192.168.1.20
    a=candidate:1 1 UDP 2130706431 192.168.1.20 11780 typ host
    a=sendrecv";

#[test]
fn a_phone_s_offer_is_relayed_with_our_address_and_without_its_own() {
    check(
        PHONE,
        &[ours(20_000)],
        "v=0
        o=- 42 42 IN IP4 203.0.113.1
        s=-
        c=IN IP4 203.0.113.1
        b=AS:64
        t=0 0
        m=audio 20000 RTP/AVP 9 8 0 101
        a=rtpmap:9 G722/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=sendrecv",
    );
}

#[test]
fn nothing_of_the_far_end_s_addresses_keys_or_names_passes() {
    let from = "
        v=0
        o=bob 1 1 IN IP4 10.9.8.7
        s=secret 10.9.8.7
        i=secret
        u=http://10.9.8.7/
        e=secret@10.9.8.7
        p=+62 10.9.8.7
        c=IN IP4 10.9.8.7
        t=3034423619 3042462419
        r=604800 3600 0 90000
        k=clear:secret
        a=ice-ufrag:secret
        a=ice-pwd:secret
        a=fingerprint:sha-256 secret
        a=group:BUNDLE 0
        a=tool:secret
        m=audio 4000 RTP/AVP 0
        i=secret
        c=IN IP4 10.9.8.7
        k=clear:secret
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret
        a=ssrc:1 cname:secret
        a=candidate:1 1 UDP 1 10.9.8.7 4000 typ host
        a=rtcp:4001 IN IP4 10.9.8.7
        a=rtcp-mux
        a=mid:0
        a=setup:actpass
        a=zrtp-hash:secret
        a=x-unheard-of:secret";
    check(
        from,
        &[ours(20_000)],
        "v=0
        o=- 42 42 IN IP4 203.0.113.1
        s=-
        c=IN IP4 203.0.113.1
        t=0 0
        m=audio 20000 RTP/AVP 0
        a=sendrecv",
    );
}

/// RFC 3264 §6 and §8: refused m-lines keep their place.
#[test]
fn m_lines_that_we_cannot_carry_keep_their_place_with_port_0() {
    check(
        "v=0
        o=- 1 1 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=image 5000 udptl t38
        a=T38FaxVersion:0
        m=audio 4000 TCP/TLS/RTP/SAVP 0
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc
        m=audio 4004 RTP/AVP 8
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        m=video 4008 RTP/AVPF 96
        a=rtpmap:96 H264/90000
        a=rtcp-fb:96 nack pli
        m=video 0 RTP/AVP 31",
        &[ours(20_000), ours(20_002), ours(20_004), ours(20_006), ours(20_008), ours(20_010)],
        "v=0
        o=- 42 42 IN IP4 203.0.113.1
        s=-
        c=IN IP4 203.0.113.1
        t=0 0
        m=image 0 udptl t38
        m=audio 0 TCP/TLS/RTP/SAVP 0
        m=audio 20004 RTP/AVP 8
        a=sendrecv
        m=application 0 UDP/DTLS/SCTP webrtc-datachannel
        m=video 20008 RTP/AVPF 96
        a=rtpmap:96 H264/90000
        a=rtcp-fb:96 nack pli
        a=sendrecv
        m=video 0 RTP/AVP 31",
    );
}

#[test]
fn m_lines_without_a_lease_and_beyond_the_fourth_are_refused() {
    let mut from = String::from("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n");
    for port in 0..6 {
        from.push_str(&format!("m=audio {} RTP/AVP 0\n", 4_000 + 2 * port));
    }
    let all = [ours(1), ours(2), ours(3), ours(4), ours(5), ours(6)];
    let ports = |media: &[Option<Ours>]| -> Vec<u16> {
        parse(&from).relayed(&mut origin(), media).streams().map(|s| s.port).collect()
    };
    assert_eq!(ports(&all), [1, 2, 3, 4, 0, 0]);
    assert_eq!(ports(&[None, ours(2)]), [0, 2, 0, 0, 0, 0]);
    assert_eq!(ports(&[]), [0; 6], "still a description: everything is refused");
}

#[test]
fn ipv6_to_ipv4_and_mixed_families() {
    let v6: SocketAddr = "[2001:db8::1]:30000".parse().unwrap();
    check(
        "v=0
        o=- 1 1 IN IP6 2001:db8::99
        s=-
        t=0 0
        m=audio 4000 RTP/AVP 0
        c=IN IP6 2001:db8::99
        m=video 4002 RTP/AVP 34
        c=IN IP4 192.0.2.1",
        &[ours(20_000), Some(v6.into())],
        "v=0
        o=- 42 42 IN IP4 203.0.113.1
        s=-
        c=IN IP4 203.0.113.1
        t=0 0
        m=audio 20000 RTP/AVP 0
        a=sendrecv
        m=video 30000 RTP/AVP 34
        c=IN IP6 2001:db8::1
        a=sendrecv",
    );
}

/// RFC 3264 §8: the version goes up by one if and only if the description changed.
#[test]
fn the_version_moves_exactly_with_the_text() {
    let mut origin = origin();
    let mut version = |text: &str, port: u16| {
        let relayed = parse(text).relayed(&mut origin, &[ours(port)]);
        let text = String::from_utf8(relayed.to_bytes()).unwrap();
        let line = text.lines().find(|l| l.starts_with("o=")).unwrap().to_owned();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[1], "42", "the session id stays");
        words[2].parse::<u64>().unwrap()
    };
    let held = PHONE.replace("a=sendrecv", "a=sendonly");
    // The far end's own o= line is not our text.
    let renamed = PHONE.replace("o=alice 2890844526 2890844526", "o=alice 2890844526 2890844527");
    assert_eq!(version(PHONE, 20_000), 42);
    assert_eq!(version(PHONE, 20_000), 42);
    assert_eq!(version(&renamed, 20_000), 42);
    assert_eq!(version(&held, 20_000), 43);
    assert_eq!(version(&held, 20_000), 43);
    assert_eq!(version(PHONE, 20_000), 44);
    assert_eq!(version(PHONE, 20_002), 45);
}

#[test]
fn ids_stay_in_the_range_of_rfc_3264() {
    let relayed = parse(PHONE).relayed(&mut Origin::new(u64::MAX, [203, 0, 113, 1].into()), &[]);
    let text = String::from_utf8(relayed.to_bytes()).unwrap();
    assert!(text.contains("o=- 4611686018427387903 4611686018427387903 IN"), "{text}");
}

/// One audio m-line with these session-level and m-line-level lines.
fn audio(session: &str, media: &str) -> Description {
    parse(&format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n{session}\nt=0 0\nm=audio 4000 RTP/AVP 0\n{media}"))
}

#[test]
fn direction_is_read_at_both_levels_and_written_at_the_m_line() {
    for (session, media, direction) in [
        ("c=IN IP4 192.0.2.1", "", Direction::SendRecv),
        ("c=IN IP4 192.0.2.1", "a=sendonly", Direction::SendOnly),
        ("c=IN IP4 192.0.2.1\na=recvonly", "", Direction::RecvOnly),
        ("c=IN IP4 192.0.2.1\na=inactive", "a=sendrecv", Direction::SendRecv),
        ("c=IN IP4 0.0.0.0", "", Direction::SendOnly),
        ("c=IN IP4 0.0.0.0", "a=recvonly", Direction::Inactive),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", Direction::SendOnly),
        ("c=IN IP4 0.0.0.0", "c=IN IP4 192.0.2.1", Direction::SendRecv),
        ("c=IN IP6 ::", "a=sendrecv", Direction::SendOnly),
    ] {
        let description = audio(session, media);
        assert_eq!(description.streams().next().unwrap().direction, direction, "{session} / {media}");
        assert_eq!(description.is_held(), !direction.receives(), "{session} / {media}");
        let relayed = description.relayed(&mut origin(), &[ours(20_000)]);
        assert_eq!(relayed.streams().next().unwrap().direction, direction, "relayed: {session} / {media}");
    }
}

#[test]
fn a_call_is_held_when_all_its_audio_is() {
    let two = |a: &str, b: &str| {
        parse(&format!(
            "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{a}\na=sendonly\n{b}\na=sendrecv"
        ))
    };
    assert!(two("m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 34").is_held());
    assert!(!two("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0").is_held());
    assert!(two("m=audio 4000 RTP/AVP 0", "m=audio 0 RTP/AVP 0").is_held(), "a refused one does not count");
    assert!(!two("m=video 4000 RTP/AVP 34", "m=video 4002 RTP/AVP 34").is_held(), "no audio, no hold");
}

#[test]
fn addresses_are_unicast_ip_literals_only() {
    for (session, media, rtp, rtcp) in [
        ("c=IN IP4 192.0.2.1", "", Some("192.0.2.1:4000"), Some("192.0.2.1:4001")),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.7", Some("192.0.2.7:4000"), Some("192.0.2.7:4001")),
        ("c=IN IP6 2001:db8::5", "", Some("[2001:db8::5]:4000"), Some("[2001:db8::5]:4001")),
        ("c=IN IP6 ::ffff:192.0.2.1", "", Some("192.0.2.1:4000"), Some("192.0.2.1:4001")),
        ("c=IN IP4 192.0.2.1", "a=rtcp:5001", Some("192.0.2.1:4000"), Some("192.0.2.1:5001")),
        (
            "c=IN IP4 192.0.2.1",
            "a=rtcp:5001 IN IP4 192.0.2.3",
            Some("192.0.2.1:4000"),
            Some("192.0.2.3:5001"),
        ),
        ("c=IN IP4 192.0.2.1", "a=rtcp:0", Some("192.0.2.1:4000"), None),
        ("c=IN IP4 192.0.2.1", "a=rtcp:99999", Some("192.0.2.1:4000"), None),
        ("c=IN IP4 192.0.2.1", "a=rtcp:5001 IN IP4 224.1.1.1", Some("192.0.2.1:4000"), None),
        ("c=IN IP4 192.0.2.1", "a=rtcp:5001 IN IP4 evil.example", Some("192.0.2.1:4000"), None),
        ("c=IN IP4 phone.example.com", "", None, None),
        ("c=IN IP4 224.2.1.1/127", "", None, None),
        ("c=IN IP4 255.255.255.255", "", None, None),
        ("c=IN IP4 0.0.0.0", "", None, None),
        ("", "", None, None),
    ] {
        let stream = audio(session, media).streams().next().unwrap();
        let parsed = |text: Option<&str>| text.map(|t| t.parse::<SocketAddr>().unwrap());
        assert_eq!(stream.address, parsed(rtp), "RTP of {session} / {media}");
        assert_eq!(stream.rtcp, parsed(rtcp), "RTCP of {session} / {media}");
    }
}

#[test]
fn the_last_port_has_no_rtcp() {
    let description =
        parse("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 65535 RTP/AVP 0");
    let stream = description.streams().next().unwrap();
    assert_eq!((stream.address.map(|a| a.port()), stream.rtcp), (Some(65_535), None));
}

#[test]
fn formats_with_and_without_rtpmap() {
    let description = parse(
        "v=0
        o=- 1 1 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=audio 4000 RTP/AVP 101 111 9 18 77 200 x
        a=rtpmap:111 opus/48000/2
        a=rtpmap:101 telephone-event/8000
        a=rtpmap:77 broken",
    );
    let stream = description.streams().next().unwrap();
    let formats: Vec<_> =
        stream.formats.iter().map(|f| (f.payload_type, f.encoding.as_deref(), f.clock_rate_hz)).collect();
    assert_eq!(
        formats,
        [
            (101, Some("telephone-event"), 8_000),
            (111, Some("opus"), 48_000),
            (9, Some("G722"), 8_000),
            (18, Some("G729"), 8_000),
            (77, None, 8_000),
        ]
    );
    assert_eq!(stream.clock_rate_hz(), 48_000, "the first format that is speech");
}

#[test]
fn an_answer_has_the_m_lines_of_its_offer() {
    let of = |lines: &str| {
        parse(&format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{lines}"))
    };
    let offer = of("m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 34");
    for (answer, good) in [
        ("m=audio 5000 RTP/AVP 0\nm=video 0 RTP/AVP 34", true),
        ("m=audio 0 RTP/AVP 0\nm=video 0 RTP/AVP 34", true),
        ("m=audio 5000 RTP/AVP 0", false),
        ("m=video 0 RTP/AVP 34\nm=audio 5000 RTP/AVP 0", false),
        ("m=audio 5000 RTP/AVP 0\nm=video 5002 RTP/AVP 34", false),
        ("m=audio 5000 RTP/AVP 0\nm=video 0 RTP/AVP 34\nm=audio 5004 RTP/AVP 0", false),
    ] {
        assert_eq!(of(answer).answers(&offer), good, "{answer}");
    }
}

#[test]
fn limits_and_syntax() {
    let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";
    let refused = |text: String| Description::parse(text.as_bytes()).unwrap_err();
    let m_line = "m=audio 4000 RTP/AVP 0\r\n";
    assert!(Description::parse(format!("{head}{}", m_line.repeat(STREAMS_MAX)).as_bytes()).is_ok());
    assert_eq!(
        refused(format!("{head}{}", m_line.repeat(STREAMS_MAX + 1))),
        SdpError::TooManyStreams(STREAMS_MAX + 1)
    );
    let attribute = format!("a=x:{}\r\n", "y".repeat(DESCRIPTION_BYTES_MAX));
    assert!(matches!(refused(format!("{head}{m_line}{attribute}")), SdpError::TooLong(_)));
    let formats = " 0".repeat(FORMATS_MAX + 1);
    assert_eq!(
        refused(format!("{head}m=audio 4000 RTP/AVP{formats}\r\n")),
        SdpError::TooManyFormats(FORMATS_MAX + 1)
    );
    assert_eq!(refused(head.into()), SdpError::NoStreams);
    for (name, text) in [
        ("empty", String::new()),
        ("not SDP", "hello".into()),
        ("version 1", head.replace("v=0", "v=1") + m_line),
        ("two origins", format!("{head}o=- 1 1 IN IP4 192.0.2.1\r\n{m_line}")),
        ("port beyond 65535", format!("{head}m=audio 65536 RTP/AVP 0\r\n")),
        ("negative port", format!("{head}m=audio -2 RTP/AVP 0\r\n")),
        ("no format", format!("{head}m=audio 4000 RTP/AVP\r\n")),
        ("no format but a space", format!("{head}m=audio 4000 RTP/AVP \r\n")),
        ("a format that is no token", format!("{head}m=audio 4000 RTP/AVP 0 \"8\"\r\n")),
        ("lone CR in a line", format!("{head}{m_line}a=rtpmap:0 PCMU\r/8000\r\n")),
        ("NUL in a line", format!("{head}{m_line}a=rtpmap:0 PCMU\0/8000\r\n")),
        ("media that is no token", format!("{head}m=au\"dio 4000 RTP/AVP 0\r\n")),
        ("proto that is no token", format!("{head}m=audio 4000 RTP//AVP 0\r\n")),
    ] {
        assert!(matches!(refused(text), SdpError::Malformed(_)), "{name}");
    }
}

#[test]
fn spaces_in_excess_are_forgiven_and_not_repeated() {
    let loose = PHONE.replace("9 8 0 101", "9  8 0 101 ");
    let text = parse(&loose).relayed(&mut origin(), &[ours(20_000)]).to_bytes();
    assert_eq!(text, parse(PHONE).relayed(&mut origin(), &[ours(20_000)]).to_bytes());
}

#[test]
fn line_ends_may_be_bare() {
    let bare = String::from_utf8(crlf(PHONE)).unwrap().replace("\r\n", "\n");
    assert_eq!(Description::parse(bare.as_bytes()).unwrap(), parse(PHONE));
}

/// Keys are each side's own: the author's stay behind, ours are told. So is the F of the profile, which pictures need
/// wherever the other side has it.
#[test]
fn protection_is_ours_and_so_is_feedback_but_for_pictures() {
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let crypto = crypto::Crypto::read(&format!("3 AES_CM_128_HMAC_SHA1_32 inline:{key}")).unwrap();
    for (theirs, profile, sound, pictures) in [
        ("RTP/AVP", Profile::Avp, "RTP/AVP", "RTP/AVP"),
        ("RTP/AVP", Profile::Savp, "RTP/SAVP", "RTP/SAVP"),
        ("RTP/AVP", Profile::TlsSavp, "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVP"),
        ("RTP/AVP", Profile::TlsSavpf, "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF"),
        ("RTP/SAVP", Profile::Avp, "RTP/AVP", "RTP/AVP"),
        ("RTP/SAVPF", Profile::Avp, "RTP/AVP", "RTP/AVPF"),
        ("RTP/SAVPF", Profile::Avpf, "RTP/AVPF", "RTP/AVPF"),
        ("RTP/SAVPF", Profile::Savp, "RTP/SAVP", "RTP/SAVPF"),
        ("RTP/AVPF", Profile::Savp, "RTP/SAVP", "RTP/SAVPF"),
        ("UDP/TLS/RTP/SAVP", Profile::Avp, "RTP/AVP", "RTP/AVP"),
        ("UDP/TLS/RTP/SAVPF", Profile::Avp, "RTP/AVP", "RTP/AVPF"),
        ("UDP/TLS/RTP/SAVPF", Profile::TlsSavp, "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"),
    ] {
        for (kind, expected) in [("audio", sound), ("video", pictures)] {
            let has_feedback = expected.ends_with('F') || !theirs.ends_with('F');
            let feedback = if has_feedback { "\n                    a=rtcp-fb:* nack" } else { "" };
            let from = format!(
                "v=0
                o=- 1 1 IN IP4 192.0.2.1
                s=-
                c=IN IP4 192.0.2.1
                t=0 0
                m={kind} 4000 {theirs} 0
                a=rtcp-fb:* nack
                a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}",
                key.to_lowercase()
            );
            let us = Ours { profile, crypto: vec![crypto.clone()], ..ours(20_000).unwrap() };
            check(
                &from,
                &[Some(us)],
                &format!(
                    "v=0
                    o=- 42 42 IN IP4 203.0.113.1
                    s=-
                    c=IN IP4 203.0.113.1
                    t=0 0
                    m={kind} 20000 {expected} 0{feedback}
                    a=sendrecv
                    a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:{key}"
                ),
            );
        }
    }
}

#[test]
fn a_description_does_not_print_its_keys() {
    let text = format!("{PHONE}\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20");
    let printed = format!("{:?} {:?}", parse(&text), Kept::of(&parse(&text)));
    assert!(printed.contains("AES_CM_128_HMAC_SHA1_80") && !printed.contains("c2VjcmV0"), "{printed}");
}

const FINGERPRINT: &str =
    "sha-256 E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";

/// What a description says of its first line's handshake.
fn dtls_of(session: &str, media: &str) -> Option<Dtls> {
    let text = format!(
        "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{session}m=audio 4000 UDP/TLS/RTP/SAVP 0\n{media}"
    );
    parse(&text).streams().next().unwrap().dtls
}

#[test]
fn rfc_8122_fingerprints_and_setup_hold_for_every_line_unless_it_says_its_own() {
    let other = FINGERPRINT.replace("55", "56");
    let (one, two) = (format!("a=fingerprint:{FINGERPRINT}\n"), format!("a=fingerprint:{other}\n"));
    let told = |dtls: &Option<Dtls>| -> Vec<String> {
        dtls.iter().flat_map(|dtls| &dtls.fingerprints).map(ToString::to_string).collect()
    };
    assert_eq!(dtls_of("", ""), None);
    assert_eq!(dtls_of("a=setup:active\n", ""), None, "nothing to know it by");
    assert_eq!(told(&dtls_of(&one, "")), [FINGERPRINT]);
    assert_eq!(told(&dtls_of("", &one)), [FINGERPRINT]);
    assert_eq!(told(&dtls_of(&one, &two)), [other.as_str()]);
    assert_eq!(told(&dtls_of("", &format!("{one}{two}"))), [FINGERPRINT, other.as_str()]);
    assert_eq!(told(&dtls_of("", &one.repeat(FINGERPRINTS_MAX + 1))).len(), FINGERPRINTS_MAX);
    let unknown = one.replace("sha-256", "sha-1");
    assert_eq!(told(&dtls_of("", &format!("{unknown}{one}"))), [FINGERPRINT]);
    assert_eq!(dtls_of("", &unknown), None, "a hash that can be forged");

    let setup = |session: &str, media: &str| dtls_of(session, &format!("{one}{media}")).unwrap().setup;
    assert_eq!(setup("", ""), None);
    assert_eq!(setup("a=setup:passive\n", ""), Some(Setup::Passive));
    assert_eq!(setup("a=setup:passive\n", "a=setup:ACTIVE\n"), Some(Setup::Active));
    assert_eq!(setup("", "a=setup:actpass\n"), Some(Setup::ActPass));
    assert_eq!(setup("", "a=setup:holdconn\n"), Some(Setup::HoldConn));
    assert_eq!(setup("", "a=setup:whatever\n"), None);

    let tls_id = |media: &str| dtls_of("", &format!("{one}{media}")).unwrap().tls_id;
    assert_eq!(tls_id("a=tls-id:abc3de65cddef001be82\n").as_deref(), Some("abc3de65cddef001be82"));
    assert_eq!(tls_id("a=tls-id:short\n"), None, "RFC 8842 §5: 20 characters at least");
}

#[test]
fn our_handshake_is_told_and_theirs_stays_behind() {
    let us = Ours {
        profile: Profile::TlsSavp,
        dtls: Some(Dtls {
            fingerprints: vec![crate::dtls::Fingerprint::read(FINGERPRINT).unwrap()],
            setup: Some(Setup::Passive),
            tls_id: Some("0123456789abcdef0123".into()),
        }),
        ..ours(20_000).unwrap()
    };
    check(
        &format!(
            "v=0
            o=- 1 1 IN IP4 192.0.2.1
            s=-
            c=IN IP4 192.0.2.1
            t=0 0
            a=fingerprint:{}
            a=setup:actpass
            m=audio 4000 UDP/TLS/RTP/SAVP 0
            a=tls-id:abc3de65cddef001be82
            a=rtcp-mux",
            FINGERPRINT.replace("55", "56")
        ),
        &[Some(us)],
        &format!(
            "v=0
            o=- 42 42 IN IP4 203.0.113.1
            s=-
            c=IN IP4 203.0.113.1
            t=0 0
            m=audio 20000 UDP/TLS/RTP/SAVP 0
            a=sendrecv
            a=fingerprint:{FINGERPRINT}
            a=setup:passive
            a=tls-id:0123456789abcdef0123"
        ),
    );
}
