//! What of a call is recorded, by whose word, and that a recording is the call's whatever becomes of it (H-052, HX-22).

use std::time::Duration;

use calls::{Input, Outcome, RecordingOrder};
use contract::{
    command::{Command, RecordingOrder as Wish},
    id::RecordingId,
    journal::{Fact, RecordingStep},
    snapshot::RecordingPolicy,
};
use streams::media::{LeaseId, MediaCommand, MediaEvent, Side, Tap};

use crate::{
    codecs::transcoding,
    desk::{
        Caller, Desk, Phone, lease, plan, rows,
        sound::{formats, heard, is_joined, voice},
    },
};

fn desk(policy: RecordingPolicy) -> (Desk, [Phone; 2]) {
    desk_that(policy, false)
}

fn desk_that(policy: RecordingPolicy, has_recording_notice: bool) -> (Desk, [Phone; 2]) {
    let mut desk = Desk::mortal_with(transcoding());
    let mut rows = rows();
    rows.organisations[0].recording = policy;
    rows.organisations[0].has_recording_notice = has_recording_notice;
    desk.tell(Input::Plan(plan(&rows)));
    let phones = desk.two();
    (desk, phones)
}

pub fn order(desk: &mut Desk, wish: Wish) -> Outcome {
    let call = *desk.live.keys().next().expect("a call is up");
    desk.tell(Input::Command(Command::Record { call, order: wish }));
    desk.outcomes.pop().unwrap()
}

/// Steps with their reasons, and the recording they are of.
fn steps(desk: &Desk) -> Vec<(RecordingId, u16, RecordingStep, String)> {
    let step = |fact: &Fact| match fact {
        Fact::Recording(one) => Some((one.recording, one.no, one.step, one.reason.clone())),
        _ => None,
    };
    desk.journal.iter().filter_map(|entry| step(&entry.fact)).collect()
}

pub fn words(desk: &Desk) -> Vec<String> {
    steps(desk).into_iter().map(|(_, no, step, reason)| format!("{no} {} {reason}", step.as_str())).collect()
}

/// Whose lines are tapped now, by lease.
pub fn tapped(desk: &Desk) -> Vec<(LeaseId, Side)> {
    let mut tapped = Vec::new();
    for command in &desk.media {
        match command {
            MediaCommand::Tap { lease, tap: Some(Tap { side, .. }) } => tapped.push((*lease, *side)),
            MediaCommand::Tap { lease, tap: None } => {
                assert!(tapped.iter().any(|(tapped, _)| tapped == lease), "what ends has begun");
                tapped.retain(|(tapped, _)| tapped != lease);
            }
            MediaCommand::Close { lease } => tapped.retain(|(tapped, _)| tapped != lease),
            _ => {}
        }
    }
    tapped
}

const PCMU: (u8, &str) = (0, "PCMU/8000");
const BOTH: [(LeaseId, Side); 2] = [(LeaseId(0), Side::Left), (LeaseId(1), Side::Right)];

#[test]
fn an_organisation_that_records_all_calls_has_them_recorded_from_the_answer_to_the_end() {
    let (mut desk, [sari, budi]) = desk(RecordingPolicy::Always);
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp())));
    desk.expect(&sari, "SIP/2.0 183");
    assert!(words(&desk).is_empty() && desk.recordings.is_empty(), "early media is nobody's word");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(tapped(&desk), BOTH, "the caller left and the callee right");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &budi);
    assert_eq!(words(&desk), ["1 started policy", "2 stopped call_ended"]);
    let [begin, end] = &desk.recordings[..] else { panic!("{:?}", desk.recordings) };
    let RecordingOrder::Begin { recording, number, call, is_paused: false, .. } = begin else {
        panic!("{begin:?}")
    };
    assert_eq!((*recording, *call), (steps(&desk)[0].0, desk.journal[0].call.unwrap()));
    assert_eq!(*end, RecordingOrder::End { number: *number });
    desk.rest();
}

/// The recorder knows a recording before the first packet of it can come.
#[test]
fn the_recorder_is_told_before_a_line_is_tapped() {
    let (mut desk, [sari, budi]) = desk(RecordingPolicy::Always);
    desk.talk(&sari, &budi, "1002");
    let at = |what: &str| desk.order.iter().position(|done| done == what).unwrap();
    assert!(at("recording") < at("tap"), "{:?}", desk.order);
}

#[test]
fn nothing_is_recorded_where_nobody_has_said_so_and_not_even_then_where_it_is_forbidden() {
    let (mut desk, [sari, budi]) = desk(RecordingPolicy::OnDemand);
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    assert!(tapped(&desk).is_empty());
    desk.hang_up(&mut caller, &budi);
    assert!(words(&desk).is_empty() && desk.recordings.is_empty());
    let (mut desk, [sari, budi]) = self::desk(RecordingPolicy::Never);
    desk.talk(&sari, &budi, "1002");
    for wish in [Wish::Start, Wish::Pause, Wish::Resume, Wish::Stop] {
        assert_eq!(order(&mut desk, wish), Outcome::NotAllowed);
    }
    assert!(tapped(&desk).is_empty() && desk.recordings.is_empty());
}

