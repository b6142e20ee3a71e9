//! Whoever comes into a call by one of their own: a colleague who answers what rings elsewhere, and somebody who goes on at
//! another phone (RFC 3891).

use contract::journal::ParticipantRole;
use sip::OwnedMessage;

use crate::{
    codecs::transcoding,
    desk::{
        Caller, Desk, Phone, body, header, plan, rows,
        sound::{direction, formats, heard, is_joined},
    },
};

fn desk() -> Desk {
    Desk::with(transcoding(), 32)
}

/// Sari has dialled `number`, which rings at Budi's; Citra, his colleague at the extension 100, has a phone.
fn ringing(desk: &mut Desk, number: &str) -> (Caller, OwnedMessage, [Phone; 3]) {
    let [sari, budi] = desk.two();
    let citra = Phone::new("1003", "198.51.100.3:5060");
    let caller = desk.dial(&sari, number, Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    (caller, invite, [sari, budi, citra])
}

/// Citra dials a code and has the call, be it that nobody asked her phone to ring.
#[track_caller]
fn picks_up(desk: &mut Desk, caller: &mut Caller, invite: &OwnedMessage, phones: &[Phone; 3], code: &str) {
    let relief = desk.dial(&phones[2], code, Some(&phones[2].sdp()));
    has_it(desk, caller, relief, invite, phones);
    assert_eq!(desk.detail("answered"), "picked_up/-");
}

/// Budi's phone stops to ring, and Citra and Sari are answered.
#[track_caller]
fn has_it(
    desk: &mut Desk,
    caller: &mut Caller,
    mut relief: Caller,
    invite: &OwnedMessage,
    phones: &[Phone; 3],
) -> Caller {
    let [sari, budi, citra] = phones;
    let cancel = desk.expect(budi, "CANCEL");
    assert!(header(&cancel, "Reason").unwrap().contains("Call completed elsewhere"));
    desk.from(budi, &budi.respond(&cancel, 200, None));
    desk.from(budi, &budi.respond(invite, 487, None));
    desk.expect(budi, "ACK");
    let ok = desk.expect(citra, "SIP/2.0 200");
    assert_eq!((direction(&ok).as_str(), formats(&ok).as_str()), ("sendrecv", "0 8"));
    let ack = relief.ack(&ok, None);
    desk.from(citra, &ack);
    let ok = desk.expect(sari, "SIP/2.0 200");
    assert_eq!(direction(&ok), "sendrecv");
    let ack = caller.ack(&ok, None);
    desk.from(sari, &ack);
    relief
}

#[test]
fn what_rings_at_a_colleagues_is_picked_up_by_the_code() {
    let mut desk = desk();
    let (mut caller, invite, phones) = ringing(&mut desk, "1002");
    picks_up(&mut desk, &mut caller, &invite, &phones, "*8");
    assert!(is_joined(&desk, 0, 2));
    // One call, one record: Citra is who answered.
    use ParticipantRole::{Caller, Host, Recipient};
    let roles: Vec<ParticipantRole> = desk.participants().iter().map(|one| one.role).collect();
    assert_eq!(roles, [Host, Caller, Recipient]);
    desk.hang_up(&mut caller, &phones[2]);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    desk.rest();
}

#[test]
fn so_is_what_rings_at_a_number_that_is_named() {
    for (dialled, code) in [("1002", "**1002"), ("100", "**100"), ("100", "**1002"), ("100", "*8")] {
        let mut desk = desk();
        let (mut caller, invite, phones) = ringing(&mut desk, dialled);
        picks_up(&mut desk, &mut caller, &invite, &phones, code);
        desk.hang_up(&mut caller, &phones[2]);
        desk.rest();
    }
}

#[test]
fn whoever_picks_up_and_hangs_up_ends_the_call() {
    let mut desk = desk();
    let (mut caller, invite, phones) = ringing(&mut desk, "1002");
    let [sari, _, citra] = &phones;
    let relief = desk.dial(citra, "*8", Some(&citra.sdp()));
    let mut relief = has_it(&mut desk, &mut caller, relief, &invite, &phones);
    desk.hang_up(&mut relief, sari);
    assert_eq!(desk.detail("ended"), "callee_hung_up/-");
    desk.rest();
}

#[test]
fn without_anything_that_rings_the_code_leads_nowhere() {
    let mut desk = desk();
    let citra = Phone::new("1003", "198.51.100.3:5060");
    let caller = desk.dial(&citra, "*8", Some("v=0\r\n"));
    let refusal = desk.expect(&citra, "SIP/2.0 480");
    desk.from(&citra, &caller.ack_refusal(&refusal));
    assert_eq!(desk.detail("failed"), "nothing_rings/480");
    desk.rest();
}

/// Sari is at no extension, u0 is nobody's colleague, and what has been answered rings no longer.
#[test]
fn only_colleagues_pick_up_and_only_what_rings() {
    let mut desk = desk();
    let (mut caller, invite, phones) = ringing(&mut desk, "1002");
    let stranger = Phone::new("u0", "198.51.100.4:5060");
    let refused = |desk: &mut Desk, phone: &Phone, code: &str, call_id: &str| {
        let mut trying = Caller::new(phone, code);
        trying.call_id = call_id.into();
        let trying = desk.dial_as(trying, "", Some("v=0\r\n"));
        desk.expect(phone, "SIP/2.0 100");
        let refusal = desk.expect(phone, "SIP/2.0 4");
        desk.from(phone, &trying.ack_refusal(&refusal));
    };
    for (n, code) in ["*8", "**1002", "**100", "**999", "**"].into_iter().enumerate() {
        refused(&mut desk, &stranger, code, &format!("stranger-{n}"));
    }
    let [sari, budi, citra] = &phones;
    refused(&mut desk, sari, "*8", "own");
    refused(&mut desk, citra, "**100", "another-extensions");
    desk.from(budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(budi, "ACK");
    let ok = desk.expect(sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(sari, &ack);
    refused(&mut desk, citra, "**1002", "too-late");
    desk.hang_up(&mut caller, budi);
    desk.rest();
}

#[test]
fn who_cannot_be_heard_is_turned_away_and_it_rings_on() {
    let mut desk = Desk::new();
    let (mut caller, invite, phones) = ringing(&mut desk, "1002");
    let [sari, budi, citra] = &phones;
    for sdp in [None, Some(citra.sdp_speaking(&[(96, "iLBC/8000")], "sendrecv"))] {
        let mut trying = Caller::new(citra, "*8");
        trying.call_id = format!("trying-{}", sdp.is_some());
        let trying = desk.dial_as(trying, "", sdp.as_deref());
        desk.expect(citra, "SIP/2.0 100");
        let refusal = desk.expect(citra, "SIP/2.0 488");
        desk.from(citra, &trying.ack_refusal(&refusal));
    }
    desk.from(budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(budi, "ACK");
    let ok = desk.expect(sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(sari, &ack);
    desk.hang_up(&mut caller, budi);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    desk.rest();
}

/// A dialog of the switch with a phone that it has invited, as that phone would name it.
pub fn replaces(invite: &OwnedMessage, phone: &Phone, flag: &str) -> String {
    let from = header(invite, "From").unwrap();
    let to_tag = from.split(";tag=").nth(1).unwrap();
    let from_tag = format!("{}{}", phone.user, phone.flow.remote.port());
    format!("Replaces: {};to-tag={to_tag};from-tag={from_tag}{flag}\r\n", header(invite, "Call-ID").unwrap())
}

#[test]
fn a_call_goes_on_at_another_phone_of_the_same_person() {
    let mut desk = Desk::with(calls::SwitchboardConfig { hold_music: true, ..transcoding() }, 32);
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    desk.from(&budi, &budi.request("INVITE", 1, &invite, "", Some(&budi.sdp_with("sendonly"))));
    desk.expect(&budi, "SIP/2.0 100");
    desk.expect(&budi, "SIP/2.0 200");
    desk.from(&budi, &budi.request("ACK", 1, &invite, "", None));
    assert_eq!(heard(&desk, 0), "*music/default");
    let mobile = Phone::new("1002-mobile", "198.51.100.9:5060");
    let headers = format!("Require: replaces\r\n{}", replaces(&invite, &budi, ""));
    let mut moved = desk.dial_with(&mobile, "1002", &headers, Some(&mobile.sdp()));
    desk.expect(&mobile, "SIP/2.0 100");
    let ok = desk.expect(&mobile, "SIP/2.0 200");
    let ack = moved.ack(&ok, None);
    desk.from(&mobile, &ack);
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    let reinvite = desk.expect(&sari, "INVITE");
    assert_eq!(direction(&reinvite), "sendrecv");
    desk.from(&sari, &caller.respond(&reinvite, 200, Some(&sari.sdp())));
    desk.expect(&sari, "ACK");
    assert!(is_joined(&desk, 0, 2));
    assert_eq!(heard(&desk, 0), "");
    desk.hang_up(&mut caller, &mobile);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "hold(3)", "ended"]);
    assert_eq!(desk.participants().len(), 3);
    desk.rest();
}

#[test]
fn a_phone_that_rings_is_replaced_by_a_colleagues() {
    let mut desk = desk();
    let (mut caller, invite, phones) = ringing(&mut desk, "1002");
    let [_, budi, citra] = &phones;
    let headers = replaces(&invite, budi, ";early-only");
    let relief = desk.dial_with(citra, "1002", &headers, Some(&citra.sdp()));
    desk.expect(citra, "SIP/2.0 100");
    has_it(&mut desk, &mut caller, relief, &invite, &phones);
    desk.hang_up(&mut caller, citra);
    desk.rest();
}

/// RFC 3891 §3: no such dialog 481, an answered one 486 for who wants an early one, and what is not theirs 403.
#[test]
fn nobody_takes_a_place_that_is_not_theirs() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    let (mobile, citra) =
        (Phone::new("1002-mobile", "198.51.100.9:5060"), Phone::new("1003", "198.51.100.3:5060"));
    let theirs = replaces(&invite, &budi, "");
    let cases = [
        (&citra, theirs.clone(), 403),
        (&mobile, replaces(&invite, &budi, ";early-only"), 486),
        (&mobile, theirs.replace("to-tag=", "to-tag=x"), 481),
        (&mobile, theirs.replace("from-tag=", "from-tag=x"), 481),
        (&mobile, "Replaces: nonsense\r\n".to_owned(), 400),
    ];
    for (n, (phone, headers, status)) in cases.into_iter().enumerate() {
        let mut trying = Caller::new(phone, "1002");
        trying.call_id = format!("trying-{n}");
        let trying = desk.dial_as(trying, &headers, Some(&phone.sdp()));
        let refusal = desk.expect(phone, &format!("SIP/2.0 {status}"));
        desk.from(phone, &trying.ack_refusal(&refusal));
    }
    desk.hang_up(&mut caller, &budi);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    desk.rest();
}

/// A colleague is one who shares an extension, whatever becomes of it later.
#[test]
fn who_is_no_colleague_any_more_does_not_pick_up() {
    let mut desk = desk();
    let (caller, invite, phones) = ringing(&mut desk, "1002");
    let [sari, budi, citra] = &phones;
    let mut rows = rows();
    rows.organisations[0].extensions[0].staff.pop();
    rows.revision = 2;
    desk.tell(calls::Input::Plan(plan(&rows)));
    let trying = desk.dial(citra, "*8", Some("v=0\r\n"));
    let refusal = desk.expect(citra, "SIP/2.0 480");
    desk.from(citra, &trying.ack_refusal(&refusal));
    desk.from(sari, &caller.cancel(""));
    desk.expect(sari, "SIP/2.0 200");
    let over = desk.expect(sari, "SIP/2.0 487");
    desk.from(sari, &caller.ack_refusal(&over));
    let cancel = desk.expect(budi, "CANCEL");
    desk.from(budi, &budi.respond(&cancel, 200, None));
    desk.from(budi, &budi.respond(&invite, 487, None));
    desk.expect(budi, "ACK");
    assert!(body(&over).is_empty());
    desk.rest();
}
