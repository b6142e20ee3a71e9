//! What the caller hears before the answer, and that an offer has one answer in one dialog (RFC 3261 §13.2.1).

use crate::desk::{
    Caller, Desk, Phone, body, header,
    sound::{audio, formats, is_joined},
};
use sip::OwnedMessage;

/// Sari calls Budi, whose two devices have the INVITE.
fn two_devices(desk: &mut Desk) -> (Caller, [Phone; 2], [OwnedMessage; 2]) {
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let phones = [budi, mobile];
    let invites = phones.each_ref().map(|phone| desk.expect(phone, "INVITE"));
    (caller, phones, invites)
}

#[test]
fn a_device_that_rings_is_told_while_another_one_is_heard() {
    let mut desk = Desk::new();
    let (caller, [budi, mobile], invites) = two_devices(&mut desk);
    let sari = caller.phone.clone();
    desk.from(&mobile, &mobile.respond(&invites[1], 183, Some(&mobile.sdp())));
    desk.expect(&sari, "SIP/2.0 183");
    desk.from(&budi, &budi.respond(&invites[0], 180, None));
    let ringing = desk.expect(&sari, "SIP/2.0 180");
    assert_eq!(body(&ringing), "");
    desk.from(&budi, &budi.respond(&invites[0], 183, None));
    desk.silent(&sari);
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn when_the_device_that_is_heard_fails_the_next_is_heard_or_the_phone_rings_by_itself_again() {
    for other in ["the same", "other formats", "none"] {
        let mut desk = Desk::new();
        let (caller, [budi, mobile], invites) = two_devices(&mut desk);
        let sari = caller.phone.clone();
        desk.from(&mobile, &mobile.respond(&invites[1], 183, Some(&mobile.sdp_of(8))));
        let told = desk.expect(&sari, "SIP/2.0 183");
        assert_eq!(formats(&told), "8");
        let (sdp, status) = match other {
            "the same" => (Some(budi.sdp_of(8)), 183),
            "other formats" => (Some(budi.sdp_of(0)), 183),
            _ => (None, 180),
        };
        desk.from(&budi, &budi.respond(&invites[0], status, sdp.as_deref()));
        if other == "none" {
            desk.expect(&sari, "SIP/2.0 180");
        }
        desk.silent(&sari);
        desk.from(&mobile, &mobile.respond(&invites[1], 480, None));
        desk.expect(&mobile, "ACK");
        assert_eq!(is_joined(&desk, 0, 1), other == "the same", "{other}");
        if other != "the same" {
            assert_eq!(body(&desk.expect(&sari, "SIP/2.0 180")), "");
        }
        desk.from(&sari, &caller.cancel(""));
        desk.quiet();
    }
}

#[test]
fn rfc_3261_13_2_1_an_offer_has_one_answer_and_the_winners_own_follows_as_an_offer() {
    let mut desk = Desk::new();
    let (mut caller, [budi, mobile], invites) = two_devices(&mut desk);
    let sari = caller.phone.clone();
    desk.from(&mobile, &mobile.respond(&invites[1], 183, Some(&mobile.sdp_of(8))));
    let told = desk.expect(&sari, "SIP/2.0 183");
    desk.from(&budi, &budi.respond(&invites[0], 200, Some(&budi.sdp_of(0))));
    desk.expect(&budi, "ACK");
    desk.expect(&mobile, "CANCEL");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(body(&ok), body(&told), "the answer told first is the answer");
    assert_eq!(header(&ok, "To"), header(&told, "To"));
    assert!(is_joined(&desk, 0, 1), "the one who answered is heard at once");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let settling = desk.expect(&sari, "INVITE");
    assert_eq!((formats(&settling).as_str(), audio(&settling).as_str()), ("0", "192.0.2.20:20000"));
    desk.from(&sari, &caller.respond(&settling, 200, Some(&sari.sdp_of(0))));
    desk.expect(&sari, "ACK");
    desk.silent(&budi);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn a_second_description_of_the_same_device_is_no_second_answer() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp_of(8))));
    desk.expect(&sari, "SIP/2.0 183");
    desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp_of(0))));
    desk.silent(&sari);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp_of(8))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "8");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.silent(&sari);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