#[test]
fn a_recording_is_begun_paused_resumed_and_ended_by_command() {
    let (mut desk, [sari, budi]) = desk(RecordingPolicy::OnDemand);
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    assert_eq!(order(&mut desk, Wish::Start), Outcome::NotNow, "nobody talks yet");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!(order(&mut desk, Wish::Pause), Outcome::NotNow);
    assert_eq!(order(&mut desk, Wish::Start), Outcome::Done);
    assert_eq!(tapped(&desk), BOTH);
    assert_eq!(order(&mut desk, Wish::Start), Outcome::AlreadySo);
    assert_eq!(order(&mut desk, Wish::Resume), Outcome::AlreadySo);
    assert_eq!(order(&mut desk, Wish::Pause), Outcome::Done);
    assert!(tapped(&desk).is_empty(), "nothing of a pause is even copied");
    assert_eq!(order(&mut desk, Wish::Pause), Outcome::AlreadySo);
    assert_eq!(order(&mut desk, Wish::Resume), Outcome::Done);
    assert_eq!(tapped(&desk), BOTH);
    assert_eq!(order(&mut desk, Wish::Stop), Outcome::Done);
    assert!(tapped(&desk).is_empty());
    assert_eq!(order(&mut desk, Wish::Stop), Outcome::NotNow);
    assert_eq!(order(&mut desk, Wish::Start), Outcome::Done, "and another one may be begun");
    desk.hang_up(&mut caller, &budi);
    let first = ["1 started command", "2 paused command", "3 resumed command", "4 stopped command"];
    let second = ["1 started command", "2 stopped call_ended"];
    assert_eq!(words(&desk), [&first[..], &second[..]].concat());
    let ids: Vec<RecordingId> = steps(&desk).into_iter().map(|(id, ..)| id).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0]);
    desk.rest();
}

