//! Stories of who does not keep to the rules of WebSocket (RFC 6455): told so where there is a word for it, and gone.

use super::{
    browsers::{Browser, REGISTER, browse, connected, start},
    *,
};
use tungstenite::Message;

const TEXT: u8 = 0x81;
const TEXT_BEGINS: u8 = 0x01;
const CONTINUES: u8 = 0x00;
const CLOSE: u8 = 0x88;
/// An octet of the length: masked, and two or eight octets of length follow.
const MASKED: u8 = 0x80;

/// A frame under a mask of zeros, which changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match u16::try_from(payload.len()).unwrap() {
        short @ 0..126 => vec![MASKED | u8::try_from(short).unwrap()],
        long => [&[MASKED | 126][..], &long.to_be_bytes()].concat(),
    };
    [&[first][..], &length, &[0; 4], payload].concat()
}

fn ends(counters: &Counters) -> u64 {
    counters.tcp_broken.load(Ordering::Relaxed)
}

/// Says something, and returns with which code the switch said goodbye (RFC 6455 §7.4.1).
fn check(said: &[u8], code: u16) {
    let mut switch = start(|_| {});
    let mut browser = browse(&mut switch);
    browser.get_mut().write_all(said).unwrap();
    let received = switch.receive_until(|_, counters| ends(counters) == 1);
    assert_eq!(received, [], "nothing of it is a message");
    match browser.read().unwrap() {
        Message::Close(Some(goodbye)) => assert_eq!(u16::from(goodbye.code), code, "{said:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc_6455_5_whoever_breaks_the_rules_of_frames_is_told_so_and_gone() {
    check(&[TEXT, 5, b'h', b'e', b'l', b'l', b'o'], 1002);
    check(&frame(CONTINUES, b"of what?"), 1002);
    check(&[frame(TEXT_BEGINS, b"one"), frame(TEXT, b"two")].concat(), 1002);
    check(&frame(TEXT | 0x40, b"compressed"), 1002);
    check(&frame(0x83, b"unheard of"), 1002);
    check(&frame(0x09, b"half a ping"), 1002);
    check(&frame(0x89, &[b'x'; 126]), 1002);
    check(&frame(TEXT, b"\xff\xfe"), 1007);
}

#[test]
fn what_is_too_large_is_refused_by_its_head() {
    let endless = [&[TEXT, MASKED | 127][..], &u64::MAX.to_be_bytes()[..], &[0; 4]].concat();
    check(&[&[TEXT, MASKED | 127][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat(), 1009);
    check(&endless, 1009);
    check(
        &[frame(TEXT_BEGINS, &[b'x'; 10_000]), [&[0, MASKED | 126][..], &[0xff; 2], &[0; 4]].concat()]
            .concat(),
        1009,
    );
}

#[test]
fn a_message_is_put_together_from_its_fragments_and_pings_may_come_between() {
    let mut switch = start(|_| {});
    let mut browser = browse(&mut switch);
    let (front, back) = REGISTER.split_at(20);
    let all =
        [frame(TEXT_BEGINS, front.as_bytes()), frame(0x89, b"?"), frame(0x80, back.as_bytes())].concat();
    for byte in all {
        browser.get_mut().write_all(&[byte]).unwrap();
        switch.receive(0);
    }
    assert_eq!(switch.receive(1)[0].1.as_deref(), Some(REGISTER));
}

#[test]
fn fragments_of_a_stranger_are_counted_as_what_they_hold() {
    let mut switch = start(|_| {});
    let mut browser = browse(&mut switch);
    let mut sent = 0;
    browser.get_mut().write_all(&frame(TEXT_BEGINS, b"INVITE ")).unwrap();
    while ends(&switch.wire.counters()) == 0 {
        let more = || browser.get_mut().write_all(&frame(CONTINUES, &[b'x'; 1_000]));
        let (received, _) = switch.turn_while(more);
        assert_eq!(received, []);
        sent += 1;
        assert!(sent < 1_000, "a stranger that never comes to an end is kept");
    }
    assert!(sent >= 16, "{sent}");
}

#[test]
fn what_is_no_request_for_a_web_socket_is_answered_once() {
    let too_long = format!("GET /sip HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9_000));
    for (said, status) in [
        ("OPTIONS sip:a@b SIP/2.0\r\n\r\n", "400 "),
        ("\u{16}\u{3}\u{1}\u{0}", "400 "),
        ("POST /sip HTTP/1.1\r\n\r\n", "405 "),
        ("GET /sip HTTP/1.0\r\n\r\n", "400 "),
        ("GET /sip HTTP/1.1\r\nHost: x\r\n\r\n", "426 "),
        (&too_long, "431 "),
    ] {
        let mut switch = start(|_| {});
        let mut peer = connected(switch.address);
        peer.write_all(said.as_bytes()).unwrap();
        let received = switch.receive_until(|_, counters| counters.ws_refused.load(Ordering::Relaxed) == 1);
        assert_eq!(received, []);
        let mut answer = String::new();
        peer.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{said}: {answer}");
    }
}

#[test]
fn a_request_that_never_ends_is_given_up() {
    let mut switch = start(|_| {});
    let mut slow = connected(switch.address);
    slow.write_all(b"GET /sip HTTP/1.1\r\n").unwrap();
    switch.receive_until(|_, counters| counters.tcp_connections.load(Ordering::Relaxed) == 1);
    switch.receive(0);
    switch.wire.sweep(Instant::now() + Duration::from_secs(9));
    assert_eq!(switch.wire.counters().tcp_timed_out.load(Ordering::Relaxed), 1);
}

#[test]
fn a_storm_of_goodbyes_leaves_nothing_behind() {
    let mut switch = start(|_| {});
    let mut staying = browse(&mut switch);
    for round in 0..100_u64 {
        let mut browser = browse(&mut switch);
        let goodbye = match round % 4 {
            0 => frame(CLOSE, &1_000_u16.to_be_bytes()),
            1 => frame(CLOSE, b""),
            2 => [frame(CLOSE, &1_001_u16.to_be_bytes()), frame(TEXT, REGISTER.as_bytes())].concat(),
            _ => frame(CLOSE, b"!"),
        };
        browser.get_mut().write_all(&goodbye).unwrap();
        let received =
            switch.receive_until(|_, counters| counters.tcp_connections.load(Ordering::Relaxed) == 1);
        assert_eq!(received, [], "what comes after a goodbye is not heard");
    }
    staying.send(Message::text(REGISTER)).unwrap();
    assert_eq!(switch.receive(1)[0].1.as_deref(), Some(REGISTER));
}

#[test]
fn a_browser_that_reads_nothing_is_given_up() {
    static ANSWER: [u8; 8_000] = [b'x'; 8_000];
    let mut switch = start(|_| {});
    let mut deaf: Browser = browse(&mut switch);
    deaf.send(Message::text(REGISTER)).unwrap();
    let flow = switch.receive(1)[0].0;
    let mut sends = 0;
    while ends(&switch.wire.counters()) == 0 {
        switch.send(flow, &ANSWER);
        sends += 1;
        assert!(sends < 5_000, "it is kept");
    }
}
