//! Who is told which keys, and what the relay is told of them (RFC 4568). TLS is what makes a phone's keys its own.

use std::collections::BTreeSet;

use crate::desk::{Desk, Phone, body, header, sound::media_of};
use calls::{Srtp, SrtpPolicy, SwitchboardConfig};
use sip::{OwnedMessage, Transport};
use streams::{
    media::Protection,
    sdp::{Description, Profile, Stream, crypto::Crypto},
    srtp::{MasterKey, SrtpKeys, Suite},
};

fn desk_with(policy: SrtpPolicy, in_clear: bool) -> Desk {
    let srtp = Srtp { policy, in_clear, ..Srtp::default() };
    Desk::with(SwitchboardConfig { srtp, ..SwitchboardConfig::default() }, 32)
}

/// A registered phone on TLS.
fn on_tls(desk: &mut Desk, user: &str, address: &str) -> Phone {
    let mut phone = Phone::new(user, address);
    (phone.flow.transport, phone.flow.connection) = (Transport::Tls, u64::from(phone.flow.remote.port()));
    let contact = format!("Contact: <{};transport=tls>\r\n", phone.contact());
    desk.registers(&phone, 1, &contact);
    phone
}

fn two_on_tls(desk: &mut Desk) -> [Phone; 2] {
    [("1001", "198.51.100.1:40001"), ("1002", "198.51.100.2:40002")].map(|(user, at)| on_tls(desk, user, at))
}

fn crypto(tag: u32, suite: Suite, seed: u8) -> Crypto {
    let bytes: Vec<u8> = (seed..).take(suite.master_bytes()).collect();
    Crypto { tag, suite, key: MasterKey::new(suite, &bytes).unwrap() }
}

/// The phone's description with this profile and these keys.
fn sdp(phone: &Phone, profile: &str, keys: &[&Crypto]) -> String {
    let lines: String = keys.iter().map(|one| format!("a=crypto:{one}\r\n")).collect();
    phone.sdp().replace("RTP/AVP", profile) + &lines
}

fn stream(message: &OwnedMessage) -> Stream {
    Description::parse(body(message).as_bytes()).unwrap().streams().next().unwrap()
}

fn keys_of(desk: &Desk, lease: u32) -> SrtpKeys {
    match media_of(desk, lease).protection {
        Protection::Srtp(keys) => keys,
        other => panic!("{other:?}"),
    }
}

const SHA80: Suite = Suite::AesCm128HmacSha1_80;

#[test]
fn rfc_4568_each_side_has_keys_of_its_own_and_the_relay_is_told_all_four() {
    let mut desk = Desk::new();
    let [sari, budi] = two_on_tls(&mut desk);
    let hers = crypto(7, SHA80, 1);
    let mut caller = desk.dial(&sari, "1002", Some(&sdp(&sari, "RTP/SAVP", &[&hers])));
    let invite = desk.expect(&budi, "INVITE");
    let offered = stream(&invite);
    assert_eq!(offered.profile, Profile::Savp, "Sari insists");
    assert_eq!(offered.crypto.iter().map(|one| one.suite).collect::<Vec<_>>(), Suite::ALL);
    let different: BTreeSet<String> = offered.crypto.iter().chain([&hers]).map(Crypto::to_string).collect();
    assert_eq!(different.len(), Suite::ALL.len() + 1, "no key is told twice");
    assert_eq!(media_of(&desk, 1).protection, Protection::Unkeyed, "nothing passes before the answer");
    // Budi takes the second.
    let ours = offered.crypto[1].clone();
    let his = crypto(ours.tag, ours.suite, 2);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&sdp(&budi, "RTP/AVP", &[&his]))));
    desk.expect(&budi, "ACK");
    assert_eq!(keys_of(&desk, 1), SrtpKeys { suite: ours.suite, send: ours.key, receive: his.key });
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let answered = stream(&ok);
    assert_eq!((answered.profile, answered.crypto.len()), (Profile::Savp, 1));
    let told = answered.crypto[0].clone();
    assert_eq!((told.tag, told.suite), (7, SHA80));
    assert_eq!(keys_of(&desk, 0), SrtpKeys { suite: SHA80, send: told.key, receive: hers.key });
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_phone_on_tls_with_keys_and_one_on_udp_without_talk() {
    let mut desk = Desk::new();
    let sari = on_tls(&mut desk, "1001", "198.51.100.1:40001");
    let budi = desk.phone("1002", "198.51.100.2:5060");
    let hers = crypto(1, Suite::AeadAes128Gcm, 1);
    let mut caller = desk.dial(&sari, "1002", Some(&sdp(&sari, "RTP/SAVP", &[&hers])));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(
        (stream(&invite).profile, stream(&invite).crypto),
        (Profile::Avp, vec![]),
        "no key in the clear"
    );
    assert!(!body(&invite).contains("crypto"), "{}", body(&invite));
    assert_eq!(media_of(&desk, 1).protection, Protection::Plain);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(stream(&ok).profile, Profile::Savp);
    assert_eq!(keys_of(&desk, 0).receive, hers.key);
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    // The other way round: Budi calls, Sari is offered keys and takes none.
    desk.hang_up(&mut caller, &budi);
    let mut caller = desk.dial(&budi, "1001", Some(&budi.sdp()));
    let invite = desk.expect(&sari, "INVITE");
    assert_eq!(stream(&invite).crypto.len(), Suite::ALL.len());
    desk.from(&sari, &sari.respond(&invite, 200, Some(&sari.sdp())));
    desk.expect(&sari, "ACK");
    let ok = desk.expect(&budi, "SIP/2.0 200");
    assert_eq!(
        (media_of(&desk, 2).protection, media_of(&desk, 3).protection),
        (Protection::Plain, Protection::Plain)
    );
    let ack = caller.ack(&ok, None);
    desk.from(&budi, &ack);
    desk.hang_up(&mut caller, &sari);
    desk.rest();
}

