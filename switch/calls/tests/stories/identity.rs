//! Who the callee is told a call is from (RFC 3323, RFC 3325): the account that has authenticated, or nobody.

use crate::desk::{Caller, Desk, Phone, header};
use sip::OwnedMessage;

/// Dials with this From in place of the phone's own.
fn dial(desk: &mut Desk, phone: &Phone, from: Option<&str>, headers: &str) -> Caller {
    let mut caller = Caller::new(phone, "1002");
    if let Some(from) = from {
        caller.from = from.to_owned();
    }
    desk.dial_as(caller, headers, Some(&phone.sdp()))
}

/// The INVITE that Budi gets when Sari calls like this.
fn shown(from: Option<&str>, headers: &str) -> OwnedMessage {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = dial(&mut desk, &sari, from, headers);
    desk.expect(&sari, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
    invite
}

const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

#[test]
fn rfc_3325_what_a_phone_says_about_its_identity_is_neither_believed_nor_passed_on() {
    for headers in [
        "P-Preferred-Identity: \"Boss\" <sip:1003@demo.sambung.test>\r\n",
        "P-Preferred-Identity: <sip:1001@demo.sambung.test>, <tel:1001>\r\n",
        "P-Asserted-Identity: \"Boss\" <sip:1003@demo.sambung.test>\r\n",
        "Remote-Party-ID: \"Boss\" <sip:1003@demo.sambung.test>;party=calling;screen=yes\r\n",
        "Diversion: <sip:1003@demo.sambung.test>\r\nHistory-Info: <sip:1003@demo.sambung.test>;index=1\r\n",
    ] {
        let invite = shown(None, headers);
        let from = header(&invite, "From").unwrap();
        assert!(from.starts_with("\"Sari\" <sip:1001@demo.sambung.test>;tag="), "{from}");
        let text = String::from_utf8_lossy(&invite.body()).into_owned();
        let names = invite.view().headers().map(|(name, _, value)| format!("{name}: {value}"));
        let told = names.collect::<Vec<_>>().join("\n") + &text;
        assert!(!told.contains("1003") && !told.contains("Boss"), "{told}");
    }
}

#[test]
fn a_display_name_of_the_from_is_not_shown() {
    let invite = shown(Some("\"Boss\" <sip:1001@demo.sambung.test>"), "");
    assert!(header(&invite, "From").unwrap().starts_with("\"Sari\" "));
}

#[test]
fn rfc_3323_who_wants_privacy_is_shown_to_nobody_and_is_the_same_account_in_the_record() {
    for (from, headers) in [(None, "Privacy: id\r\n"), (None, "Privacy: user;header\r\n"), (Some(NOBODY), "")]
    {
        let invite = shown(from, headers);
        let told: Vec<String> =
            invite.view().headers().map(|(name, _, value)| format!("{name}: {value}")).collect();
        let from = header(&invite, "From").unwrap();
        assert!(from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), "{from}");
        assert!(header(&invite, "Contact").unwrap().contains("sip:anonymous@192.0.2.1"), "{told:?}");
        assert!(!told.iter().any(|line| line.contains("1001") || line.contains("Sari")), "{told:?}");
        assert_eq!(header(&invite, "Privacy"), None, "what was asked for has been done");
    }
    let mut desk = Desk::new();
    let [sari, _budi] = desk.two();
    let caller = dial(&mut desk, &sari, Some(NOBODY), "");
    assert_eq!(desk.live.values().next().unwrap().caller, "1001");
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn rfc_3323_5_privacy_that_is_critical_and_cannot_be_given_is_no_call() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = dial(&mut desk, &sari, None, "Privacy: astral;critical\r\n");
    let refusal = desk.expect(&sari, "SIP/2.0 500 Privacy Not Provided: astral");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.silent(&budi);
    assert!(desk.journal.is_empty());
    desk.rest();
}
