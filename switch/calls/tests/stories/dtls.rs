//! Who shakes hands with whom for the keys of SRTP (RFC 5763), and what a phone is offered that refuses the first offer.

use crate::desk::{Desk, Phone, body, header, sound::media_of};
use calls::{DtlsPolicy, Srtp, SwitchboardConfig};
use sip::{OwnedMessage, Transport};
use streams::{
    dtls::{Fingerprint, Hash, Role, Terms},
    media::Protection,
    sdp::{Description, Profile, Setup, Stream, crypto::Crypto},
    srtp::{MasterKey, Suite},
};

fn fingerprint(of: &[u8]) -> Fingerprint {
    Fingerprint::of(Hash::Sha256, of)
}

fn desk_with(dtls: DtlsPolicy) -> Desk {
    let srtp = Srtp { dtls, ..Srtp::default() };
    let dtls_fingerprint = Some(fingerprint(b"ours"));
    Desk::with(SwitchboardConfig { srtp, dtls_fingerprint, ..SwitchboardConfig::default() }, 64)
}

/// What a phone can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `RTP/AVP`, on UDP.
    Plain,
    /// `RTP/SAVP` with keys and nothing else, on TLS.
    Told,
    /// `UDP/TLS/RTP/SAVP` and nothing else, on UDP.
    Shaken,
}

const KINDS: [Kind; 3] = [Kind::Plain, Kind::Told, Kind::Shaken];

fn phone(desk: &mut Desk, user: &str, address: &str, kind: Kind) -> Phone {
    if kind != Kind::Told {
        return desk.phone(user, address);
    }
    let mut phone = Phone::new(user, address);
    (phone.flow.transport, phone.flow.connection) = (Transport::Tls, u64::from(phone.flow.remote.port()));
    let contact = format!("Contact: <{};transport=tls>\r\n", phone.contact());
    desk.registers(&phone, 1, &contact);
    phone
}

fn stream(message: &OwnedMessage) -> Stream {
    Description::parse(body(message).as_bytes()).unwrap().streams().next().unwrap()
}

fn told_key(tag: u32, suite: Suite, seed: u8) -> Crypto {
    let bytes: Vec<u8> = (seed..).take(suite.master_bytes()).collect();
    Crypto { tag, suite, key: MasterKey::new(suite, &bytes).unwrap() }
}

fn shaking(phone: &Phone, profile: &str, certificate: &[u8], setup: &str) -> String {
    let lines = format!("a=fingerprint:{}\r\na=setup:{setup}\r\n", fingerprint(certificate));
    phone.sdp().replace("RTP/AVP", profile) + &lines
}

fn offer_of(phone: &Phone, kind: Kind) -> String {
    match kind {
        Kind::Plain => phone.sdp(),
        Kind::Told => {
            let key = told_key(1, Suite::AesCm128HmacSha1_80, 1);
            format!("{}a=crypto:{key}\r\n", phone.sdp().replace("RTP/AVP", "RTP/SAVP"))
        }
        Kind::Shaken => shaking(phone, "UDP/TLS/RTP/SAVP", b"hers", "actpass"),
    }
}

/// What a phone answers to an offer, if it can do anything with it.
fn answer_of(phone: &Phone, kind: Kind, offered: &Stream) -> Option<String> {
    match kind {
        Kind::Plain => (offered.profile == Profile::Avp).then(|| phone.sdp()),
        Kind::Told => {
            let ours = offered.crypto.first().filter(|_| offered.profile == Profile::Savp)?;
            let key = told_key(ours.tag, ours.suite, 2);
            Some(format!("{}a=crypto:{key}\r\n", phone.sdp().replace("RTP/AVP", "RTP/SAVP")))
        }
        Kind::Shaken => {
            let dtls = offered.dtls.as_ref().filter(|_| offered.profile == Profile::TlsSavp)?;
            assert_eq!(dtls.fingerprints, [fingerprint(b"ours")]);
            assert_eq!(dtls.setup, Some(Setup::ActPass), "RFC 8842 §5.2");
            Some(shaking(phone, "UDP/TLS/RTP/SAVP", b"his", "active"))
        }
    }
}

/// Answers what comes, as often as it comes, with what this phone can do: how many invitations it took.
fn answers(desk: &mut Desk, phone: &Phone, kind: Kind) -> usize {
    for invitations in 1..=3 {
        let invite = desk.expect(phone, "INVITE");
        match answer_of(phone, kind, &stream(&invite)) {
            Some(answer) => {
                desk.from(phone, &phone.respond(&invite, 200, Some(&answer)));
                desk.expect(phone, "ACK");
                return invitations;
            }
            None => {
                desk.from(phone, &phone.respond(&invite, 488, None));
                desk.expect(phone, "ACK");
            }
        }
    }
    panic!("{kind:?} was offered nothing that it can do");
}

fn terms_of(desk: &Desk, lease: u32) -> Terms {
    match media_of(desk, lease).protection {
        Protection::Dtls(terms) => terms,
        other => panic!("{other:?}"),
    }
}

