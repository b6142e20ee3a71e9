//! Hold that the switch answers, and the music of whoever waits. What is written down is the same as ever (H-060).

mod ordered;

use crate::{
    codecs::transcoding,
    desk::{
        Caller, Desk, Phone, header,
        sound::{audio, direction, formats, heard, media_of},
    },
};
use calls::SwitchboardConfig;
use sip::OwnedMessage;

const MUSIC: &str = "*music/default";

fn with_music() -> SwitchboardConfig {
    SwitchboardConfig { hold_music: true, ..transcoding() }
}

/// A re-INVITE of the caller that is answered at once with this direction, and the other side told nothing.
#[track_caller]
fn caller_says(desk: &mut Desk, caller: &mut Caller, sdp: &str, answered: &str) -> OwnedMessage {
    let phone = caller.phone.clone();
    let reinvite = caller.request("INVITE", "", Some(sdp));
    desk.from(&phone, &reinvite);
    desk.expect(&phone, "SIP/2.0 100");
    let ok = desk.expect(&phone, "SIP/2.0 200");
    assert_eq!((direction(&ok).as_str(), audio(&ok).as_str()), (answered, "192.0.2.20:20000"));
    let ack = caller.ack(&ok, None);
    desk.from(&phone, &ack);
    ok
}

/// The same of the callee.
#[track_caller]
fn callee_says(desk: &mut Desk, budi: &Phone, invite: &OwnedMessage, cseq: u32, way: &str, answered: &str) {
    desk.from(budi, &budi.request("INVITE", cseq, invite, "", Some(&budi.sdp_with(way))));
    desk.expect(budi, "SIP/2.0 100");
    let ok = desk.expect(budi, "SIP/2.0 200");
    assert_eq!((direction(&ok).as_str(), audio(&ok).as_str()), (answered, "192.0.2.20:20002"));
    desk.from(budi, &budi.request("ACK", cseq, invite, "", None));
}

#[test]
fn whoever_is_put_on_hold_hears_music_and_is_told_nothing() {
    for (held, answered) in [("sendonly", "recvonly"), ("inactive", "inactive")] {
        let mut desk = Desk::with(with_music(), 32);
        let [sari, budi] = desk.two();
        let (mut caller, _) = desk.talk(&sari, &budi, "1002");
        caller_says(&mut desk, &mut caller, &sari.sdp_with(held), answered);
        desk.silent(&budi);
        assert_eq!((heard(&desk, 1).as_str(), heard(&desk, 0).as_str()), (MUSIC, ""));
        assert!(!media_of(&desk, 0).receives && media_of(&desk, 1).receives);
        assert_eq!(desk.events().last().unwrap(), "hold(2)");
        // Said again, it is what is agreed.
        caller_says(&mut desk, &mut caller, &sari.sdp_with(held), answered);
        assert_eq!(heard(&desk, 1), MUSIC);
        caller_says(&mut desk, &mut caller, &sari.sdp(), "sendrecv");
        assert_eq!(heard(&desk, 1), "");
        assert!(media_of(&desk, 0).receives);
        desk.silent(&budi);
        assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "hold(2)", "unhold(2)"]);
        desk.hang_up(&mut caller, &budi);
        desk.rest();
    }
}

