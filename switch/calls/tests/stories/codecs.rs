//! Phones that speak differently: what each is offered and answered, and what the relay is told of both (RFC 3264).

use crate::desk::{
    Caller, Desk, Phone,
    sound::{formats, is_joined, voice},
};
use calls::SwitchboardConfig;
use sip::OwnedMessage;
use streams::codec::Codec;

const OPUS: (u8, &str) = (111, "opus/48000/2");
const PCMA: (u8, &str) = (8, "PCMA/8000");
const PCMU: (u8, &str) = (0, "PCMU/8000");
const G729: (u8, &str) = (18, "G729/8000");

pub fn transcoding() -> SwitchboardConfig {
    let codecs = vec![Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];
    SwitchboardConfig { codecs, ..SwitchboardConfig::default() }
}

fn desk() -> Desk {
    Desk::with(transcoding(), 32)
}

fn speaking(phone: &Phone, formats: &[(u8, &str)]) -> String {
    phone.sdp_speaking(formats, "sendrecv")
}

/// Sari speaks Opus, Budi G.711 A-law, and they talk.
fn talk(desk: &mut Desk) -> (Caller, Phone, OwnedMessage) {
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&speaking(&sari, &[OPUS])));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(formats(&invite), "111 9 8 0 101 96");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&speaking(&budi, &[PCMA]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "111");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!((voice(desk, 0).as_str(), voice(desk, 1).as_str()), ("Opus 111/111", "Pcma 8/8"));
    (caller, budi, invite)
}

#[test]
fn an_opus_phone_and_a_g_711_phone_talk() {
    let mut desk = desk();
    let (mut caller, budi, _) = talk(&mut desk);
    assert!(is_joined(&desk, 0, 1));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_common_codec_is_answered_alone_and_both_speak_it() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(formats(&invite), "0 8 111 9 101 96");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&speaking(&budi, &[PCMA, OPUS]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "8", "Opus was not hers");
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 1).as_str()), ("Pcma 8/8", "Pcma 8/8, Opus 111/111"));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_codec_that_nobody_here_can_decode_passes_between_two_that_have_it() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&speaking(&sari, &[G729])));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(formats(&invite), "18", "what cannot be turned into anything is offered alone");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&speaking(&budi, &[G729]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 1).as_str()), ("-", "-"));
    assert!(is_joined(&desk, 0, 1));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn rfc_3264_4_a_late_offer_is_widened_for_the_caller_and_its_answer_narrowed() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", None);
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&speaking(&budi, &[PCMA]))));
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "8 111 9 0 101 96");
    let ack = caller.ack(&ok, Some(&speaking(&sari, &[OPUS])));
    desk.from(&sari, &ack);
    assert_eq!(formats(&desk.expect(&budi, "ACK")), "8");
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 1).as_str()), ("Opus 111/111", "Pcma 8/8"));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn rfc_3264_8_3_2_a_re_invite_changes_codecs_and_numbers_stay() {
    let mut desk = desk();
    let (mut caller, budi, invite) = talk(&mut desk);
    let sari = caller.phone.clone();
    // The callee changes to μ-law; the caller, who has Opus under a number of hers, is offered it under that.
    desk.from(&budi, &budi.request("INVITE", 1, &invite, "", Some(&speaking(&budi, &[PCMU]))));
    desk.expect(&budi, "SIP/2.0 100");
    let passed = desk.expect(&sari, "INVITE");
    assert_eq!(formats(&passed), "0 111 9 8 101 96");
    desk.from(&sari, &sari.respond(&passed, 200, Some(&speaking(&sari, &[OPUS]))));
    desk.expect(&sari, "ACK");
    assert_eq!(formats(&desk.expect(&budi, "SIP/2.0 200")), "0");
    desk.from(&budi, &budi.request("ACK", 1, &invite, "", None));
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 1).as_str()), ("Opus 111/111", "Pcmu 0/0"));
    // The caller finds μ-law too: nothing is transcoded from then on.
    let reinvite = caller.request("INVITE", "", Some(&speaking(&sari, &[PCMU, OPUS])));
    desk.from(&sari, &reinvite);
    desk.expect(&sari, "SIP/2.0 100");
    let passed = desk.expect(&budi, "INVITE");
    assert_eq!(formats(&passed), "0 111 9 8 101 96");
    desk.from(&budi, &budi.respond(&passed, 200, Some(&speaking(&budi, &[PCMU]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "0");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 1).as_str()), ("Pcmu 0/0", "Pcmu 0/0"));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// Sari, who speaks these, calls Budi, whose two devices have the INVITE.