fn is_of(protection: &Protection, kind: Kind) -> bool {
    match kind {
        Kind::Plain => *protection == Protection::Plain,
        Kind::Told => matches!(protection, Protection::Srtp(_)),
        Kind::Shaken => matches!(protection, Protection::Dtls(_)),
    }
}

#[test]
fn any_kind_of_phone_calls_any_other() {
    for calling in KINDS {
        for called in KINDS {
            let mut desk = desk_with(DtlsPolicy::Answer);
            let sari = phone(&mut desk, "1001", "198.51.100.1:5060", calling);
            let budi = phone(&mut desk, "1002", "198.51.100.2:5060", called);
            let mut caller = desk.dial(&sari, "1002", Some(&offer_of(&sari, calling)));
            let invitations = answers(&mut desk, &budi, called);
            let ok = desk.expect(&sari, "SIP/2.0 200");
            let told = stream(&ok);
            assert_eq!(
                told.profile,
                stream_of(&offer_of(&sari, calling)).profile,
                "the profile of the offer"
            );
            if calling == Kind::Shaken {
                let dtls = told.dtls.expect("a fingerprint");
                assert_eq!(
                    (dtls.fingerprints, dtls.setup),
                    (vec![fingerprint(b"ours")], Some(Setup::Passive))
                );
            }
            // Each further invitation had ports of its own.
            let lease = u32::try_from(invitations).unwrap();
            let story = format!("{calling:?} calls {called:?}");
            assert!(is_of(&media_of(&desk, 0).protection, calling), "{story}");
            assert!(is_of(&media_of(&desk, lease).protection, called), "{story}: {invitations} invitations");
            if called == Kind::Shaken {
                let terms = terms_of(&desk, lease);
                assert_eq!((terms.role, terms.fingerprints), (Role::Passive, vec![fingerprint(b"his")]));
            }
            let ack = caller.ack(&ok, None);
            desk.from(&sari, &ack);
            desk.hang_up(&mut caller, &budi);
            desk.rest();
        }
    }
}

fn stream_of(text: &str) -> Stream {
    Description::parse(text.as_bytes()).unwrap().streams().next().unwrap()
}

/// RFC 5763 §5: who says that it begins does, and who leaves it open as well, because of its NAT.
#[test]
fn who_begins_is_the_phones_to_say() {
    for (setup, ours, role) in [
        ("actpass", Some(Setup::Passive), Some(Role::Passive)),
        ("active", Some(Setup::Passive), Some(Role::Passive)),
        ("passive", Some(Setup::Active), Some(Role::Active)),
        ("holdconn", None, None),
    ] {
        let mut desk = desk_with(DtlsPolicy::Answer);
        let [sari, budi] = desk.two();
        let mut caller = desk.dial(&sari, "1002", Some(&shaking(&sari, "UDP/TLS/RTP/SAVP", b"hers", setup)));
        let Some(role) = role else {
            let refusal = desk.expect(&sari, "SIP/2.0 488");
            desk.from(&sari, &caller.ack_refusal(&refusal));
            desk.rest();
            continue;
        };
        answers(&mut desk, &budi, Kind::Plain);
        let ok = desk.expect(&sari, "SIP/2.0 200");
        assert_eq!(stream(&ok).dtls.unwrap().setup, ours, "{setup}");
        assert_eq!(terms_of(&desk, 0).role, role, "{setup}");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        desk.hang_up(&mut caller, &budi);
        desk.rest();
    }
}

/// A phone that wants feedback (baresip, every browser) is answered in its own profile; who knows nothing of it is not
/// asked for it.
#[test]
fn feedback_of_one_side_is_not_asked_of_the_other() {
    let mut desk = desk_with(DtlsPolicy::Answer);
    let [sari, budi] = desk.two();
    let offer = shaking(&sari, "UDP/TLS/RTP/SAVPF", b"hers", "actpass") + "a=rtcp-fb:* trr-int 5000\r\n";
    let mut caller = desk.dial(&sari, "1002", Some(&offer));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(stream(&invite).profile, Profile::Avp);
    assert!(!body(&invite).contains("rtcp-fb"), "{}", body(&invite));
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(stream(&ok).profile, Profile::TlsSavpf, "RFC 3264 §6: the profile of the offer");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);

    // What Budi's phone says later does not take Sari's feedback away.
    let plain = budi.sdp().replace("RTP/AVP 0", "RTP/AVP 0 8").replace("o=- 1", "o=- 2");
    desk.from(&budi, &budi.request("INVITE", 1, &invite, "", Some(&plain)));
    desk.expect(&budi, "SIP/2.0 100");
    let again = desk.expect(&sari, "INVITE");
    assert_eq!(stream(&again).profile, Profile::TlsSavpf, "as agreed");
    let answer = shaking(&sari, "UDP/TLS/RTP/SAVPF", b"hers", "active");
    desk.from(&sari, &sari.respond(&again, 200, Some(&answer)));
    desk.expect(&sari, "ACK");
    let ok = desk.expect(&budi, "SIP/2.0 200");
    assert_eq!(stream(&ok).profile, Profile::Avp);
    desk.from(&budi, &budi.request("ACK", 1, &invite, "", None));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// RFC 8842 §4: the same fingerprint is the same association, and another one another.