/// A call that is always recorded can be paused and stopped, and what was stopped is not begun again by itself.
#[test]
fn what_was_stopped_stays_stopped_though_all_calls_are_recorded() {
    let (mut desk, [sari, budi]) = desk(RecordingPolicy::Always);
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    assert_eq!(order(&mut desk, Wish::Stop), Outcome::Done);
    let hold = caller.request("INVITE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(&sari, &hold);
    desk.sent.clear();
    assert!(tapped(&desk).is_empty());
    assert_eq!(words(&desk), ["1 started policy", "2 stopped command"]);
}

#[test]
fn what_the_recorder_cannot_do_ends_the_recording_and_not_the_call() {
    let (mut desk, [sari, budi]) = desk(RecordingPolicy::Always);
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let call = *desk.live.keys().next().unwrap();
    let recording = steps(&desk)[0].0;
    let other = RecordingId(uuid::Uuid::from_u128(1));
    desk.tell(Input::RecordingFailed { call, recording: other, reason: "disk_full" });
    assert_eq!(tapped(&desk), BOTH, "another one has failed");
    desk.tell(Input::RecordingFailed { call, recording, reason: "disk_full" });
    assert!(tapped(&desk).is_empty());
    assert_eq!(words(&desk), ["1 started policy", "2 stopped disk_full"]);
    assert_eq!(desk.live.len(), 1, "the call goes on");
    assert_eq!(desk.recordings.len(), 1, "what has ended by itself is not ended again");
    desk.hang_up(&mut caller, &budi);
    assert_eq!(words(&desk).len(), 2);
    desk.rest();
}

#[test]
fn the_next_process_goes_on_with_the_same_recording_paused_or_not() {
    for is_paused in [false, true] {
        let (mut desk, [sari, budi]) = desk(RecordingPolicy::Always);
        let (mut caller, _) = desk.talk(&sari, &budi, "1002");
        if is_paused {
            assert_eq!(order(&mut desk, Wish::Pause), Outcome::Done);
        }
        let before = desk.recordings.remove(0);
        desk.recordings.clear();
        desk.die();
        let RecordingOrder::Begin { recording, number, org, call, began_at, .. } = before else {
            panic!("{before:?}")
        };
        let again =
            RecordingOrder::Begin { recording, number, org, call, began_at, is_paused, message: None };
        assert_eq!(desk.recordings, [again]);
        desk.hang_up(&mut caller, &budi);
        assert_eq!(desk.recordings.last(), Some(&RecordingOrder::End { number }));
        let last = steps(&desk).pop().unwrap();
        assert_eq!((last.0, last.1), (recording, if is_paused { 3 } else { 2 }), "numbers go on");
    }
}

/// A caller who dials where all calls are recorded and callers are told so, and who may be rung for it.
fn told() -> (Desk, Caller, Phone) {
    let (mut desk, [sari, budi]) = desk_that(RecordingPolicy::Always, true);
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let progress = desk.expect(&sari, "SIP/2.0 183");
    assert_eq!((formats(&progress).as_str(), voice(&desk, 0).as_str()), ("0", "Pcmu 0/0"));
    assert_eq!(heard(&desk, 0), "id/recording-notice");
    desk.silent(&budi);
    (desk, caller, budi)
}

/// The callee rings, answers with these formats, and is hung up on; what is written of the recording then.
fn ring_and_talk(desk: &mut Desk, caller: &mut Caller, budi: &Phone, sdp: &str) {
    let sari = caller.phone.clone();
    let invite = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(budi, &budi.respond(&invite, 200, Some(sdp)));
    desk.expect(budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(tapped(desk), BOTH);
    assert!(is_joined(desk, 0, 1));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
}

/// HX-22: before anybody rings, so that who does not want to be recorded can go.
#[test]
fn a_caller_is_told_that_it_will_be_recorded_and_rings_then() {
    let (mut desk, mut caller, budi) = told();
    desk.played(0);
    ring_and_talk(&mut desk, &mut caller, &budi, &budi.sdp());
    desk.silent(&caller.phone);
    assert_eq!(voice(&desk, 0), "Pcmu 0/0", "as it was told");
    desk.hang_up(&mut caller, &budi);
    assert_eq!(words(&desk), ["1 started policy_after_notice", "2 stopped call_ended"]);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    desk.rest();
}

#[test]
fn a_device_that_has_not_what_the_notice_was_said_in_is_heard_and_the_caller_is_offered_what_both_have() {
    let (mut desk, mut caller, budi) = told();
    let sari = caller.phone.clone();
    desk.played(0);
    ring_and_talk(&mut desk, &mut caller, &budi, &budi.sdp_of(8));
    let settling = desk.expect(&sari, "INVITE");
    assert!(formats(&settling).starts_with("8 "), "{}", formats(&settling));
    desk.from(&sari, &caller.respond(&settling, 200, Some(&sari.sdp_of(8))));
    desk.expect(&sari, "ACK");
    assert_eq!((voice(&desk, 0).as_str(), voice(&desk, 1).as_str()), ("Pcma 8/8", "Pcma 8/8"));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn who_does_not_want_to_be_recorded_goes_and_nobody_has_rung() {
    let (mut desk, caller, _) = told();
    let sari = caller.phone.clone();
    desk.from(&sari, &caller.cancel(""));
    desk.expect(&sari, "SIP/2.0 200");
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "canceled", "ended"]);
    assert!(words(&desk).is_empty() && desk.recordings.is_empty());
    desk.rest();
}

#[test]
fn an_operator_ends_a_notice_as_any_call() {
    let (mut desk, caller, _) = told();
    let call = *desk.live.keys().next().unwrap();
    desk.tell(Input::Command(Command::HangUp { call }));
    let refusal = desk.expect(&caller.phone, "SIP/2.0 487");
    desk.from(&caller.phone, &caller.ack_refusal(&refusal));
    desk.rest();
}

#[test]
fn a_relay_that_never_ends_the_notice_keeps_nobody_from_being_connected() {
    let (mut desk, mut caller, budi) = told();
    desk.wait(Duration::from_secs(15));
    assert_eq!(heard(&desk, 0), "");
    ring_and_talk(&mut desk, &mut caller, &budi, &budi.sdp());
    assert_eq!(words(&desk), ["1 started policy"], "nobody can say that it was heard");
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn who_cannot_hear_the_notice_is_connected_without_and_so_is_who_is_recorded_by_order_alone() {
    for (policy, speaks) in
        [(RecordingPolicy::Always, &[(18, "G729/8000")]), (RecordingPolicy::OnDemand, &[PCMU])]
    {
        let (mut desk, [sari, budi]) = desk_that(policy, true);
        let sdp = sari.sdp_speaking(speaks, "sendrecv");
        let caller = desk.dial(&sari, "1002", Some(&sdp));
        let invite = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&invite, 486, None));
        desk.expect(&budi, "ACK");
        let refusal = desk.expect(&sari, "SIP/2.0 486");
        desk.from(&sari, &caller.ack_refusal(&refusal));
        desk.rest();
    }
    let (mut desk, [sari, budi]) = desk_that(RecordingPolicy::Always, true);
    desk.dial(&sari, "1002", None);
    desk.expect(&budi, "INVITE");
    desk.silent(&sari);
}

#[test]
fn a_notice_outlives_the_process() {
    let (mut desk, mut caller, budi) = told();
    desk.die();
    // Contacts and ports that are free come to the next process from elsewhere.
    for phone in [&caller.phone, &budi] {
        desk.register(phone, 11);
    }
    desk.tell(Input::Media(MediaEvent::Stock(vec![lease(1)])));
    desk.silent(&budi);
    desk.played(0);
    ring_and_talk(&mut desk, &mut caller, &budi, &budi.sdp());
    desk.hang_up(&mut caller, &budi);
    assert_eq!(words(&desk), ["1 started policy_after_notice", "2 stopped call_ended"]);
    desk.rest();
}
