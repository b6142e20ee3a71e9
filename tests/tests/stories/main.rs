//! Calls told from beginning to end on a perfect network: what the caller hears and what the journal says.
//!
//! The rows are those of the source document's simulation (H-062 … H-064) and of the other ways a call can
//! go; the participant in brackets is the one an event names.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test says what is wrong by stopping")]

mod transfers;

use std::time::Duration;

use contract::journal::{EventKind, ParticipantRole};
use tests::world::{
    organisation::{CLOSED, EMPTY, HELPDESK, RECEPTION, SUPPORT},
    phone::{
        call::Phase,
        manner::{CallPlan, Manner, Move, ODD_BODIES, Verdict},
    },
    scenario::short_call,
    story::{RING_TIMEOUT_SECS, Story, told},
};

const TO_EXTENSION: &str = "host/extension caller/user";
const TO_STAFF: &str = "host/user caller/user";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn h_062_h_063_h_064_an_answered_call_row_for_row() {
    let mut story = Story::with(&["1003", "1001"]);
    story.meets("1001", Manner::answer(millis(2_000)));
    story.calls("1003", short_call(RECEPTION, 5));
    story.runs_for(1_000);
    // H-062
    assert_eq!(story.told(), format!("{TO_EXTENSION} | created ringing"));
    story.runs_for(2_000);
    // H-063
    assert_eq!(story.told(), format!("{TO_EXTENSION} recipient/user | created ringing answered(3)"));
    story.runs_for(5_000);
    // H-064
    assert_eq!(story.told(), format!("{TO_EXTENSION} recipient/user | created ringing answered(3) ended"));
    story.ends();
    // H-059, H-066
    let records = story.records();
    assert!(records[0].events.iter().all(|(_, event)| (event.attempt, event.queue_count) == (1, 0)));
    assert_eq!(records[0].participants[2].role, ParticipantRole::Recipient);
    assert_eq!((records.len(), records[0].legs.len(), records[0].qualities.len()), (1, 2, 2));
    assert_eq!(story.status_of("1003"), Some(200));
}

#[test]
fn lamps_of_person_caller_and_extension_are_lit_while_it_goes_on() {
    let mut story = Story::with(&["1003", "1001", "1002", "1004"]);
    for number in ["1001", "1003", "1002", RECEPTION] {
        story.watches("1004", number);
    }
    story.meets("1001", Manner::answer(millis(2_000)));
    story.meets("1002", Manner::of(Verdict::Ignore, millis(0)));
    let lit = |story: &mut Story| -> Vec<bool> {
        story.phone("1004").lamps.iter().map(|lamp| lamp.is_alive && lamp.is_lit()).collect()
    };
    assert_eq!(lit(&mut story), [false; 4]);
    story.calls("1003", short_call(RECEPTION, 5));
    story.runs_for(1_000);
    assert_eq!(lit(&mut story), [true; 4], "all of them ring or are rung");
    story.runs_for(3_000);
    assert_eq!(lit(&mut story), [true, true, false, true], "1002 does not ring any more");
    story.runs_for(10_000);
    assert_eq!(lit(&mut story), [false; 4]);
    assert!(story.phone("1004").lamps.iter().all(|lamp| lamp.is_alive && lamp.told >= 3));
    story.ends();
}

#[test]
fn a_staff_number_rings_the_person_and_the_callee_may_hang_up() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner { talk: vec![(millis(3_000), Move::HangUp)], ..Manner::answer(millis(500)) });
    story.calls("1001", short_call("1002", 60));
    story.runs_for(10_000);
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | created ringing answered(3) ended"));
    assert!(story.calls_of("1001")[0].ended_by_switch);
    story.ends();
}

#[test]
fn declined_by_the_only_person_is_603() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::of(Verdict::Refuse(603), millis(1_000)));
    story.calls("1001", short_call("1002", 5));
    story.ends_after(60);
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | created ringing rejected(3) ended"));
    assert_eq!(story.status_of("1001"), Some(603));
}

#[test]
fn one_person_declining_leaves_the_others_ringing_and_stops_own_devices() {
    let mut story = Story::with(&["1003", "1001", "1001b", "1002"]);
    story.meets("1001", Manner::of(Verdict::Refuse(603), millis(1_000)));
    story.meets("1001b", Manner::of(Verdict::Ignore, millis(0)));
    story.meets("1002", Manner::answer(millis(4_000)));
    story.calls("1003", short_call(RECEPTION, 5));
    story.runs_for(2_000);
    assert!(story.calls_of("1001b")[0].is_over(), "the other device of whoever declined still rings");
    assert!(!story.calls_of("1002")[0].is_over());
    story.runs_for(4_000);
    story.ends();
    let rows = "recipient/user recipient/user | created ringing rejected(3) answered(4) ended";
    assert_eq!(story.told(), format!("{TO_EXTENSION} {rows}"));
}

