//! Browsers at the telephone: ICE on the port that they share (RFC 8445, RFC 8839), and what nobody else is told of it.

use crate::desk::{Desk, MEDIA, Phone, body, lease, sound::media_of};
use calls::{Input, SwitchboardConfig};
use sip::{OwnedMessage, Transport};
use streams::{
    dtls::{Fingerprint, Hash},
    ice::Terms,
    media::{MediaEvent, PortLease, Protection},
    sdp::{Description, Kind, Profile, Setup, Stream},
};

const PORT: u16 = 30_000;
/// The first lease of the shared port.
const SHARED: u32 = 200;

fn desk() -> Desk {
    let v6 = "[2001:db8::10]:30000".parse().unwrap();
    let shared_addresses = vec![format!("{MEDIA}:{PORT}").parse().unwrap(), v6];
    let dtls_fingerprint = Some(Fingerprint::of(Hash::Sha256, b"ours"));
    let config = SwitchboardConfig {
        dtls_fingerprint,
        shared_addresses,
        is_shared_over_tcp: true,
        ..SwitchboardConfig::default()
    };
    let mut desk = Desk::with(config, 64);
    let shared = |n| PortLease { address: format!("{MEDIA}:{PORT}").parse().unwrap(), ..lease(SHARED + n) };
    desk.tell(Input::Media(MediaEvent::SharedStock((0..8).map(shared).collect())));
    desk
}

/// A browser's description, with pictures that nobody here wants.
fn says(ufrag: &str, setup: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a b\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 0 8\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=sendrecv\r\n{0}\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:b\r\na=rtpmap:96 VP8/90000\r\n{0}",
        transport(ufrag, setup)
    )
}

/// Its answer to an offer of one line.
fn answers(ufrag: &str) -> String {
    let whole = says(ufrag, "active").replace("BUNDLE a b", "BUNDLE 0").replace("mid:a", "mid:0");
    whole[..whole.find("m=video").unwrap()].to_owned()
}

fn transport(ufrag: &str, setup: &str) -> String {
    let fingerprint = Fingerprint::of(Hash::Sha256, b"hers");
    format!(
        "a=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:{setup}\r\n"
    )
}

/// A phone's answer to it.
fn without_pictures(phone: &Phone) -> String {
    phone.sdp() + "m=video 0 RTP/AVP 96\r\n"
}

fn streams_of(message: &OwnedMessage) -> Vec<Stream> {
    Description::parse(body(message).as_bytes()).unwrap().streams().collect()
}

fn ice_of(desk: &Desk, lease: u32) -> Terms {
    let media = media_of(desk, lease);
    assert_eq!((media.remote, media.remote_rtcp), (None, None), "ICE shows where it is");
    *media.ice.expect("ICE")
}

