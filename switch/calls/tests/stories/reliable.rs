//! Reliable provisional answers and UPDATE between the legs (RFC 3262, RFC 3311), and INVITEs that run out.

use std::time::Duration;

use crate::desk::{
    Caller, Desk, Phone, body, header,
    sound::{audio, direction, is_joined, media_of},
};
use sip::OwnedMessage;

const RELIABLE: &str = "Supported: 100rel\r\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\r\n";

/// A provisional answer that asks for its PRACK.
fn reliable(phone: &Phone, invite: &OwnedMessage, sdp: Option<&str>) -> String {
    let text = phone.respond(invite, 183, sdp);
    let headers = "Require: 100rel\r\nRSeq: 1\r\nAllow: PRACK, UPDATE\r\nContact:";
    text.replacen("Contact:", headers, 1)
}

/// The PRACK of a reliable answer that the caller got, with the dialog it makes.
fn prack(desk: &mut Desk, caller: &mut Caller, progress: &OwnedMessage, sdp: Option<&str>) {
    let rack = format!("RAck: {} {} INVITE\r\n", header(progress, "RSeq").unwrap(), caller.cseq);
    caller.join(progress);
    let (phone, prack) = (caller.phone.clone(), caller.request("PRACK", &rack, sdp));
    desk.from(&phone, &prack);
    desk.expect(&phone, "SIP/2.0 200");
}

