//! Browsers, which can be reached on the connection that they have opened and in no other way (RFC 7118 §5), and come back on
//! another one, with their calls (RFC 5626).

use calls::Input;
use sip::{Flow, OwnedMessage, Transport};

use crate::desk::{Caller, Desk, Phone, start_line};

const CONTACT: &str = "sip:x7@a1b2.invalid;transport=ws";
const INSTANCE: &str = "+sip.instance=\"<urn:uuid:0d7b5c9e-0000-4000-8000-000000000001>\"";

/// A browser on this connection.
fn browser(user: &str, connection: u16) -> Phone {
    let mut phone = Phone::new(user, &format!("198.51.100.9:{}", 40_000 + connection));
    phone.flow = Flow { transport: Transport::Wss, connection: connection.into(), ..phone.flow };
    "10.0.0.9:5060".clone_into(&mut phone.local);
    phone
}

#[track_caller]
fn registers(desk: &mut Desk, browser: &Phone, contact: &str) {
    let answer = desk.registers(browser, 1, &format!("Contact: <{contact}>;{INSTANCE}\r\n"));
    assert_eq!(answer.view().status(), Some(200));
}

/// Sari talks with Budi, who sits at a browser: the desk, Sari's side, and the INVITE that Budi has taken.
fn talking() -> (Desk, Caller, Phone, OwnedMessage) {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let budi = browser("1002", 9);
    registers(&mut desk, &budi, CONTACT);
    assert_eq!(desk.trusted, [9]);
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(invite.view().request_uri(), CONTACT);
    let own = invite.view().named("Via").unwrap().to_owned();
    assert!(own.starts_with("SIP/2.0/WSS "), "{own}");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    desk.answered(&mut caller);
    (desk, caller, budi, invite)
}

/// Sari hangs up; where Budi is told so.
#[track_caller]
fn told(desk: &mut Desk, mut caller: Caller) -> Flow {
    let bye = caller.request("BYE", "", None);
    desk.from(&caller.phone, &bye);
    desk.expect(&caller.phone, "SIP/2.0 200");
    let at = desk.sent.iter().position(|(_, message)| start_line(message).starts_with("BYE"));
    desk.sent.remove(at.expect("a BYE")).0
}

#[test]
fn rfc_5626_a_call_goes_on_where_its_browser_has_registered_again() {
    for is_lost_first in [true, false] {
        let (mut desk, caller, budi, _) = talking();
        if is_lost_first {
            desk.tell(Input::Unreachable { flow: budi.flow });
        }
        let again = browser("1002", 10);
        registers(&mut desk, &again, CONTACT);
        assert_eq!(told(&mut desk, caller), again.flow);
    }
}

#[test]
fn a_page_that_was_loaded_anew_is_the_same_browser() {
    let (mut desk, caller, budi, _) = talking();
    desk.tell(Input::Unreachable { flow: budi.flow });
    let again = browser("1002", 10);
    registers(&mut desk, &again, "sip:y8@c3d4.invalid;transport=ws");
    assert_eq!(desk.bindings.len(), 2, "Sari's, and one of Budi's");
    assert_eq!(told(&mut desk, caller), again.flow);
}

#[test]
fn a_call_goes_on_where_its_browser_says_something_in_it() {
    let (mut desk, caller, budi, invite) = talking();
    desk.tell(Input::Unreachable { flow: budi.flow });
    let again = browser("1002", 10);
    let reinvite = budi.request("INVITE", 2, &invite, "", Some(&budi.sdp()));
    desk.tell(Input::Received { flow: again.flow, bytes: reinvite.as_bytes(), queued: Default::default() });
    desk.expect(&again, "SIP/2.0 100");
    desk.expect(&again, "SIP/2.0 200");
    let ack = budi.request("ACK", 2, &invite, "", None);
    desk.tell(Input::Received { flow: again.flow, bytes: ack.as_bytes(), queued: Default::default() });
    assert_eq!(told(&mut desk, caller), again.flow);
}

#[test]
fn nobody_takes_over_the_calls_of_another_account_by_its_names() {
    let (mut desk, caller, budi, _) = talking();
    desk.tell(Input::Unreachable { flow: budi.flow });
    registers(&mut desk, &browser("1003", 11), CONTACT);
    let lost = Flow { connection: 0, ..budi.flow };
    assert_eq!(told(&mut desk, caller), lost, "it is said to nobody");
}

#[test]
fn a_browser_that_is_gone_is_not_dialled() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let budi = browser("1002", 9);
    registers(&mut desk, &budi, CONTACT);
    desk.tell(Input::Unreachable { flow: budi.flow });
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.silent(&budi);
}