#[test]
fn a_browser_calls_a_phone_over_the_port_that_browsers_share() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&says("sari", "actpass")));
    let invite = desk.expect(&budi, "INVITE");
    let offered = streams_of(&invite);
    assert_eq!((offered[0].profile, &offered[0].ice), (Profile::Avp, &None), "a phone hears nothing of ICE");
    assert_eq!((offered[1].kind, offered[1].port), (Kind::Video, 0), "and is offered no pictures");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&without_pictures(&budi))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let text = body(&ok);
    for line in [
        "a=ice-lite",
        "a=group:BUNDLE a",
        "m=audio 30000 UDP/TLS/RTP/SAVPF 0",
        "a=mid:a",
        "a=rtcp-mux",
        "a=setup:passive",
        "typ host",
        "2001:db8::10 30000 typ host",
        "2001:db8::10 30000 typ host tcptype passive",
        "m=video 0 ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let told = streams_of(&ok).remove(0).ice.unwrap().credentials;
    let terms = ice_of(&desk, SHARED);
    assert_eq!((terms.ours, terms.theirs.as_deref()), (told, Some("sari")));
    assert!(matches!(media_of(&desk, SHARED).protection, Protection::Dtls(_)));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// RFC 8839 §4.4.1.1: other credentials are a restart, and are answered with other ones; the same ones are none.
#[test]
fn a_browser_restarts_ice_and_keeps_its_keys() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&says("sari", "actpass")));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&without_pictures(&budi))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let (first, keys) = (ice_of(&desk, SHARED), media_of(&desk, SHARED).protection);
    let mut exchange = |desk: &mut Desk, offer: &str| {
        let again = caller.request("INVITE", "", Some(offer));
        desk.from(&sari, &again);
        desk.expect(&sari, "SIP/2.0 100");
        let invite = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&invite, 200, Some(&without_pictures(&budi))));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        assert_eq!(media_of(desk, SHARED).protection, keys, "the same association");
        let told = streams_of(&ok).remove(0).ice.unwrap().credentials;
        let terms = ice_of(desk, SHARED);
        assert_eq!(terms.ours, told);
        terms
    };
    let held = exchange(&mut desk, &says("sari", "actpass").replace("sendrecv", "sendonly"));
    assert_eq!(held, first, "a hold is no restart");
    let anew = exchange(&mut desk, &says("anew", "actpass"));
    assert_eq!(anew.theirs.as_deref(), Some("anew"));
    assert_ne!(anew.ours.ufrag, first.ours.ufrag);
    assert_ne!(anew.ours.password, first.ours.password);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

fn browser(desk: &mut Desk) -> Phone {
    let mut citra = Phone::new("1002", "198.51.100.2:50123");
    (citra.flow.transport, citra.flow.connection) = (Transport::Wss, 7);
    let contact = format!("Contact: <{}>\r\n", citra.contact());
    desk.registers(&citra, 1, &contact);
    citra
}

#[test]
fn who_signals_over_websocket_is_offered_what_browsers_take_and_at_once() {
    let mut desk = desk();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let citra = browser(&mut desk);
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&citra, "INVITE");
    let offered = streams_of(&invite).remove(0);
    assert!(offered.is_browsers(), "{}", body(&invite));
    assert_eq!(offered.dtls.unwrap().setup, Some(Setup::ActPass));
    let before = ice_of(&desk, SHARED);
    assert_eq!((Some(before.ours), before.theirs), (offered.ice.map(|ice| ice.credentials), None));
    assert_eq!(media_of(&desk, SHARED).protection, Protection::Unkeyed);
    desk.from(&citra, &citra.respond(&invite, 200, Some(&answers("citra"))));
    desk.expect(&citra, "ACK");
    assert_eq!(ice_of(&desk, SHARED).theirs.as_deref(), Some("citra"));
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(streams_of(&ok)[0].profile, Profile::Avp);
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &citra);
    desk.rest();
}

/// A browser's equal that signals over UDP: nobody configures what it takes.
#[test]
fn who_refuses_everything_else_is_offered_ice_last() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    for profile in [Profile::Avp, Profile::TlsSavp] {
        let invite = desk.expect(&budi, "INVITE");
        let offered = streams_of(&invite).remove(0);
        assert_eq!((offered.profile, offered.ice), (profile, None));
        desk.from(&budi, &budi.respond(&invite, 488, None));
        desk.expect(&budi, "ACK");
    }
    let invite = desk.expect(&budi, "INVITE");
    assert!(streams_of(&invite)[0].is_browsers());
    desk.from(&budi, &budi.respond(&invite, 200, Some(&answers("budi"))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn where_no_port_is_shared_ice_is_not_answered() {
    let dtls_fingerprint = Some(Fingerprint::of(Hash::Sha256, b"ours"));
    let mut desk = Desk::with(SwitchboardConfig { dtls_fingerprint, ..SwitchboardConfig::default() }, 8);
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&says("sari", "actpass")));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&without_pictures(&budi))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert!(!body(&ok).contains("ice-") && !body(&ok).contains("rtcp-mux"), "{}", body(&ok));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
