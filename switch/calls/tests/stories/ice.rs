//! Browsers at the telephone: ICE on the port that they share (RFC 8445, RFC 8839), and what nobody else is told of it.

use crate::desk::{Caller, Desk, MEDIA, Phone, body, lease, sound::media_of};
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
    sound(ufrag, "active")
}

/// Its description without pictures.
fn sound(ufrag: &str, setup: &str) -> String {
    let whole = says(ufrag, setup).replace("BUNDLE a b", "BUNDLE 0").replace("mid:a", "mid:0");
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

/// RFC 8839 §4.4.1.1: other credentials are a restart, and are answered with other ones; the same ones are none. Nobody else hears of it.
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
    let on_hold = says("sari", "actpass").replace("sendrecv", "sendonly");
    let again = caller.request("INVITE", "", Some(&on_hold));
    desk.from(&sari, &again);
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&without_pictures(&budi))));
    desk.expect(&budi, "ACK");
    let held = answered(&mut desk, &mut caller);
    assert_eq!(held, first, "a hold is no restart");
    let anew = restarts(&mut desk, &mut caller, &on_hold.replace("sari", "anew"));
    assert_eq!(anew.theirs.as_deref(), Some("anew"));
    assert_ne!(anew.ours.ufrag, first.ours.ufrag);
    assert_ne!(anew.ours.password, first.ours.password);
    let taken_back = caller.request("INVITE", "", Some(&says("back", "actpass")));
    desk.from(&sari, &taken_back);
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&without_pictures(&budi))));
    desk.expect(&budi, "ACK");
    let back = answered(&mut desk, &mut caller);
    assert_eq!(
        back.theirs.as_deref(),
        Some("back"),
        "a restart with something else goes on to the other side"
    );
    assert_ne!(back.ours.ufrag, anew.ours.ufrag);
    assert_eq!(media_of(&desk, SHARED).protection, keys, "the same association");
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// The answer to a caller's offer: what the relay goes by since, which is what the answer says.
#[track_caller]
fn answered(desk: &mut Desk, caller: &mut Caller) -> Terms {
    let phone = caller.phone.clone();
    desk.expect(&phone, "SIP/2.0 100");
    let ok = desk.expect(&phone, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&phone, &ack);
    let told = streams_of(&ok).remove(0).ice.unwrap().credentials;
    let terms = ice_of(desk, SHARED);
    assert_eq!(terms.ours, told);
    terms
}

/// A caller restarts with this offer.
#[track_caller]
fn restarts(desk: &mut Desk, caller: &mut Caller, offer: &str) -> Terms {
    let again = caller.request("INVITE", "", Some(offer));
    desk.from(&caller.phone.clone(), &again);
    answered(desk, caller)
}

/// Sari calls Citra, who sits at a browser as well: what Citra was sent.
fn two_browsers(desk: &mut Desk) -> (Caller, Phone, OwnedMessage) {
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let citra = browser(desk);
    let mut caller = desk.dial(&sari, "1002", Some(&sound("sari", "actpass")));
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 200, Some(&answers("citra"))));
    desk.expect(&citra, "ACK");
    desk.answered(&mut caller);
    (caller, citra, invite)
}

/// Both have lost their network: neither waits for the other, nor is told of the other's new ways (RFC 8445 §9).
#[test]
fn two_browsers_restart_ice_at_the_same_time_and_both_are_answered() {
    let mut desk = desk();
    let (mut caller, citra, invite) = two_browsers(&mut desk);
    let sari = caller.phone.clone();
    let [sari_s, citra_s] = [SHARED, SHARED + 1].map(|lease| ice_of(&desk, lease));
    let hers = caller.request("INVITE", "", Some(&sound("sari2", "actpass")));
    let theirs = citra.request("INVITE", 1, &invite, "", Some(&sound("citra2", "actpass")));
    desk.from(&sari, &hers);
    desk.from(&citra, &theirs);
    desk.expect(&citra, "SIP/2.0 100");
    let ok = desk.expect(&citra, "SIP/2.0 200");
    let now = ice_of(&desk, SHARED + 1);
    assert_eq!(streams_of(&ok).remove(0).ice.unwrap().credentials, now.ours);
    assert_eq!(now.theirs.as_deref(), Some("citra2"));
    assert_ne!(now.ours, citra_s.ours);
    desk.from(&citra, &citra.request("ACK", 1, &invite, "", None));
    let now = answered(&mut desk, &mut caller);
    assert_eq!(now.theirs.as_deref(), Some("sari2"));
    assert_ne!(now.ours, sari_s.ours);
    desk.silent(&sari);
    desk.silent(&citra);
    desk.hang_up(&mut caller, &citra);
    desk.rest();
}

