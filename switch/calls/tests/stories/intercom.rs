//! Intercom (decision 0047): phones that are asked to answer by themselves, whom it reaches, and that nobody is broken in on.

use std::time::Duration;

use calls::Input;

use crate::{
    attended::replaces,
    codes::{dialled, is_told},
    desk::{Desk, Phone, header, plan, rows, sound::heard},
};

/// Sari, Budi and Citra; Budi and Citra are of 100, which takes intercoms.
fn scene() -> (Desk, [Phone; 3]) {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let mut rows = rows();
    rows.organisations[0].extensions[0].takes_intercom = true;
    rows.revision = 2;
    desk.tell(Input::Plan(plan(&rows)));
    (desk, [sari, budi, citra])
}

/// The caller hears why, and has this for an answer.
#[track_caller]
fn is_refused(desk: &mut Desk, phone: &Phone, number: &str, (words, status): (&str, &str)) {
    let caller = desk.dial(phone, number, Some(&phone.sdp()));
    desk.expect(phone, "SIP/2.0 183");
    let lease = desk.board.leases().pop_last().unwrap().0;
    assert_eq!(heard(desk, lease), words);
    desk.played(lease);
    let refusal = desk.expect(phone, &format!("SIP/2.0 {status}"));
    desk.from(phone, &caller.ack_refusal(&refusal));
}

#[test]
fn a_phone_is_asked_to_answer_by_itself_in_every_way_that_phones_listen_to() {
    let (mut desk, [sari, budi, _]) = scene();
    let mut caller = desk.dial(&sari, "*801002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(header(&invite, "Answer-Mode").as_deref(), Some("Auto"));
    let (call_info, alert_info) = (header(&invite, "Call-Info"), header(&invite, "Alert-Info"));
    assert_eq!(call_info.as_deref(), Some("<sip:demo.sambung.test>;answer-after=0"));
    assert_eq!(alert_info.as_deref(), Some("<http://demo.sambung.test>;info=alert-autoanswer;delay=0"));
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    desk.answered(&mut caller);
    desk.die();
    desk.hang_up(&mut caller, &budi);
    assert_eq!(desk.events(), ["created", "answered(3)", "ended"]);
    desk.rest();
}

#[test]
fn a_call_that_is_no_intercom_asks_nobody_to_answer_by_itself() {
    let (mut desk, [sari, budi, _]) = scene();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    assert!(["Answer-Mode", "Call-Info", "Alert-Info"].iter().all(|name| header(&invite, name).is_none()));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn nobody_is_broken_in_on_who_is_in_a_call() {
    let (mut desk, [sari, budi, citra]) = scene();
    let (mut busy, _) = desk.talk(&sari, &budi, "1002");
    is_refused(&mut desk, &citra, "*801002", ("id/busy", "486"));
    assert_eq!((desk.detail("busy"), desk.detail("ended")), ("busy/-".into(), "-/486".into()));
    desk.silent(&budi);
    desk.hang_up(&mut busy, &budi);
    desk.rest();
}

#[test]
fn nobody_is_broken_in_on_who_does_not_want_to_be_disturbed() {
    let (mut desk, [sari, budi, _]) = scene();
    let told = dialled(&mut desk, &budi, "*78", "on");
    is_told(&mut desk, (&budi, &told), 0, "id/do-not-disturb-on");
    is_refused(&mut desk, &sari, "*801002", ("id/not-available", "486"));
    assert_eq!(desk.detail("busy"), "do_not_disturb/-");
    desk.silent(&budi);
    desk.rest();
}

/// Of an extension's people those are asked who are in no call; the first one who answers is who is talked to.
#[test]
fn an_intercom_to_an_extension_reaches_the_first_who_is_free() {
    let (mut desk, [sari, budi, citra]) = scene();
    let other = desk.phone("u0", "198.51.100.9:5060");
    let (mut busy, _) = desk.talk(&other, &budi, "1002");
    let mut caller = desk.dial(&sari, "*80100", Some(&sari.sdp()));
    desk.silent(&budi);
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    desk.answered(&mut caller);
    desk.hang_up(&mut caller, &citra);
    desk.hang_up(&mut busy, &budi);
    desk.rest();
}

#[test]
fn whoever_has_not_agreed_to_it_is_not_reached() {
    let (mut desk, [sari, budi, _]) = scene();
    is_refused(&mut desk, &budi, "*801001", ("id/no-permission", "403"));
    assert_eq!(desk.detail("failed"), "no_intercom/403");
    desk.silent(&sari);
    desk.rest();
}

/// A phone that sends the call on, or nobody who takes it: an intercom goes nowhere else.
#[test]
fn an_intercom_is_not_sent_on() {
    let (mut desk, [sari, budi, citra]) = scene();
    let mut rows = rows();
    rows.organisations[0].extensions[0].takes_intercom = true;
    rows.organisations[0].staff[1].mailbox = Some(contract::snapshot::Mailbox::default());
    rows.revision = 3;
    desk.tell(Input::Plan(plan(&rows)));
    let caller = desk.dial(&sari, "*801002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    let elsewhere = budi.respond(&invite, 302, None).replace(&budi.contact(), "sip:1003@demo.sambung.test");
    desk.from(&budi, &elsewhere);
    desk.expect(&budi, "ACK");
    desk.silent(&citra);
    desk.expect(&sari, "SIP/2.0 183");
    desk.played(0);
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.detail("failed"), "redirected/302");
    desk.rest();
}

/// A transfer may not open a microphone either, least of all for somebody outside.
#[test]
fn nobody_is_transferred_to_an_intercom() {
    let (mut desk, [sari, budi, citra]) = scene();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let refer = caller.request("REFER", "Refer-To: <sip:*801003@demo.sambung.test>\r\n", None);
    desk.from(&sari, &refer);
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    assert!(header(&refusal, "Warning").unwrap().contains("not_a_target"));
    desk.silent(&citra);
    desk.hang_up(&mut caller, &budi);
    desk.wait(Duration::from_secs(1));
    desk.rest();
}

/// Whoever rings has been asked to open a microphone for the one who dialled, and for nobody else.
#[test]
fn nobody_is_put_through_to_an_intercom_that_rings() {
    let (mut desk, [sari, budi, citra]) = scene();
    let (mut caller, _) = desk.talk(&sari, &citra, "1003");
    let mut asking = desk.dial(&sari, "*801002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    asking.join(&desk.expect(&sari, "SIP/2.0 180"));
    let other = replaces(&asking.call_id, &asking.to_tag(), "c");
    let refer = format!("Refer-To: <sip:*801002@demo.sambung.test?{other}>\r\n");
    let refer = caller.request("REFER", &refer, None);
    desk.from(&sari, &refer);
    desk.expect(&sari, "SIP/2.0 491");
    desk.from(&sari, &asking.cancel(""));
    desk.expect(&sari, "SIP/2.0 200");
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &asking.ack_refusal(&refusal));
    let cancel = desk.expect(&budi, "CANCEL");
    desk.from(&budi, &budi.respond(&cancel, 200, None));
    desk.from(&budi, &budi.respond(&invite, 487, None));
    desk.expect(&budi, "ACK");
    desk.hang_up(&mut caller, &citra);
    desk.rest();
}
