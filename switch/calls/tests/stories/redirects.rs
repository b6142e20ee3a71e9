//! A device that says where its person is (3xx): followed to numbers of the organisation, or not at all.

use std::time::Duration;

use calls::{Redirects, SwitchboardConfig};
use contract::snapshot::Mailbox;
use sip::OwnedMessage;

use crate::{
    desk::{Desk, Phone, header, plan, rows, sound::heard},
    led::rows_with,
    queues::queue,
    transfers::Scene,
};

/// A 302 to these contacts.
pub fn moved(phone: &Phone, invite: &OwnedMessage, status: u16, contacts: &str) -> String {
    let text = phone.respond(invite, status, None);
    text.replace(&format!("Contact: <{}>", phone.contact()), &format!("Contact: {contacts}"))
}

#[test]
fn rfc_3261_8_1_3_4_a_redirection_goes_on_to_a_number_of_the_organisation() {
    for contact in [
        "<sip:1003@demo.sambung.test>",
        "<sip:1003@localhost;user=phone>;q=0.5",
        "<sip:1003@192.0.2.1:5060>",
        "<tel:1003>",
        "<sip:1003@elsewhere.example>, <sip:9999@demo.sambung.test>, <sips:1003@DEMO.sambung.test>",
    ] {
        let mut desk = Desk::new();
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
        let invite = desk.expect(&budi, "INVITE");
        assert_eq!(header(&invite, "Max-Forwards").unwrap(), "69");
        desk.from(&budi, &moved(&budi, &invite, 302, contact));
        desk.expect(&budi, "ACK");
        let invite = desk.expect(&citra, "INVITE sip:1003@198.51.100.3:5060");
        assert_eq!(header(&invite, "To").unwrap(), "<sip:1003@demo.sambung.test>", "{contact}");
        assert_eq!(header(&invite, "Max-Forwards").unwrap(), "68");
        desk.from(&citra, &citra.respond(&invite, 180, None));
        desk.expect(&sari, "SIP/2.0 180");
        desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
        desk.expect(&citra, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        assert_eq!(desk.events(), ["created", "forward", "ringing", "answered(3)"], "{contact}");
        assert_eq!(desk.detail("forward"), "-/302");
        assert_eq!(desk.number_of("forward").as_deref(), Some("1003"));
        desk.hang_up(&mut caller, &citra);
        desk.rest();
    }
}

/// Budi answers 302 with these contacts, and it leads nowhere.
fn check_nowhere(config: SwitchboardConfig, status: u16, contacts: &str) {
    let mut desk = Desk::with(config, 8);
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &moved(&budi, &invite, status, contacts));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.silent(&citra);
    assert_eq!(desk.events(), ["created", "failed", "ended"], "{contacts}");
    assert_eq!(desk.detail("failed"), format!("redirected/{status}"));
    desk.rest();
}

#[test]
fn a_contact_is_never_an_address_to_send_to() {
    for contacts in [
        "<sip:1003@elsewhere.example>",
        "<sip:1003@198.51.100.99>",
        "<sip:1003@127.0.0.1:22>",
        "<sip:1003@demo.sambung.test?Subject=x>",
        "<http://demo.sambung.test/1003>",
        "<mailto:1003@demo.sambung.test>",
        "<sip:demo.sambung.test>",
        "<sip:0800123456@demo.sambung.test>",
        "<sip:1002@demo.sambung.test>",
        "<sip:1001@demo.sambung.test>",
        "<sip:300@demo.sambung.test>",
    ] {
        check_nowhere(SwitchboardConfig::default(), 302, contacts);
    }
    check_nowhere(SwitchboardConfig::default(), 305, "<sip:1003@demo.sambung.test>");
    check_nowhere(SwitchboardConfig::default(), 380, "<sip:1003@demo.sambung.test>");
}

#[test]
fn redirections_are_refused_where_the_owner_says_so() {
    let config = SwitchboardConfig { redirects: Redirects::Refuse, ..SwitchboardConfig::default() };
    check_nowhere(config, 302, "<sip:1003@demo.sambung.test>");
}

