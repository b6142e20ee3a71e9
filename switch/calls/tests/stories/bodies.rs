//! What a call does with bodies that are no plain session description (RFC 3261 §8.2.3, RFC 5621).

use crate::desk::{Desk, body, header};

const MIXED: &str = "Content-Type: multipart/mixed;boundary=b\r\n";

fn mixed(sdp: &str, disposition: &str) -> String {
    format!(
        "--b\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--b\r\nContent-Type: application/pidf+xml\r\n\
         {disposition}\r\n<presence/>\r\n--b--\r\n"
    )
}

#[test]
fn rfc_5621_an_offer_among_optional_parts_is_an_offer() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let offer = mixed(&sari.sdp(), "Content-Disposition: render;handling=optional\r\n");
    let caller = desk.dial_with(&sari, "1002", MIXED, Some(&offer));
    desk.expect(&sari, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(header(&invite, "Content-Type").unwrap(), "application/sdp");
    assert!(body(&invite).contains("m=audio 20002 "), "{}", body(&invite));
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn rfc_3261_8_2_3_what_is_not_understood_is_refused_with_what_would_be() {
    let required = mixed("v=0", "");
    for (headers, sdp, name, value) in [
        ("Content-Type: text/plain\r\n", "hello", "Accept", "application/sdp"),
        (MIXED, required.as_str(), "Accept", "multipart/mixed"),
        ("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "?", "Accept-Encoding", "identity"),
        (
            "Content-Type: application/sdp\r\nContent-Disposition: render\r\n",
            "?",
            "Accept",
            "application/sdp",
        ),
    ] {
        let mut desk = Desk::new();
        let [sari, budi] = desk.two();
        let caller = desk.dial_with(&sari, "1002", headers, Some(sdp));
        desk.expect(&sari, "SIP/2.0 100");
        let refusal = desk.expect(&sari, "SIP/2.0 415");
        assert!(header(&refusal, name).unwrap().contains(value), "{headers}");
        desk.from(&sari, &caller.ack_refusal(&refusal));
        desk.silent(&budi);
        assert_eq!(desk.detail("failed"), "media_refused/415");
        desk.rest();
    }
}

#[test]
fn a_body_that_may_be_passed_over_is_none() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let headers = "Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n";
    let caller = desk.dial_with(&sari, "1002", headers, Some("hello"));
    desk.expect(&sari, "SIP/2.0 100");
    assert_eq!(body(&desk.expect(&budi, "INVITE")), "", "the callee is asked for its offer");
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn a_re_invite_with_a_body_that_is_not_understood_changes_nothing() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let reinvite = caller.request("INVITE", "Content-Type: text/plain\r\n", Some("hello"));
    desk.from(&sari, &reinvite);
    desk.expect(&sari, "SIP/2.0 100");
    let refusal = desk.expect(&sari, "SIP/2.0 415");
    assert!(header(&refusal, "Accept").is_some());
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.silent(&budi);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn rfc_6086_what_an_info_is_about_and_for_goes_with_it() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let about = "Info-Package: dtmf\r\nContent-Disposition: Info-Package\r\nContent-Type: application/x\r\n";
    let info = caller.request("INFO", about, Some("5"));
    desk.from(&sari, &info);
    let passed = desk.expect(&budi, "INFO");
    for (name, value) in
        [("Info-Package", "dtmf"), ("Content-Disposition", "Info-Package"), ("Content-Type", "application/x")]
    {
        assert_eq!(header(&passed, name).as_deref(), Some(value));
    }
    desk.from(&budi, &budi.respond(&passed, 469, None));
    desk.expect(&sari, "SIP/2.0 469");
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