/// What is offered, on which transport, under which policy: the status, and whether the answer has a key.
#[test]
fn who_may_and_who_must_use_srtp_is_the_operators_to_say() {
    let hers = crypto(1, SHA80, 1);
    let table = [
        // policy, in clear, TLS, profile, with key; refused or answered with or without key
        (SrtpPolicy::Off, false, true, "RTP/SAVP", true, Err("not to be had")),
        (SrtpPolicy::Off, false, true, "RTP/AVP", true, Ok(false)),
        (SrtpPolicy::Off, true, false, "RTP/SAVP", true, Err("not to be had")),
        (SrtpPolicy::Optional, false, true, "RTP/SAVP", true, Ok(true)),
        (SrtpPolicy::Optional, false, true, "RTP/SAVPF", true, Ok(true)),
        (SrtpPolicy::Optional, false, true, "RTP/AVP", true, Ok(true)),
        (SrtpPolicy::Optional, false, true, "RTP/AVP", false, Ok(false)),
        (SrtpPolicy::Optional, false, true, "RTP/SAVP", false, Err("no key")),
        (SrtpPolicy::Optional, false, false, "RTP/SAVP", true, Err("not to be had")),
        (SrtpPolicy::Optional, false, false, "RTP/AVP", true, Ok(false)),
        (SrtpPolicy::Optional, true, false, "RTP/SAVP", true, Ok(true)),
        (SrtpPolicy::Required, false, true, "RTP/SAVP", true, Ok(true)),
        (SrtpPolicy::Required, false, true, "RTP/AVP", true, Ok(true)),
        (SrtpPolicy::Required, false, true, "RTP/AVP", false, Err("required")),
        (SrtpPolicy::Required, false, false, "RTP/AVP", false, Ok(false)),
        (SrtpPolicy::Required, true, false, "RTP/AVP", false, Err("required")),
    ];
    for (policy, in_clear, is_tls, profile, has_key, expected) in table {
        let mut desk = desk_with(policy, in_clear);
        let story = format!("{policy:?} {in_clear} {is_tls} {profile} {has_key}");
        let sari = match is_tls {
            true => on_tls(&mut desk, "1001", "198.51.100.1:40001"),
            false => desk.phone("1001", "198.51.100.1:5060"),
        };
        let budi = on_tls(&mut desk, "1002", "198.51.100.2:40002");
        let keys: &[&Crypto] = if has_key { &[&hers] } else { &[] };
        let mut caller = desk.dial(&sari, "1002", Some(&sdp(&sari, profile, keys)));
        let answered_with_key = match expected {
            Err(words) => {
                let refusal = desk.expect(&sari, "SIP/2.0 488");
                let warning = header(&refusal, "Warning").unwrap_or_default();
                assert!(warning.starts_with("399 ") && warning.contains(words), "{story}: {warning}");
                desk.from(&sari, &caller.ack_refusal(&refusal));
                desk.rest();
                continue;
            }
            Ok(with_key) => with_key,
        };
        let invite = desk.expect(&budi, "INVITE");
        let offered = stream(&invite);
        let is_secure = offered.profile.is_secure();
        let is_insisted = policy == SrtpPolicy::Required || profile.contains("SAVP");
        assert_eq!(is_secure, is_insisted, "{story}: what Budi is offered");
        assert_eq!(offered.crypto.is_empty(), policy == SrtpPolicy::Off, "{story}");
        let his: Vec<Crypto> =
            offered.crypto.first().map(|one| crypto(one.tag, one.suite, 2)).into_iter().collect();
        let answer = sdp(&budi, offered.profile.as_str(), &his.iter().collect::<Vec<_>>());
        desk.from(&budi, &budi.respond(&invite, 200, Some(&answer)));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let told = stream(&ok);
        assert_eq!(
            told.profile.as_str(),
            profile,
            "{story}: the answer has the offer's profile (RFC 3264 §6)"
        );
        assert_eq!(!told.crypto.is_empty(), answered_with_key, "{story}");
        let is_srtp = |lease| matches!(media_of(&desk, lease).protection, Protection::Srtp(_));
        assert_eq!((is_srtp(0), is_srtp(1)), (answered_with_key, !his.is_empty()), "{story}");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        desk.hang_up(&mut caller, &budi);
        desk.rest();
    }
}