#[test]
fn two_people_who_send_calls_to_each_other_make_no_loop() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &moved(&budi, &invite, 302, "<sip:1003@demo.sambung.test>"));
    desk.expect(&budi, "ACK");
    let invite = desk.expect(&citra, "INVITE");
    // Back to Budi by name and by the extension that both of them answer.
    desk.from(
        &citra,
        &moved(&citra, &invite, 301, "<sip:1002@demo.sambung.test>, <sip:100@demo.sambung.test>"),
    );
    desk.expect(&citra, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.silent(&budi);
    assert_eq!(desk.events(), ["created", "forward", "failed", "ended"]);
    desk.rest();
}

#[test]
fn a_redirection_of_one_device_does_not_stop_the_others() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invites = [&budi, &mobile].map(|phone| desk.expect(phone, "INVITE"));
    desk.from(&budi, &moved(&budi, &invites[0], 302, "<sip:1003@demo.sambung.test>"));
    desk.expect(&budi, "ACK");
    let forwarded = desk.expect(&citra, "INVITE");
    desk.silent(&mobile);
    desk.from(&citra, &citra.respond(&forwarded, 486, None));
    desk.expect(&citra, "ACK");
    desk.from(&mobile, &mobile.respond(&invites[1], 486, None));
    desk.expect(&mobile, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 486");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "forward", "busy", "ended"]);
    desk.rest();
}

#[test]
fn rfc_5393_5_3_the_devices_of_a_number_share_the_breadth_that_the_caller_allows() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let phones = [desk.phone("1002", "198.51.100.2:5060"), desk.phone("1003", "198.51.100.3:5060")];
    phones.iter().for_each(|phone| drop(desk.register(phone, 1)));
    for (told, expected) in [("Max-Breadth: 5\r\n", ["3", "2"]), ("", ["30", "30"])] {
        let caller = desk.dial_with(&sari, "100", told, Some(&sari.sdp()));
        desk.expect(&sari, "SIP/2.0 100");
        for (phone, share) in phones.iter().zip(expected) {
            let invite = desk.expect(phone, "INVITE");
            assert_eq!(header(&invite, "Max-Breadth").as_deref(), Some(share));
            desk.from(phone, &phone.respond(&invite, 486, None));
            desk.expect(phone, "ACK");
        }
        let refusal = desk.expect(&sari, "SIP/2.0 486");
        desk.from(&sari, &caller.ack_refusal(&refusal));
        desk.wait(Duration::from_secs(60));
    }
    let caller = desk.dial_with(&sari, "100", "Max-Breadth: 1\r\n", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    let refusal = desk.expect(&sari, "SIP/2.0 440");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}

/// A bug: a phone that sends calls on was not available for a call that somebody sent there.
#[test]
fn a_target_s_phone_says_where_its_person_is() {
    let mut scene = Scene::with(Desk::speaking());
    let dina = scene.desk.phone("u0", "198.51.100.4:5060");
    scene.desk.tell(calls::Input::Plan(plan(&rows())));
    scene.budi_asks("REFER", "Refer-To: <sip:1003@demo.sambung.test>\r\n", None);
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    let trying = scene.desk.expect(&scene.budi, "NOTIFY");
    scene.desk.from(&scene.budi, &scene.budi.respond(&trying, 200, None));
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    let moved = moved(&scene.citra, &invite, 302, "<sip:u0@demo.sambung.test>");
    scene.desk.from(&scene.citra, &moved);
    scene.desk.expect(&scene.citra, "ACK");
    let invite = scene.desk.expect(&dina, "INVITE");
    scene.desk.from(&dina, &dina.respond(&invite, 486, None));
    scene.desk.expect(&dina, "ACK");
    assert_eq!(scene.desk.events()[2..], ["answered(3)", "transfer(3)", "forward", "transfer_busy"]);
    let told = scene.desk.expect(&scene.budi, "NOTIFY");
    scene.desk.from(&scene.budi, &scene.budi.respond(&told, 200, None));
    scene.desk.hang_up(&mut scene.caller, &scene.budi);
    scene.desk.rest();
}

/// Somebody was asked for, so what the switch itself answers there is nobody (decision 0032).
#[test]
fn a_target_s_phone_leads_to_people_alone() {
    let mut scene = Scene::with(Desk::speaking());
    scene.desk.tell(calls::Input::Plan(plan(&rows_with(queue()))));
    scene.budi_asks("REFER", "Refer-To: <sip:1003@demo.sambung.test>\r\nRefer-Sub: false\r\n", None);
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    let moved = moved(&scene.citra, &invite, 302, "<sip:400@demo.sambung.test>");
    scene.desk.from(&scene.citra, &moved);
    scene.desk.expect(&scene.citra, "ACK");
    assert_eq!(scene.desk.detail("transfer_failed"), "redirected/302");
    let budi = scene.budi.clone();
    scene.desk.hang_up(&mut scene.caller, &budi);
    scene.desk.rest();
}

