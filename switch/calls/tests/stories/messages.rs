//! RFC 3428: messages between the accounts of an organisation.

use std::time::Duration;

use calls::{Limits, Notice, SwitchboardConfig};
use sip::{HeaderName, Transport};

use crate::desk::{
    DOMAIN, Desk, Phone,
    asking::{Asking, body_of},
    header,
};

#[test]
fn rfc_3428_7_a_message_goes_to_all_devices_and_the_first_that_takes_it_answers() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.3:5060");
    desk.ask(&mut Asking::message(&sari, "1002", "Rapat jam 3?"));
    let at_desk = desk.expect(&budi, "MESSAGE sip:1002@198.51.100.2:5060");
    let at_hand = desk.expect(&mobile, "MESSAGE sip:1002-mobile@198.51.100.3:5060");
    let view = at_desk.view();
    assert_eq!(body_of(&at_desk), "Rapat jam 3?");
    assert_eq!(view.first(HeaderName::ContentType), Some("text/plain"));
    assert!(view.first(HeaderName::From).unwrap().starts_with(&format!("\"Sari\" <sip:1001@{DOMAIN}>;tag=")));
    assert_eq!(view.first(HeaderName::To), Some(&*format!("<sip:1002@{DOMAIN}>")));
    assert_eq!(view.first(HeaderName::MaxForwards), Some("69"));
    assert_eq!(view.first(HeaderName::Contact), None);
    desk.silent(&sari);
    desk.from(&mobile, &mobile.respond(&at_hand, 480, None));
    desk.silent(&sari);
    desk.from(&budi, &budi.respond(&at_desk, 200, None));
    desk.expect(&sari, "SIP/2.0 200");
    desk.rest();
}

#[test]
fn a_message_that_no_device_takes_is_refused_by_the_weightiest_answer() {
    for (answers, told) in [
        ([404, 404], 480),
        ([480, 415], 415),
        ([415, 603], 603),
        ([401, 500], 480),
        ([486, 503], 486),
        ([503, 503], 480),
    ] {
        let mut desk = Desk::new();
        let [sari, budi] = desk.two();
        let mobile = desk.phone("1002-mobile", "198.51.100.3:5060");
        desk.ask(&mut Asking::message(&sari, "1002", "hello"));
        for (phone, status) in [&budi, &mobile].into_iter().zip(answers) {
            let message = desk.expect(phone, "MESSAGE");
            desk.from(phone, &phone.respond(&message, status, None));
        }
        let answer = desk.expect(&sari, "SIP/2.0");
        assert_eq!(answer.view().status(), Some(told), "{answers:?}");
        desk.rest();
    }
}

#[test]
fn rfc_4320_4_2_a_sender_hears_before_it_gives_up() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    desk.ask(&mut Asking::message(&sari, "1002", "hello"));
    let message = desk.expect(&budi, "MESSAGE");
    desk.wait(Duration::from_secs(29));
    desk.expect(&sari, "SIP/2.0 100");
    desk.expect(&sari, "SIP/2.0 480");
    // Too late: the sender has been told.
    desk.from(&budi, &budi.respond(&message, 200, None));
    desk.silent(&sari);
    desk.quiet();
}

#[test]
fn nothing_is_stored_and_nothing_leaves_the_organisation() {
    let mut desk = Desk::new();
    let [sari, _] = desk.two();
    for (number, status) in [("1003", 480), ("300", 480), ("200", 480), ("999", 404), ("1001", 403)] {
        desk.ask(&mut Asking::message(&sari, number, "hello"));
        let answer = desk.expect(&sari, "SIP/2.0");
        assert_eq!(answer.view().status(), Some(status), "{number}");
    }
    let abroad =
        Asking { uri: String::from("sip:1002@example.com"), ..Asking::message(&sari, "1002", "hello") };
    desk.say(&sari, &abroad.text(""));
    desk.expect(&sari, "SIP/2.0 404");
    desk.rest();
}

#[test]
fn a_message_is_from_whoever_has_authenticated() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut forged =
        Asking { from: format!("sip:1003@{DOMAIN}"), ..Asking::message(&sari, "1002", "I am Citra") };
    desk.ask(&mut forged);
    desk.expect(&sari, "SIP/2.0 403");
    let mut hidden = Asking::message(&sari, "1002", "guess who");
    hidden.call_id = String::from("hidden");
    hidden.headers +=
        "Privacy: id\r\nP-Preferred-Identity: <sip:1003@x>\r\nReply-To: <sip:evil@example.com>\r\n";
    desk.ask(&mut hidden);
    let message = desk.expect(&budi, "MESSAGE");
    assert!(header(&message, "From").unwrap().contains("anonymous.invalid"));
    assert_eq!((header(&message, "Reply-To"), header(&message, "P-Preferred-Identity")), (None, None));
    desk.from(&budi, &budi.respond(&message, 200, None));
    desk.expect(&sari, "SIP/2.0 200");
    desk.rest();
}

/// What comes of a message with this type and body: the status, or 0 when it goes out.
#[track_caller]
fn check(headers: &str, body: &str, expected: u16) {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut asking = Asking::new(&sari, "MESSAGE", "1002");
    asking.headers = headers.into();
    asking.body = body.into();
    desk.ask(&mut asking);
    if expected == 0 {
        let message = desk.expect(&budi, "MESSAGE");
        assert_eq!(body_of(&message), body);
        desk.from(&budi, &budi.respond(&message, 200, None));
        desk.expect(&sari, "SIP/2.0 200");
    } else {
        let answer = desk.expect(&sari, "SIP/2.0");
        assert_eq!(answer.view().status(), Some(expected), "{headers}{body:?}");
    }
    desk.rest();
}