#[test]
fn busy_is_486() {
    let mut story = Story::with(&["1001", "1002"]);
    let busy = Manner { ring_after: None, ..Manner::of(Verdict::Refuse(486), millis(50)) };
    story.meets("1002", busy);
    story.calls("1001", short_call("1002", 5));
    story.ends_after(60);
    assert_eq!(story.told(), format!("{TO_STAFF} | created busy ended"));
    assert_eq!(story.status_of("1001"), Some(486));
}

#[test]
fn h_052_no_answer_in_time_is_timeout_missed_and_480() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::of(Verdict::Ignore, millis(0)));
    story.calls("1001", short_call("1002", 5));
    story.runs_for(u64::from(RING_TIMEOUT_SECS) * 1_000 - 500);
    assert_eq!(story.told(), format!("{TO_STAFF} | created ringing"));
    story.runs_for(1_000);
    assert_eq!(
        story.told(),
        format!("{TO_STAFF} | created ringing timeout missed"),
        "and the caller is told why"
    );
    story.runs_for(10_000);
    assert_eq!(story.told(), format!("{TO_STAFF} | created ringing timeout missed ended"));
    assert_eq!(story.status_of("1001"), Some(480));
    let reason = story.calls_of("1001")[0].reason.clone().unwrap_or_default();
    assert!(reason.contains("Q.850") && reason.contains("cause=19"), "{reason:?}");
    assert_eq!(story.calls_of("1002")[0].status, Some(487));
    story.ends();
}

/// What is told of a call to the helpdesk by 1004, which rings 1003, then 1001, then 1001 and 1002.
fn told_of_helpdesk(answers: &str) -> String {
    let mut story = Story::with(&["1004", "1003", "1001", "1002"]);
    for name in ["1003", "1001", "1001", "1002"] {
        let is_who = name == answers;
        story.meets(
            name,
            if is_who { Manner::answer(millis(1_000)) } else { Manner::of(Verdict::Ignore, millis(0)) },
        );
    }
    story.calls("1004", short_call(HELPDESK, 5));
    story.ends_after(100);
    story.told()
}

#[test]
fn h_060_rules_lead_from_desk_to_desk_until_somebody_answers() {
    let begins = "created forward forward_ringing";
    for (answers, events) in [
        ("1003", format!("{begins} forward_answered(3) answered(3) ended")),
        ("1001", format!("{begins} forward_no_answer ringing answered(3) ended")),
        (
            "1002",
            format!(
                "{begins} forward_no_answer ringing forward forward_ringing forward_answered(3) answered(3) ended"
            ),
        ),
    ] {
        assert_eq!(told_of_helpdesk(answers), format!("{TO_EXTENSION} recipient/user | {events}"));
    }
    let events = "forward_no_answer ringing forward forward_ringing forward_no_answer timeout missed ended";
    assert_eq!(told_of_helpdesk("nobody"), format!("{TO_EXTENSION} | {begins} {events}"));
}

#[test]
fn the_caller_cancels() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::of(Verdict::Ignore, millis(0)));
    story.calls("1001", CallPlan { patience: Some(millis(3_000)), ..short_call("1002", 5) });
    story.ends_after(60);
    assert_eq!(story.told(), format!("{TO_STAFF} | created ringing canceled ended"));
    assert_eq!(story.status_of("1001"), Some(487));
    assert_eq!(story.calls_of("1002")[0].status, Some(487));
}

#[test]
fn numbers_that_cannot_be_reached_fail_with_their_status() {
    let only_caller = "caller/user";
    for (number, participants, status, reason) in [
        ("9999", only_caller, 404, "unknown_number"),
        (CLOSED, TO_EXTENSION, 480, "inactive"),
        (EMPTY, TO_EXTENSION, 480, "no_staff"),
        ("1002", TO_STAFF, 480, "unreachable"),
        (SUPPORT, TO_EXTENSION, 480, "unreachable"),
    ] {
        let mut story = Story::with(&["1001"]);
        story.calls("1001", short_call(number, 5));
        story.ends_after(60);
        assert_eq!(story.told(), format!("{participants} | created failed ended"), "{number}");
        assert_eq!(story.status_of("1001"), Some(status), "{number}");
        let records = story.records();
        let failed = records[0].events.iter().find(|(_, event)| event.kind == EventKind::Failed);
        assert_eq!(failed.and_then(|(_, event)| event.detail.reason.as_deref()), Some(reason), "{number}");
    }
}

