//! Recordings that people begin, pause and go on with by keys (`*1`), so that the digits of a card are not in them.

use calls::Input;
use contract::snapshot::{RecordingPolicy, Snapshot};
use streams::media::MediaCommand;

use crate::{
    codecs::transcoding,
    desk::{Desk, Phone, plan, rows, sound::heard},
    recording::{tapped, words},
    trunks::{outside, with_trunk},
};

fn with_keys(mut rows: Snapshot, policy: RecordingPolicy) -> Desk {
    let mut desk = Desk::mortal_with(transcoding());
    rows.organisations[0].recording = policy;
    rows.organisations[0].has_recording_keys = true;
    desk.tell(Input::Plan(plan(&rows)));
    desk
}

/// What the relay was told to press, and where.
fn pressed(desk: &Desk) -> String {
    let pressed = |command: &MediaCommand| match command {
        MediaCommand::Press { lease, key, .. } => Some(format!("{}{}", lease.0, key.sign())),
        _ => None,
    };
    desk.media.iter().filter_map(pressed).collect::<Vec<_>>().join(" ")
}

#[test]
fn whoever_talks_pauses_the_recording_and_goes_on_with_it_by_the_same_keys() {
    let mut desk = with_keys(rows(), RecordingPolicy::Always);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    assert!(desk.is_listened_to(0) && desk.is_listened_to(1));
    assert_eq!(tapped(&desk).len(), 2);
    desk.press(1, "*1");
    assert!(tapped(&desk).is_empty(), "nothing of a pause is even copied");
    assert_eq!((heard(&desk, 1).as_str(), heard(&desk, 0).as_str()), ("tone/left", ""));
    // The next life is in the same pause; the other one may end it.
    desk.die();
    desk.press(0, "*1");
    assert_eq!((tapped(&desk).len(), heard(&desk, 0).as_str()), (2, "tone/joined"));
    assert_eq!(words(&desk), ["1 started policy", "2 paused keys", "3 resumed keys"]);
    assert_eq!(pressed(&desk), "0* 1*", "what ends a code goes no further");
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn what_is_no_code_goes_on_to_the_other_side() {
    let mut desk = with_keys(rows(), RecordingPolicy::Always);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    desk.press(0, "1*21**");
    // Another one's keys are no part of it.
    desk.press(1, "1");
    assert_eq!(pressed(&desk), "11 1* 12 11 1* 1* 01");
    assert_eq!(words(&desk), ["1 started policy"]);
    // What it tells by INFO besides has been told already.
    let kind = "Content-Type: application/dtmf-relay\r\n";
    for key in ["*", "1"] {
        let info = caller.request("INFO", kind, Some(&format!("Signal={key}\r\n")));
        desk.from(&sari, &info);
        desk.expect(&sari, "SIP/2.0 200");
    }
    assert_eq!(words(&desk), ["1 started policy"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_phone_that_tells_its_keys_by_info_pauses_too() {
    let mut desk = with_keys(rows(), RecordingPolicy::Always);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let kind = "Content-Type: application/dtmf-relay\r\n";
    desk.from(&sari, &caller.request("INFO", kind, Some("Signal=*\r\n")));
    let passed = desk.expect(&budi, "INFO");
    desk.from(&budi, &budi.respond(&passed, 200, None));
    desk.expect(&sari, "SIP/2.0 200");
    desk.from(&sari, &caller.request("INFO", kind, Some("Signal=1\r\n")));
    desk.expect(&sari, "SIP/2.0 200");
    desk.silent(&budi);
    assert_eq!(words(&desk), ["1 started policy", "2 paused keys"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// A bug: a tone went to a phone without events as INFO, because somebody might have paused the recording by it.
#[test]
fn a_tone_stays_a_tone_for_a_phone_without_events_that_takes_info() {
    let mut desk = with_keys(rows(), RecordingPolicy::Always);
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    let ok = budi.respond(&invite, 200, Some(&budi.sdp()));
    desk.from(&budi, &ok.replacen("Contact:", "Allow: INVITE, ACK, BYE, CANCEL, INFO\r\nContact:", 1));
    desk.expect(&budi, "ACK");
    desk.answered(&mut caller);
    desk.press(0, "5");
    desk.silent(&budi);
    assert_eq!(pressed(&desk), "15");
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_recording_on_demand_is_begun_by_the_keys_and_a_forbidden_one_is_not() {
    let mut desk = with_keys(rows(), RecordingPolicy::OnDemand);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    desk.press(0, "*1");
    assert_eq!((tapped(&desk).len(), heard(&desk, 0).as_str()), (2, "tone/joined"));
    desk.press(0, "*1");
    assert_eq!(words(&desk), ["1 started keys", "2 paused keys"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
    let mut desk = with_keys(rows(), RecordingPolicy::Never);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    assert!(!desk.is_listened_to(0));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// Who calls from the telephone network is a customer.
#[test]
fn somebody_outside_pauses_nothing() {
    let mut desk = with_keys(with_trunk(true), RecordingPolicy::Always);
    let budi = desk.phone("1002", "198.51.100.2:5060");
    let mut caller = outside("0215550102", "<sip:0812@provider.example>");
    let provider: Phone = caller.phone.clone();
    desk.from(&provider, &caller.invite(Some(&provider.sdp()), ""));
    desk.expect(&provider, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&provider, "SIP/2.0 200");
    desk.from(&provider, &caller.ack(&ok, None));
    assert!(!desk.is_listened_to(0) && desk.is_listened_to(1));
    desk.press(0, "*1");
    assert_eq!(words(&desk), ["1 started policy"]);
    desk.press(1, "*1");
    assert_eq!(words(&desk), ["1 started policy", "2 paused keys"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