#[test]
fn an_answer_that_takes_no_key_of_ours_where_it_must_is_none() {
    let mut desk = desk_with(SrtpPolicy::Required, false);
    let [sari, budi] = two_on_tls(&mut desk);
    let hers = crypto(1, SHA80, 1);
    for his in [vec![], vec![crypto(99, SHA80, 2)], vec![crypto(1, Suite::AesCm128HmacSha1_32, 2)]] {
        let caller = desk.dial(&sari, "1002", Some(&sdp(&sari, "RTP/SAVP", &[&hers])));
        let invite = desk.expect(&budi, "INVITE");
        let answer = sdp(&budi, "RTP/SAVP", &his.iter().collect::<Vec<_>>());
        desk.from(&budi, &budi.respond(&invite, 200, Some(&answer)));
        desk.expect(&budi, "ACK");
        let bye = desk.expect(&budi, "BYE");
        desk.from(&budi, &budi.respond(&bye, 200, None));
        let refusal = desk.expect(&sari, "SIP/2.0 488");
        desk.from(&sari, &caller.ack_refusal(&refusal));
        desk.rest();
    }
}

/// RFC 4568 §7.1.4: hold keeps the keys; who brings a new one gets a new one, and the other side notices nothing.
#[test]
fn a_re_invite_keeps_the_keys_or_renews_both() {
    let mut desk = Desk::new();
    let [sari, budi] = two_on_tls(&mut desk);
    let mut caller = desk.dial(&sari, "1002", Some(&sdp(&sari, "RTP/SAVP", &[&crypto(1, SHA80, 1)])));
    let invite = desk.expect(&budi, "INVITE");
    let his = crypto(1, stream(&invite).crypto[0].suite, 2);
    let answer = sdp(&budi, "RTP/AVP", &[&his]);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&answer)));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let before = [keys_of(&desk, 0), keys_of(&desk, 1)];
    let mut exchange = |desk: &mut Desk, offer: &str| {
        let again = caller.request("INVITE", "", Some(offer));
        desk.from(&sari, &again);
        desk.expect(&sari, "SIP/2.0 100");
        let invite = desk.expect(&budi, "INVITE");
        let offered = stream(&invite);
        assert_eq!((offered.profile, offered.crypto.len()), (Profile::Savp, 1), "what was agreed is offered");
        assert_eq!(offered.crypto[0].key, before[1].send);
        desk.from(&budi, &budi.respond(&invite, 200, Some(&answer)));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        stream(&ok)
    };
    let hold = sdp(&sari, "RTP/SAVP", &[&crypto(1, SHA80, 1)]).replace("sendrecv", "sendonly");
    assert_eq!(exchange(&mut desk, &hold).crypto[0].key, before[0].send);
    assert_eq!([keys_of(&desk, 0), keys_of(&desk, 1)], before);
    let renewed = crypto(2, SHA80, 3);
    let told = exchange(&mut desk, &sdp(&sari, "RTP/SAVP", &[&renewed]));
    assert_eq!(told.crypto[0].tag, 2);
    assert_ne!(told.crypto[0].key, before[0].send, "or packets under it could be sent twice");
    let now = keys_of(&desk, 0);
    assert_eq!((now.send, now.receive), (told.crypto[0].key.clone(), renewed.key));
    assert_eq!(keys_of(&desk, 1), before[1]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// A re-INVITE that the other side refuses has changed nothing, whatever keys it brought.
#[test]
fn a_refused_re_invite_leaves_the_keys_as_they_are() {
    let mut desk = Desk::new();
    let [sari, budi] = two_on_tls(&mut desk);
    let hers = crypto(1, SHA80, 1);
    let mut caller = desk.dial(&sari, "1002", Some(&sdp(&sari, "RTP/SAVP", &[&hers])));
    let invite = desk.expect(&budi, "INVITE");
    let his = crypto(1, stream(&invite).crypto[0].suite, 2);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&sdp(&budi, "RTP/AVP", &[&his]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let before = [keys_of(&desk, 0), keys_of(&desk, 1)];
    let again = caller.request("INVITE", "", Some(&sdp(&sari, "RTP/SAVP", &[&crypto(2, SHA80, 3)])));
    desk.from(&sari, &again);
    desk.expect(&sari, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 488, None));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!([keys_of(&desk, 0), keys_of(&desk, 1)], before);
    // The next one begins from what was agreed.
    let again =
        caller.request("INVITE", "", Some(&sdp(&sari, "RTP/SAVP", &[&hers]).replace("sendrecv", "sendonly")));
    desk.from(&sari, &again);
    desk.expect(&sari, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(stream(&invite).crypto[0].key, before[1].send);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&sdp(&budi, "RTP/AVP", &[&his]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(stream(&ok).crypto[0].key, before[0].send);
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// Decision 0014: the next process knows the keys, and offers the same in the next re-INVITE.
#[test]
fn keys_outlive_the_process() {
    let mut desk = Desk::mortal();
    let [sari, budi] = two_on_tls(&mut desk);
    let mut caller = desk.dial(&sari, "1002", Some(&sdp(&sari, "RTP/SAVP", &[&crypto(1, SHA80, 1)])));
    let invite = desk.expect(&budi, "INVITE");
    let his = crypto(2, stream(&invite).crypto[1].suite, 2);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&sdp(&budi, "RTP/AVP", &[&his]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let before = keys_of(&desk, 1);
    desk.die();
    let hold = sdp(&sari, "RTP/SAVP", &[&crypto(1, SHA80, 1)]).replace("sendrecv", "sendonly");
    let again = caller.request("INVITE", "", Some(&hold));
    desk.from(&sari, &again);
    let invite = desk.expect(&budi, "INVITE");
    let offered = stream(&invite).crypto;
    assert_eq!((offered.len(), offered[0].tag, &offered[0].key), (1, 2, &before.send));
}

/// The offer comes from the callee, in its 200; the caller's ACK brings the answer (RFC 3261 §13.2.2.4).
#[test]
fn a_late_offer_has_keys_too() {
    let mut desk = Desk::new();
    let [sari, budi] = two_on_tls(&mut desk);
    let mut caller = desk.dial(&sari, "1002", None);
    let invite = desk.expect(&budi, "INVITE");
    let his = crypto(5, SHA80, 2);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&sdp(&budi, "RTP/SAVP", &[&his]))));
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let offered = stream(&ok);
    assert_eq!((offered.profile, offered.crypto.len()), (Profile::Savp, Suite::ALL.len()));
    let hers = crypto(3, offered.crypto[2].suite, 1);
    let ack = caller.ack(&ok, Some(&sdp(&sari, "RTP/AVP", &[&hers])));
    desk.from(&sari, &ack);
    let ack = desk.expect(&budi, "ACK");
    let answered = stream(&ack);
    assert_eq!((answered.profile, answered.crypto[0].tag), (Profile::Savp, 5));
    let of_sari = keys_of(&desk, 0);
    assert_eq!((&of_sari.send, &of_sari.receive), (&offered.crypto[2].key, &hers.key));
    let of_budi = keys_of(&desk, 1);
    assert_eq!((&of_budi.send, &of_budi.receive), (&answered.crypto[0].key, &his.key));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// A device that is heard early brings its key in the 183; the same one in the 200 changes nothing.
#[test]
fn early_media_is_opened_with_the_key_of_the_progress() {
    let mut desk = Desk::new();
    let [sari, budi] = two_on_tls(&mut desk);
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    let his = crypto(1, stream(&invite).crypto[0].suite, 2);
    let answer = sdp(&budi, "RTP/AVP", &[&his]);
    desk.from(&budi, &budi.respond(&invite, 183, Some(&answer)));
    let progress = desk.expect(&sari, "SIP/2.0 183");
    assert!(stream(&progress).crypto.is_empty(), "Sari has offered none");
    let early = keys_of(&desk, 1);
    assert_eq!(early.receive, his.key);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&answer)));
    desk.expect(&budi, "ACK");
    assert_eq!(keys_of(&desk, 1), early);
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