#[test]
fn media_nobody_accepts_fails_with_488() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::of(Verdict::Refuse(488), millis(500)));
    story.calls("1001", short_call("1002", 5));
    story.ends_after(60);
    assert_eq!(story.told(), format!("{TO_STAFF} | created ringing failed ended"));
    assert_eq!(story.status_of("1001"), Some(488));
}

#[test]
fn a_phone_that_is_dead_fails_or_times_out() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::of(Verdict::Deaf, millis(0)));
    story.calls("1001", short_call("1002", 5));
    story.ends_after(60);
    let told = story.told();
    assert!(
        told.ends_with("created timeout missed ended") || told.ends_with("created failed ended"),
        "{told}"
    );
    assert_eq!(story.status_of("1001"), Some(480));
}

/// Rows, the statuses both phones saw and whether both agree that it is over.
fn race_of_cancel_and_answer(caller_waits: u64) -> String {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::answer(millis(3_000)));
    story.calls("1001", CallPlan { patience: Some(millis(caller_waits)), ..short_call("1002", 600) });
    story.runs_for(20_000);
    assert!(story.calls_of("1001")[0].is_over() && story.calls_of("1002")[0].is_over(), "{caller_waits}");
    story.ends();
    format!("{:?} {}", story.status_of("1001"), story.told())
}

#[test]
fn cancel_and_200_may_cross_at_any_instant() {
    // RFC 3261 §9.1 and §13.2.2.4: the network takes 1 ms each way, so every order of the two at the switch
    // and at both phones occurs here. At 3,004 ms the caller has heard the answer and does not give up.
    let mut endings: Vec<String> = (2_980..3_004).map(race_of_cancel_and_answer).collect();
    endings.dedup();
    let canceled = format!("Some(487) {TO_STAFF} | created ringing canceled ended");
    let answered = format!("Some(200) {TO_STAFF} recipient/user | created ringing answered(3) ended");
    assert_eq!(endings, [canceled, answered]);
}

#[test]
fn two_devices_answer_at_once_and_exactly_one_wins() {
    let mut story = Story::with(&["1002", "1001", "1001b"]);
    story.meets("1001", Manner::answer(millis(2_000)));
    story.meets("1001b", Manner::answer(millis(2_000)));
    story.calls("1002", short_call("1001", 10));
    story.runs_for(8_000);
    let talking: Vec<bool> =
        ["1001", "1001b"].iter().map(|name| story.calls_of(name)[0].phase == Phase::Talking).collect();
    assert_eq!(talking.iter().filter(|is_talking| **is_talking).count(), 1, "{talking:?}");
    story.ends();
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | created ringing answered(3) ended"));
}

#[test]
fn whoever_loses_the_fork_hears_that_the_call_was_taken_elsewhere() {
    // RFC 3326 §2
    let mut story = Story::with(&["1003", "1001", "1002"]);
    story.meets("1001", Manner::of(Verdict::Ignore, millis(0)));
    story.meets("1002", Manner::answer(millis(2_000)));
    story.calls("1003", short_call(RECEPTION, 5));
    story.runs_for(3_000);
    let lost = story.calls_of("1001")[0].reason.clone().unwrap_or_default();
    assert!(
        lost.contains("SIP") && lost.contains("cause=200") && lost.contains("Call completed elsewhere"),
        "{lost:?}"
    );
    story.ends();
}

#[test]
fn a_late_offer_is_made_by_the_callee_and_answered_in_the_ack() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::answer(millis(1_000)));
    story.calls("1001", CallPlan { is_late_offer: true, ..short_call("1002", 30) });
    // The phones complain if an offer or an answer is missing; the probe follows the media.
    story.runs_for(25_000);
    let caller = story.calls_of("1001")[0].media.heard().and_then(|heard| heard.audio());
    assert_eq!(caller.map(|address| address.ip().to_string()).as_deref(), Some("192.0.2.20"));
    story.ends();
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | created ringing answered(3) ended"));
}