#[test]
fn a_re_invite_keeps_the_association_or_makes_a_new_one() {
    let mut desk = desk_with(DtlsPolicy::Answer);
    let [sari, budi] = desk.two();
    let offer = shaking(&sari, "UDP/TLS/RTP/SAVP", b"hers", "actpass");
    let mut caller = desk.dial(&sari, "1002", Some(&offer));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let first = terms_of(&desk, 0);
    let mut exchange = |desk: &mut Desk, offer: &str| {
        let again = caller.request("INVITE", "", Some(offer));
        desk.from(&sari, &again);
        desk.expect(&sari, "SIP/2.0 100");
        let invite = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        (terms_of(desk, 0), stream(&ok))
    };
    let (held, told) = exchange(&mut desk, &offer.replace("sendrecv", "sendonly"));
    assert_eq!((held, told.profile), (first.clone(), Profile::TlsSavp));
    let (renewed, _) = exchange(&mut desk, &shaking(&sari, "UDP/TLS/RTP/SAVP", b"new", "actpass"));
    assert_eq!(renewed.fingerprints, [fingerprint(b"new")]);
    assert_ne!(renewed.association, first.association);
    let named = format!("{offer}a=tls-id:0123456789abcdefghij\r\n");
    let (other, told) = exchange(&mut desk, &named);
    assert_ne!(other.association, renewed.association);
    let tls_id = told.dtls.unwrap().tls_id.expect("RFC 8842 §5.3: whoever names it is told a name");
    assert!(tls_id.len() >= 20, "{tls_id}");
    let (same, _) = exchange(&mut desk, &named.replace("sendrecv", "sendonly"));
    assert_eq!(same, other);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// RFC 8643: one offer, from which a phone takes what it can.
#[test]
fn every_called_phone_is_offered_a_handshake_where_the_operator_wants_it() {
    for his in [Kind::Plain, Kind::Shaken] {
        let mut desk = desk_with(DtlsPolicy::Offer);
        let [sari, budi] = desk.two();
        let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
        let invite = desk.expect(&budi, "INVITE");
        let offered = stream(&invite);
        assert_eq!((offered.profile, offered.crypto), (Profile::Avp, vec![]), "no key in the clear");
        assert_eq!(offered.dtls.unwrap().fingerprints, [fingerprint(b"ours")]);
        assert_eq!(media_of(&desk, 1).protection, Protection::Unkeyed, "nothing passes before the answer");
        let answer = match his {
            Kind::Shaken => shaking(&budi, "RTP/AVP", b"his", "passive"),
            _ => budi.sdp(),
        };
        desk.from(&budi, &budi.respond(&invite, 200, Some(&answer)));
        desk.expect(&budi, "ACK");
        assert!(is_of(&media_of(&desk, 1).protection, his));
        if his == Kind::Shaken {
            assert_eq!(terms_of(&desk, 1).role, Role::Active);
        }
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        desk.hang_up(&mut caller, &budi);
        desk.rest();
    }
}

#[test]
fn where_no_hands_are_shaken_a_phone_hears_why() {
    let mut desk = desk_with(DtlsPolicy::Off);
    let [sari, _] = desk.two();
    let offer = shaking(&sari, "UDP/TLS/RTP/SAVP", b"hers", "actpass");
    let caller = desk.dial(&sari, "1002", Some(&offer));
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    assert!(header(&refusal, "Warning").unwrap().contains("not to be had"));
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}

/// A phone that can do nothing with the media at all is asked as often as there are profiles, and no more.
#[test]
fn each_profile_is_offered_once() {
    let mut desk = desk_with(DtlsPolicy::Answer);
    let sari = phone(&mut desk, "1001", "198.51.100.1:5060", Kind::Told);
    let budi = phone(&mut desk, "1002", "198.51.100.2:5061", Kind::Told);
    let caller = desk.dial(&sari, "1002", Some(&offer_of(&sari, Kind::Told)));
    for profile in [Profile::Savp, Profile::Avp, Profile::TlsSavp] {
        let invite = desk.expect(&budi, "INVITE");
        assert_eq!(stream(&invite).profile, profile);
        desk.from(&budi, &budi.respond(&invite, 488, None));
        desk.expect(&budi, "ACK");
    }
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.silent(&budi);
    desk.rest();
}

/// What rings has taken the offer: its refusal is somebody's decision.
#[test]
fn whoever_has_rung_is_not_asked_again() {
    let mut desk = desk_with(DtlsPolicy::Answer);
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(&budi, &budi.respond(&invite, 488, None));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}