/// A bug: a phone that sends all calls to a queue, a menu, a mailbox or a conference refused them.
#[test]
fn a_phone_sends_calls_to_what_the_switch_answers() {
    for (contact, hears, forwarded) in [
        ("<sip:400@demo.sambung.test>", "id/menu", "-/302"),
        // As if the caller had dialled it.
        ("<sip:*1003@demo.sambung.test>", "id/voicemail-greeting tone/beep", "dialled/-"),
    ] {
        let mut desk = Desk::speaking();
        let [sari, budi] = desk.two();
        desk.tell(calls::Input::Plan(plan(&rows_with(queue()))));
        let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
        let invite = desk.expect(&budi, "INVITE");
        desk.from(&budi, &moved(&budi, &invite, 302, contact));
        desk.expect(&budi, "ACK");
        desk.answered(&mut caller);
        assert_eq!(heard(&desk, 0), hears);
        assert_eq!(desk.events()[..2], ["created", "forward"]);
        assert_eq!(desk.detail("forward"), forwarded);
        desk.goes(&mut caller);
        desk.rest();
    }
}

#[test]
fn a_phone_sends_calls_to_a_queue_where_they_wait_and_are_taken() {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(calls::Input::Plan(plan(&rows_with(queue()))));
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &moved(&budi, &invite, 302, "<sip:100@demo.sambung.test>"));
    desk.expect(&budi, "ACK");
    desk.expect(&sari, "SIP/2.0 180");
    desk.answered(&mut caller);
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    let told = desk.expect(&sari, "INVITE");
    desk.from(&sari, &caller.respond(&told, 200, Some(&sari.sdp())));
    desk.expect(&sari, "ACK");
    assert_eq!(desk.detail("forward"), "-/302");
    caller.cseq = caller.cseq.max(10);
    desk.hang_up(&mut caller, &citra);
    desk.rest();
}

/// Where others ring too, one phone does not take the call away from them.
#[test]
fn a_phone_that_sends_a_call_to_a_mailbox_does_not_take_it_from_those_who_ring() {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let mut rows = rows();
    rows.organisations[0].staff[1].mailbox = Some(Mailbox::default());
    desk.tell(calls::Input::Plan(plan(&rows)));
    let mut caller = desk.dial(&sari, "100", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    let other = desk.expect(&citra, "INVITE");
    desk.from(&budi, &moved(&budi, &invite, 302, "<sip:*1002@demo.sambung.test>"));
    desk.expect(&budi, "ACK");
    desk.from(&citra, &citra.respond(&other, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    desk.answered(&mut caller);
    desk.hang_up(&mut caller, &citra);
    desk.rest();
}

/// A bug: the first phone's wish used up the number although the call did not go there, so the second one's led nowhere.
#[test]
fn two_phones_of_one_person_send_a_call_to_the_same_mailbox() {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    desk.tell(calls::Input::Plan(plan(&rows_with(queue()))));
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invites = [&budi, &mobile].map(|phone| desk.expect(phone, "INVITE"));
    for (phone, invite) in [&budi, &mobile].into_iter().zip(&invites) {
        desk.from(phone, &moved(phone, invite, 302, "<sip:*1003@demo.sambung.test>"));
        desk.expect(phone, "ACK");
    }
    desk.answered(&mut caller);
    assert_eq!(heard(&desk, 0), "id/voicemail-greeting tone/beep");
    desk.goes(&mut caller);
    desk.rest();
}

/// Whoever waits in a queue has come for its agents.
#[test]
fn an_agent_s_phone_sends_nobody_on() {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(calls::Input::Plan(plan(&rows_with(queue()))));
    let mut caller = desk.line_up(&sari, "100");
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &moved(&citra, &invite, 302, "<sip:1002@demo.sambung.test>"));
    desk.expect(&citra, "ACK");
    desk.silent(&budi);
    desk.goes(&mut caller);
    desk.rest();
}