#[test]
fn rfc_3428_4_what_a_message_may_hold() {
    check("Content-Type: text/plain;charset=UTF-8\r\n", "Selamat pagi \u{1f600}\r\n\tsampai nanti", 0);
    check("Content-Type: text/html\r\n", "<b>ya</b>", 0);
    check("Content-Type: application/im-iscomposing+xml\r\n", "<isComposing/>", 0);
    check("Content-Type: application/x-new; a=b\r\n", "\u{1}\u{2}", 0);
    check("Content-Type: text/plain\r\n", "red \u{1b}[31m", 400);
    check("Content-Type: TEXT/Plain\r\n", "c1 \u{9b}31m", 400);
    check("Content-Type: text/plain\r\n", &"x".repeat(10_001), 513);
}

#[test]
fn rfc_3862_the_sender_inside_is_the_sender_outside() {
    let cpim = |from: &str| {
        format!("From: Sari <{from}>\r\nTo: <im:1002@x>\r\n\r\nContent-Type: text/plain\r\n\r\nhi")
    };
    let kind = "Content-Type: message/cpim\r\n";
    check(kind, &cpim(&format!("im:1001@{DOMAIN}")), 0);
    check(kind, &cpim(&format!("sip:1001@{DOMAIN};transport=udp")), 0);
    check(kind, &cpim(&format!("im:1003@{DOMAIN}")), 403);
    check(kind, &cpim("im:1001@example.com"), 403);
    check(kind, "To: <im:1002@x>\r\n\r\nContent-Type: text/plain\r\n\r\nFrom: <im:1003@x>", 0);
}

#[test]
fn a_body_keeps_what_it_is_read_with() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut asking = Asking::message(&sari, "1002", "hello");
    asking.headers +=
        "Content-Language: id, en\r\nContent-Encoding: x-own\r\nContent-Disposition: render\r\n";
    desk.ask(&mut asking);
    let message = desk.expect(&budi, "MESSAGE");
    assert_eq!(header(&message, "Content-Encoding").as_deref(), Some("x-own"));
    assert_eq!(header(&message, "Content-Disposition").as_deref(), Some("render"));
    let languages: Vec<String> =
        message.view().values(HeaderName::ContentLanguage).map(str::to_owned).collect();
    assert_eq!(languages, ["id", "en"]);
    desk.from(&budi, &budi.respond(&message, 200, None));
    desk.expect(&sari, "SIP/2.0 200");
    desk.rest();
}

#[test]
fn rfc_3428_8_a_long_message_reaches_devices_on_streams_only() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let long = "x".repeat(1_300);
    desk.ask(&mut Asking::message(&sari, "1002", &long));
    desk.expect(&sari, "SIP/2.0 513");
    desk.silent(&budi);
    let mut mobile = crate::desk::Phone::new("1002-mobile", "198.51.100.3:40000");
    mobile.flow.transport = Transport::Tcp;
    mobile.flow.connection = 7;
    desk.register(&mobile, 1);
    let mut again = Asking::message(&sari, "1002", &long);
    again.call_id = String::from("again");
    desk.ask(&mut again);
    let message = desk.expect(&mobile, "MESSAGE");
    desk.silent(&budi);
    desk.from(&mobile, &mobile.respond(&message, 200, None));
    desk.expect(&sari, "SIP/2.0 200");
    desk.rest();
}

#[test]
fn an_account_sends_so_many_messages_a_minute() {
    let limits = Limits { messages_per_minute_max: 2, ..Limits::default() };
    let mut desk = Desk::with(SwitchboardConfig { limits, ..SwitchboardConfig::default() }, 8);
    let [sari, budi] = desk.two();
    for (sent, status) in [200, 200, 480].into_iter().enumerate() {
        let mut asking = Asking::message(&sari, "1002", "hello");
        asking.call_id = format!("m{sent}");
        desk.ask(&mut asking);
        if status == 200 {
            let message = desk.expect(&budi, "MESSAGE");
            desk.from(&budi, &budi.respond(&message, 200, None));
        }
        let answer = desk.expect(&sari, "SIP/2.0");
        assert_eq!(answer.view().status(), Some(status));
        assert_eq!(header(&answer, "Retry-After").is_some(), status == 480);
    }
    assert!(desk.notices.contains(&Notice::MessagesLimited));
    desk.rest();
}

/// Seed 211: the repeat of a refused SUBSCRIBE was challenged, because its credentials had been used.
#[test]
fn rfc_3261_17_2_2_a_repeat_of_what_was_refused_gets_the_same_answer() {
    let sari = Phone::new("1001", "198.51.100.1:5060");
    for mut asking in [Asking::message(&sari, "999", "hello"), Asking::subscribe(&sari, "999", "dialog")] {
        let mut desk = Desk::new();
        desk.say(&sari, &asking.text(""));
        let challenge = desk.expect(&sari, "SIP/2.0 401");
        let authorization = sari.authorization(&challenge, asking.method, &asking.uri);
        asking.cseq += 1;
        for _ in 0..2 {
            desk.say(&sari, &asking.text(&authorization));
            desk.expect(&sari, "SIP/2.0 404");
        }
        desk.rest();
    }
}