#[test]
fn early_media_reaches_the_caller_before_the_answer() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner { early_media: true, ..Manner::answer(millis(5_000)) });
    story.calls("1001", short_call("1002", 20));
    story.runs_for(2_000);
    let caller = &story.calls_of("1001")[0];
    assert_eq!(caller.progress, [183]);
    let heard = caller.media.heard().and_then(|heard| heard.audio());
    assert_eq!(heard.map(|address| address.ip().to_string()).as_deref(), Some("192.0.2.20"));
    story.runs_for(15_000);
    story.ends();
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | created ringing answered(3) ended"));
}

#[test]
fn hold_and_unhold_name_whoever_did_it() {
    let mut story = Story::with(&["1001", "1002"]);
    let talk = vec![(millis(6_000), Move::Hold), (millis(2_000), Move::Unhold)];
    story.meets("1002", Manner { talk, ..Manner::answer(millis(1_000)) });
    let plan = short_call("1002", 5).with_talk(&[
        (2, Move::Hold),
        (2, Move::Unhold),
        (1, Move::Refresh),
        (20, Move::HangUp),
    ]);
    story.calls("1001", plan);
    story.ends_after(40);
    let rows = "created ringing answered(3) hold(2) unhold(2) hold(3) unhold(3) ended";
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | {rows}"));
}

#[test]
fn re_invites_from_both_sides_at_once_both_come_through() {
    // RFC 3261 §14.1: 491 and another try.
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner { talk: vec![(millis(3_000), Move::Hold)], ..Manner::answer(millis(1_000)) });
    story.calls("1001", short_call("1002", 5).with_talk(&[(3, Move::Hold), (40, Move::HangUp)]));
    story.ends_after(60);
    let mut kinds = story.records()[0].kinds();
    kinds.retain(|kind| *kind == EventKind::Hold);
    assert_eq!(kinds.len(), 2, "{}", story.told());
}

#[test]
fn both_hang_up_at_the_same_instant() {
    let mut story = Story::with(&["1001", "1002"]);
    story
        .meets("1002", Manner { talk: vec![(millis(5_000), Move::HangUp)], ..Manner::answer(millis(1_000)) });
    story.calls("1001", short_call("1002", 5));
    story.ends_after(20);
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | created ringing answered(3) ended"));
}

#[test]
fn the_operator_hangs_up() {
    let mut story = Story::with(&["1001", "1002"]);
    story.meets("1002", Manner::answer(millis(1_000)));
    story.calls("1001", short_call("1002", 600));
    story.runs_for(5_000);
    let call = story.world.ledger.calls.keys().next().copied().unwrap_or_else(|| panic!("no call"));
    story.tells_switch(calls::Input::Command(contract::command::Command::HangUp { call }));
    story.runs_for(1_000);
    assert!(story.calls_of("1001")[0].is_over() && story.calls_of("1002")[0].is_over());
    story.ends();
    assert_eq!(
        told(story.records()[0]),
        format!("{TO_STAFF} recipient/user | created ringing answered(3) ended")
    );
}

#[test]
fn under_journal_pressure_new_calls_are_refused_and_old_ones_go_on() {
    // DESIGN D8
    let mut story = Story::with(&["1001", "1002", "1003"]);
    story.meets("1002", Manner::answer(millis(1_000)));
    story.calls("1001", short_call("1002", 30));
    story.runs_for(5_000);
    story.world.switch.has_pressure = true;
    story.tells_switch(calls::Input::JournalPressure(true));
    story.calls("1003", short_call("1001", 5));
    story.runs_for(3_000);
    assert_eq!(story.status_of("1003"), Some(503));
    assert!(story.calls_of("1001")[0].is_talking());
    story.ends();
    assert_eq!(story.records().len(), 1);
}

#[test]
fn registrations_survive_a_restart_of_the_switch() {
    let mut story = Story::with(&["1001", "1002"]);
    story.restarts();
    story.meets("1002", Manner::answer(millis(1_000)));
    story.calls("1001", short_call("1002", 20));
    story.ends_after(30);
    assert_eq!(story.told(), format!("{TO_STAFF} recipient/user | created ringing answered(3) ended"));
}

#[test]
fn a_body_that_no_phone_can_answer_rings_nobody() {
    // RFC 3261 §21.4.13 and §21.4.26
    for (body, status) in ODD_BODIES.into_iter().zip([488, 488, 488, 415]) {
        let mut story = Story::with(&["1001", "1002"]);
        story.calls("1001", CallPlan { odd_body: Some(body), ..short_call("1002", 5) });
        story.ends();
        assert_eq!(story.told(), format!("{TO_STAFF} | created failed ended"), "{body:?}");
        assert_eq!(story.status_of("1001"), Some(status), "{body:?}");
        assert!(story.calls_of("1002").is_empty());
    }
}