/// RFC 3261 §14.1, RFC 8445 §9: nothing has changed until a restart is answered.
#[test]
fn a_restart_that_is_refused_leaves_everything_as_it_was() {
    let mut desk = desk();
    let (mut caller, citra, invite) = two_browsers(&mut desk);
    let sari = caller.phone.clone();
    let before = [SHARED, SHARED + 1].map(|lease| media_of(&desk, lease));
    // Citra wants what Sari has to be asked for, and meanwhile Sari restarts.
    let held = sound("citra", "actpass").replace("sendrecv", "sendonly");
    desk.from(&citra, &citra.request("INVITE", 1, &invite, "", Some(&held)));
    desk.expect(&citra, "SIP/2.0 100");
    let asked = desk.expect(&sari, "INVITE");
    let offer = sound("sari2", "actpass");
    let crossing = caller.request("INVITE", "", Some(&offer));
    desk.from(&sari, &crossing);
    let refusal = desk.expect(&sari, "SIP/2.0 491");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.from(&sari, &caller.respond(&asked, 491, None));
    desk.expect(&sari, "ACK");
    let refusal = desk.expect(&citra, "SIP/2.0 491");
    let ack = citra.request("ACK", 1, &invite, "", None);
    let via = refusal.view().named("Via").unwrap().to_owned();
    let own = ack.lines().find(|line| line.starts_with("Via")).unwrap().to_owned();
    desk.from(&citra, &ack.replace(&own, &format!("Via: {via}")));
    assert_eq!([SHARED, SHARED + 1].map(|lease| media_of(&desk, lease)), before);
    let anew = restarts(&mut desk, &mut caller, &offer);
    assert_eq!(anew.theirs.as_deref(), Some("sari2"));
    assert_ne!(Some(anew.ours), before[0].ice.as_ref().map(|terms| terms.ours.clone()));
    desk.hang_up(&mut caller, &citra);
    desk.rest();
}

/// By UPDATE, because nothing waits for the ACK of a 2xx that nobody has got (RFC 3311 §5).
#[test]
fn a_browser_whose_connection_is_cut_while_it_restarts_does_so_again_on_the_next() {
    let mut desk = desk();
    let (mut caller, citra, invite) = two_browsers(&mut desk);
    let restart = |ufrag: &str| sound(ufrag, "actpass");
    desk.from(&citra, &citra.request("UPDATE", 1, &invite, "", Some(&restart("lost"))));
    desk.expect(&citra, "SIP/2.0 200");
    let unheard = ice_of(&desk, SHARED + 1);
    desk.tell(Input::Unreachable { flow: citra.flow });
    let mut again = citra.clone();
    again.flow.connection = 8;
    // Sari is cut off too, and nobody needs to reach her.
    desk.from(&again, &citra.request("UPDATE", 2, &invite, "", Some(&restart("found"))));
    let ok = desk.expect(&again, "SIP/2.0 200");
    let found = ice_of(&desk, SHARED + 1);
    assert_eq!(streams_of(&ok).remove(0).ice.unwrap().credentials, found.ours);
    assert_eq!(found.theirs.as_deref(), Some("found"));
    assert_ne!(found.ours, unheard.ours);
    desk.silent(&caller.phone.clone());
    desk.hang_up(&mut caller, &again);
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