/// Sari, who can take reliable answers, calls Budi; what Budi gets.
fn dial(desk: &mut Desk, sdp: bool) -> (Caller, Phone, OwnedMessage) {
    let [sari, budi] = desk.two();
    let offer = sari.sdp();
    let caller = desk.dial_with(&sari, "1002", RELIABLE, sdp.then_some(&*offer));
    desk.expect(&sari, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    (caller, budi, invite)
}

/// Early media, reliable on both legs.
fn early() -> (Desk, Caller, Phone, OwnedMessage) {
    let mut desk = Desk::new();
    let (mut caller, budi, invite) = dial(&mut desk, true);
    let sari = caller.phone.clone();
    desk.from(&budi, &reliable(&budi, &invite, Some(&budi.sdp())));
    let own = desk.expect(&budi, "PRACK");
    desk.from(&budi, &budi.respond(&own, 200, None));
    let progress = desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(header(&progress, "Require").as_deref(), Some("100rel"));
    prack(&mut desk, &mut caller, &progress, None);
    (desk, caller, budi, invite)
}

/// Budi answers, and the two talk.
fn answer(desk: &mut Desk, caller: &mut Caller, budi: &Phone, invite: &OwnedMessage, sdp: Option<&str>) {
    let sari = caller.phone.clone();
    desk.from(budi, &budi.respond(invite, 200, sdp));
    desk.expect(budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let number = header(&ok, "CSeq").unwrap().split(' ').next().unwrap().parse().unwrap();
    let later = std::mem::replace(&mut caller.cseq, number);
    let ack = caller.ack(&ok, None);
    caller.cseq = later;
    desk.from(&sari, &ack);
}

#[test]
fn rfc_3262_early_media_is_acknowledged_leg_by_leg() {
    let (mut desk, mut caller, budi, invite) = early();
    assert!(is_joined(&desk, 0, 1));
    answer(&mut desk, &mut caller, &budi, &invite, Some(&budi.sdp()));
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn rfc_3262_5_an_early_offer_of_the_callee_goes_to_a_caller_who_made_none() {
    let mut desk = Desk::new();
    let (mut caller, budi, invite) = dial(&mut desk, false);
    let sari = caller.phone.clone();
    assert!(header(&invite, "Supported").unwrap().contains("100rel"));
    desk.from(&budi, &reliable(&budi, &invite, Some(&budi.sdp())));
    desk.silent(&budi);
    let progress = desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(audio(&progress), "192.0.2.20:20000");
    let answered = sari.sdp_of(8);
    prack(&mut desk, &mut caller, &progress, Some(&answered));
    let own = desk.expect(&budi, "PRACK");
    assert!(body(&own).contains("m=audio 20002 RTP/AVP 8\r\n"), "{}", body(&own));
    desk.from(&budi, &budi.respond(&own, 200, None));
    assert!(is_joined(&desk, 0, 1));
    answer(&mut desk, &mut caller, &budi, &invite, None);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn an_early_offer_is_not_asked_for_where_nobody_could_answer_it() {
    // A caller who cannot, and two devices that both might.
    for (headers, devices) in [("", 1), (RELIABLE, 2)] {
        let mut desk = Desk::new();
        let [sari, budi] = desk.two();
        if devices == 2 {
            desk.phone("1002-mobile", "198.51.100.22:5060");
        }
        let caller = desk.dial_with(&sari, "1002", headers, None);
        let invite = desk.expect(&budi, "INVITE");
        let supported = header(&invite, "Supported").unwrap_or_default();
        assert!(!supported.contains("100rel"), "{supported}");
        desk.from(&sari, &caller.cancel(""));
        desk.quiet();
    }
}

#[test]
fn an_early_offer_whose_prack_answers_nothing_ends_the_call_and_hangs_nobody() {
    let mut desk = Desk::new();
    let (mut caller, budi, invite) = dial(&mut desk, false);
    let sari = caller.phone.clone();
    desk.from(&budi, &reliable(&budi, &invite, Some(&budi.sdp())));
    let progress = desk.expect(&sari, "SIP/2.0 183");
    prack(&mut desk, &mut caller, &progress, Some("v=0\r\n"));
    let own = desk.expect(&budi, "PRACK");
    assert!(body(&own).contains("m=audio 0 "), "the offer is answered: nothing is taken");
    desk.expect(&budi, "CANCEL");
    desk.expect(&sari, "SIP/2.0 488");
    assert_eq!(desk.events(), ["created", "ringing", "failed", "ended"]);
    assert_eq!(desk.detail("failed"), "media_refused/488");
    desk.quiet();
}

#[test]
fn rfc_3311_an_early_update_goes_to_the_device_that_is_heard() {
    let (mut desk, mut caller, budi, invite) = early();
    let sari = caller.phone.clone();
    let update = caller.request("UPDATE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(&sari, &update);
    let passed = desk.expect(&budi, "UPDATE");
    assert_eq!((direction(&passed), audio(&passed)), ("sendonly".into(), "192.0.2.20:20002".into()));
    desk.from(&budi, &budi.respond(&passed, 200, Some(&budi.sdp_with("recvonly"))));
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(direction(&ok), "recvonly");
    assert!(!media_of(&desk, 0).receives);
    // And the other way.
    desk.from(&budi, &budi.request("UPDATE", 5, &invite, "", Some(&budi.sdp())));
    let passed = desk.expect(&sari, "UPDATE");
    desk.from(&sari, &caller.respond(&passed, 200, Some(&sari.sdp())));
    desk.expect(&budi, "SIP/2.0 200");
    assert!(media_of(&desk, 0).receives);
    answer(&mut desk, &mut caller, &budi, &invite, None);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn rfc_3311_5_2_an_update_that_nobody_can_answer_now_is_refused() {
    let (mut desk, mut caller, budi, _) = early();
    let sari = caller.phone.clone();
    let update = caller.request("UPDATE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(&sari, &update);
    let passed = desk.expect(&budi, "UPDATE");
    desk.from(&budi, &budi.respond(&passed, 504, None));
    desk.expect(&sari, "SIP/2.0 504");
    assert!(media_of(&desk, 0).receives, "nothing has changed");
    let bye = caller.request("BYE", "", None);
    desk.from(&sari, &bye);
    desk.quiet();
}

#[test]
fn rfc_3311_a_hold_by_update_goes_through_as_update_or_as_re_invite() {
    for allows in [true, false] {
        let mut desk = Desk::new();
        let (mut caller, budi, invite) = dial(&mut desk, true);
        let sari = caller.phone.clone();
        let ok = budi.respond(&invite, 200, Some(&budi.sdp()));
        let allow = if allows { "Allow: UPDATE" } else { "Allow: INFO" };
        desk.from(&budi, &ok.replacen("Contact:", &format!("{allow}\r\nContact:"), 1));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        let update = caller.request("UPDATE", "", Some(&sari.sdp_with("sendonly")));
        desk.from(&sari, &update);
        let passed = desk.expect(&budi, if allows { "UPDATE" } else { "INVITE" });
        desk.from(&budi, &budi.respond(&passed, 200, Some(&budi.sdp_with("recvonly"))));
        if !allows {
            desk.expect(&budi, "ACK");
        }
        assert_eq!(direction(&desk.expect(&sari, "SIP/2.0 200")), "recvonly");
        assert_eq!(desk.events().last().unwrap(), "hold(2)");
        // What is agreed already is nobody else's business.
        let refresh = caller.request("UPDATE", "", Some(&sari.sdp_with("sendonly")));
        desk.from(&sari, &refresh);
        desk.expect(&sari, "SIP/2.0 200");
        desk.silent(&budi);
        desk.hang_up(&mut caller, &budi);
        desk.quiet();
    }
}

#[test]
fn rfc_3261_13_3_1_an_invite_that_expires_is_a_call_taken_back() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = desk.dial_with(&sari, "1002", "Expires: 10\r\n", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.wait(Duration::from_secs(10));
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.expect(&budi, "CANCEL");
    assert_eq!(desk.events(), ["created", "ringing", "canceled", "ended"]);
    assert_eq!((desk.detail("canceled"), desk.detail("ended")), ("expired/-".into(), "-/487".into()));
    desk.quiet();
}

#[test]
fn rfc_3262_3_a_caller_who_acknowledges_nothing_is_no_caller() {
    let mut desk = Desk::new();
    let (caller, budi, invite) = dial(&mut desk, true);
    let sari = caller.phone;
    desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp())));
    desk.expect(&sari, "SIP/2.0 183");
    desk.wait(Duration::from_secs(33));
    desk.expect(&budi, "CANCEL");
    assert_eq!(desk.events(), ["created", "ringing", "canceled", "ended"]);
    assert_eq!((desk.detail("canceled"), desk.detail("ended")), ("caller_silent/-".into(), "-/504".into()));
    desk.quiet();
}

#[test]
fn rfc_3262_3_a_caller_who_gives_up_before_its_200_was_refused_though_the_callee_answered() {
    let mut desk = Desk::new();
    let (caller, budi, invite) = dial(&mut desk, true);
    let sari = caller.phone.clone();
    desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp())));
    desk.expect(&sari, "SIP/2.0 183");
    // The 200 has to wait for the PRACK of the 183, which does not come.
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    desk.from(&sari, &caller.cancel(""));
    desk.expect(&sari, "SIP/2.0 200");
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    assert_eq!(desk.detail("ended"), "caller_hung_up/487");
    desk.quiet();
    let legs = desk.legs();
    let told: Vec<_> = legs.iter().map(|leg| (leg.no, leg.sip_status, leg.answered_at.is_some())).collect();
    assert_eq!(told, [(1, Some(487), false), (2, Some(200), true)]);
}

#[test]
fn rfc_4028_10_a_call_whose_phone_has_vanished_ends_after_its_session_interval_and_says_why() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let timer = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let mut caller = desk.dial_with(&sari, "1002", timer, Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(header(&ok, "Session-Expires").as_deref(), Some("90;refresher=uac"));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.wait(Duration::from_secs(59));
    desk.silent(&sari);
    assert_eq!(desk.events(), ["created", "answered(3)"]);
    desk.wait(Duration::from_secs(2));
    for phone in [&sari, &budi] {
        let bye = desk.expect(phone, "BYE");
        let reason = header(&bye, "Reason").unwrap();
        assert!(reason.starts_with("SIP;cause=408"), "{reason}");
        desk.from(phone, &phone.respond(&bye, 200, None));
    }
    assert_eq!(desk.events().last().unwrap(), "ended");
    assert_eq!(desk.detail("ended"), "session_expired/-");
    desk.quiet();
}

#[test]
fn rfc_3326_a_gateways_cause_and_its_time_reach_the_caller() {
    let mut desk = Desk::new();
    let (caller, budi, invite) = dial(&mut desk, true);
    let sari = caller.phone.clone();
    let busy = budi.respond(&invite, 486, None);
    let why =
        "Reason: Q.850;cause=17;text=\"User busy\", SIP;cause=486\r\nRetry-After: 30 (later)\r\nContact:";
    desk.from(&budi, &busy.replacen("Contact:", why, 1));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 486");
    assert_eq!(
        header(&refusal, "Reason").as_deref(),
        Some("Q.850;cause=17;text=\"User busy\", SIP;cause=486")
    );
    assert_eq!(header(&refusal, "Retry-After").as_deref(), Some("30"));
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}