/// RFC 3264 §8.4: phones of RFC 2543.
#[test]
fn a_hold_by_an_unspecified_address_is_one() {
    let mut desk = Desk::with(with_music(), 32);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let held = sari.sdp().replace("c=IN IP4 198.51.100.1", "c=IN IP4 0.0.0.0");
    caller_says(&mut desk, &mut caller, &held, "recvonly");
    assert_eq!(heard(&desk, 1), MUSIC);
    caller_says(&mut desk, &mut caller, &sari.sdp(), "sendrecv");
    assert_eq!(heard(&desk, 1), "");
    assert_eq!(desk.events()[3..], ["hold(2)", "unhold(2)"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn both_may_hold_and_whoever_comes_back_first_hears_the_other_s_music() {
    let mut desk = Desk::with(with_music(), 32);
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    caller_says(&mut desk, &mut caller, &sari.sdp_with("sendonly"), "recvonly");
    callee_says(&mut desk, &budi, &invite, 1, "sendonly", "recvonly");
    assert_eq!((heard(&desk, 0).as_str(), heard(&desk, 1).as_str()), ("", ""), "nobody listens");
    caller_says(&mut desk, &mut caller, &sari.sdp(), "sendrecv");
    assert_eq!((heard(&desk, 0).as_str(), heard(&desk, 1).as_str()), (MUSIC, ""));
    callee_says(&mut desk, &budi, &invite, 2, "sendrecv", "sendrecv");
    assert_eq!((heard(&desk, 0).as_str(), heard(&desk, 1).as_str()), ("", ""));
    assert_eq!(desk.events()[3..], ["hold(2)", "hold(3)", "unhold(2)", "unhold(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_codec_may_change_while_the_call_is_held() {
    let mut desk = Desk::with(with_music(), 32);
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    caller_says(&mut desk, &mut caller, &sari.sdp_with("sendonly"), "recvonly");
    // The waiting side changes to Opus: it is answered here, and the one who holds is not woken.
    let opus = budi.sdp_speaking(&[(111, "opus/48000/2")], "sendrecv");
    desk.from(&budi, &budi.request("INVITE", 1, &invite, "", Some(&opus)));
    desk.expect(&budi, "SIP/2.0 100");
    let ok = desk.expect(&budi, "SIP/2.0 200");
    assert_eq!((formats(&ok).as_str(), direction(&ok).as_str()), ("111", "sendrecv"));
    desk.from(&budi, &budi.request("ACK", 1, &invite, "", None));
    desk.silent(&sari);
    assert_eq!(heard(&desk, 1), MUSIC);
    // The caller comes back with another codec than before.
    let alaw = sari.sdp_speaking(&[(8, "PCMA/8000")], "sendrecv");
    let ok = caller_says(&mut desk, &mut caller, &alaw, "sendrecv");
    assert_eq!(formats(&ok), "8");
    desk.silent(&budi);
    assert_eq!(desk.events()[3..], ["hold(2)", "unhold(2)"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn what_changes_the_lines_is_passed_on_and_ends_the_music_when_it_is_taken() {
    for status in [200, 488] {
        let mut desk = Desk::with(with_music(), 32);
        let [sari, budi] = desk.two();
        let (mut caller, _) = desk.talk(&sari, &budi, "1002");
        caller_says(&mut desk, &mut caller, &sari.sdp_with("sendonly"), "recvonly");
        let video = "m=video 30000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
        let reinvite = caller.request("INVITE", "", Some(&(sari.sdp() + video)));
        desk.from(&sari, &reinvite);
        desk.expect(&sari, "SIP/2.0 100");
        let passed = desk.expect(&budi, "INVITE");
        assert_eq!(direction(&passed), "sendrecv");
        assert_eq!(heard(&desk, 1), MUSIC, "until it is agreed");
        let answer = (status == 200).then(|| budi.sdp() + video);
        desk.from(&budi, &budi.respond(&passed, status, answer.as_deref()));
        desk.expect(&budi, "ACK");
        let last = desk.expect(&sari, &format!("SIP/2.0 {status}"));
        let ack = if status == 200 { caller.ack(&last, None) } else { caller.ack_refusal(&last) };
        desk.from(&sari, &ack);
        let (music, event) = if status == 200 { ("", "unhold(2)") } else { (MUSIC, "hold(2)") };
        assert_eq!((heard(&desk, 1).as_str(), desk.events().last().unwrap().as_str()), (music, event));
        desk.hang_up(&mut caller, &budi);
        desk.rest();
    }
}

#[test]
fn rfc_3261_14_1_a_hold_that_meets_an_exchange_is_told_so() {
    let mut desk = Desk::with(with_music(), 32);
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    // Budi asks Sari for other media; before she answers she holds.
    desk.from(&budi, &budi.request("INVITE", 1, &invite, "", Some(&budi.sdp_of(8))));
    desk.expect(&budi, "SIP/2.0 100");
    let passed = desk.expect(&sari, "INVITE");
    desk.from(&sari, &caller.request("INVITE", "", Some(&sari.sdp_with("sendonly"))));
    let refusal = desk.expect(&sari, "SIP/2.0 491");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(heard(&desk, 1), "");
    desk.from(&sari, &sari.respond(&passed, 200, Some(&sari.sdp_of(8))));
    desk.expect(&sari, "ACK");
    desk.expect(&budi, "SIP/2.0 200");
    desk.from(&budi, &budi.request("ACK", 1, &invite, "", None));
    caller_says(&mut desk, &mut caller, &sari.sdp_with("sendonly"), "recvonly");
    assert_eq!(heard(&desk, 1), MUSIC);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_held_call_that_is_hung_up_ends_in_order() {
    for by_caller in [true, false] {
        let mut desk = Desk::with(with_music(), 32);
        let [sari, budi] = desk.two();
        let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
        caller_says(&mut desk, &mut caller, &sari.sdp_with("sendonly"), "recvonly");
        if by_caller {
            desk.hang_up(&mut caller, &budi);
        } else {
            desk.from(&budi, &budi.request("BYE", 1, &invite, "", None));
            desk.expect(&budi, "SIP/2.0 200");
            let bye = desk.expect(&sari, "BYE");
            desk.from(&sari, &sari.respond(&bye, 200, None));
        }
        assert_eq!(desk.events()[3..], ["hold(2)", "ended"]);
        desk.rest();
    }
}

#[test]
fn a_hold_outlives_the_process() {
    let mut desk = Desk::mortal_with(with_music());
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    caller_says(&mut desk, &mut caller, &sari.sdp_with("sendonly"), "recvonly");
    let told = desk.media.len();
    desk.die();
    assert_eq!(desk.media.len(), told, "the relay plays on by itself");
    caller_says(&mut desk, &mut caller, &sari.sdp(), "sendrecv");
    assert_eq!(heard(&desk, 1), "");
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn a_hold_by_update_is_answered_too() {
    let mut desk = Desk::with(with_music(), 32);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let update = caller.request("UPDATE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(&sari, &update);
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(
        (direction(&ok).as_str(), header(&ok, "CSeq").unwrap().ends_with("UPDATE")),
        ("recvonly", true)
    );
    desk.silent(&budi);
    assert_eq!(heard(&desk, 1), MUSIC);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// Who cannot be played anything is told of the hold, as without music.
#[test]
fn a_side_whose_codec_cannot_be_made_is_told_of_the_hold() {
    let mut desk = Desk::with(with_music(), 32);
    let [sari, budi] = desk.two();
    let g729 = |phone: &Phone, way: &str| phone.sdp_speaking(&[(18, "G729/8000")], way);
    let mut caller = desk.dial(&sari, "1002", Some(&g729(&sari, "sendrecv")));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&g729(&budi, "sendrecv"))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.from(&sari, &caller.request("INVITE", "", Some(&g729(&sari, "sendonly"))));
    desk.expect(&sari, "SIP/2.0 100");
    let passed = desk.expect(&budi, "INVITE");
    assert_eq!(direction(&passed), "sendonly");
    desk.from(&budi, &budi.respond(&passed, 200, Some(&g729(&budi, "recvonly"))));
    desk.expect(&budi, "ACK");
    desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(heard(&desk, 1), "");
    assert_eq!(desk.events().last().unwrap(), "hold(2)");
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}