fn two_devices(desk: &mut Desk, speaks: &[(u8, &str)]) -> (Caller, [Phone; 2], [OwnedMessage; 2]) {
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let caller = desk.dial(&sari, "1002", Some(&speaking(&sari, speaks)));
    let phones = [budi, mobile];
    let invites = phones.each_ref().map(|phone| desk.expect(phone, "INVITE"));
    (caller, phones, invites)
}

#[test]
fn devices_with_different_codecs_are_heard_one_after_the_other_under_one_answer() {
    let mut desk = desk();
    let (mut caller, [budi, mobile], invites) = two_devices(&mut desk, &[PCMA]);
    let sari = caller.phone.clone();
    desk.from(&mobile, &mobile.respond(&invites[1], 183, Some(&speaking(&mobile, &[OPUS]))));
    let told = desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(formats(&told), "8");
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 2).as_str()), ("Pcma 8/8", "Opus 111/111"));
    assert!(is_joined(&desk, 0, 2), "heard early, transcoded");
    // The other one has yet another codec, and wins: it is transcoded as well, and the caller is told nothing.
    desk.from(&budi, &budi.respond(&invites[0], 200, Some(&speaking(&budi, &[PCMU]))));
    desk.expect(&budi, "ACK");
    desk.expect(&mobile, "CANCEL");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "8");
    assert!(is_joined(&desk, 0, 1));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.silent(&sari);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn the_winner_s_common_codec_is_offered_to_a_caller_who_was_told_another() {
    let mut desk = desk();
    let (mut caller, [budi, mobile], invites) = two_devices(&mut desk, &[PCMA, PCMU]);
    let sari = caller.phone.clone();
    desk.from(&mobile, &mobile.respond(&invites[1], 183, Some(&speaking(&mobile, &[PCMA]))));
    assert_eq!(formats(&desk.expect(&sari, "SIP/2.0 183")), "8");
    desk.from(&budi, &budi.respond(&invites[0], 183, Some(&speaking(&budi, &[PCMU]))));
    desk.silent(&sari);
    // When the one that is heard is gone, the other is, although it speaks otherwise.
    desk.from(&mobile, &mobile.respond(&invites[1], 486, None));
    desk.expect(&mobile, "ACK");
    assert!(is_joined(&desk, 0, 1));
    desk.from(&budi, &budi.respond(&invites[0], 200, Some(&speaking(&budi, &[PCMU]))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "8", "an offer has one answer");
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 1).as_str()), ("Pcma 8/8", "Pcmu 0/0"));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let settling = desk.expect(&sari, "INVITE");
    assert_eq!(formats(&settling), "0 111 9 8 101 96", "what both have comes first");
    desk.from(&sari, &caller.respond(&settling, 200, Some(&speaking(&sari, &[PCMU]))));
    desk.expect(&sari, "ACK");
    assert_eq!(voice(&desk, 0), "Pcmu 0/0");
    desk.silent(&budi);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn a_302_is_followed_with_the_same_offer() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let mut caller = desk.dial(&sari, "1002", Some(&speaking(&sari, &[OPUS])));
    let invite = desk.expect(&budi, "INVITE");
    let moved = budi.respond(&invite, 302, None);
    let moved = moved.replace(&format!("<{}>", budi.contact()), "<sip:1003@demo.sambung.test>");
    desk.from(&budi, &moved);
    desk.expect(&budi, "ACK");
    let invite = desk.expect(&citra, "INVITE");
    assert_eq!(formats(&invite), "111 9 8 0 101 96");
    desk.from(&citra, &citra.respond(&invite, 200, Some(&speaking(&citra, &[PCMA]))));
    desk.expect(&citra, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "111");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &citra);
    desk.rest();
}

#[test]
fn a_transcoded_call_outlives_the_process() {
    let mut desk = Desk::mortal_with(transcoding());
    let (mut caller, budi, _) = talk(&mut desk);
    let told = desk.media.len();
    desk.die();
    assert_eq!(desk.media.len(), told, "the relay goes on by itself");
    let sari = caller.phone.clone();
    // Who asks for what was agreed is answered as before.
    desk.from(&sari, &caller.request("INVITE", "", Some(&speaking(&sari, &[OPUS]))));
    desk.expect(&sari, "SIP/2.0 100");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "111");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}
