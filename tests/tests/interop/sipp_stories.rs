//! SIPp's stories: what phones do that real ones are hard to talk into. Each is followed by the rows it left.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{phones::Transport, process::wait_until};

use crate::stage::{ANSWERED, Left, PLAIN, Stage};

const CALL: (&str, &[(&str, &str)]) = ("call", &[("talk_ms", "300")]);
const TWO: &[&str] = &["host user", "caller user"];

/// Calls that are answered, in all the ways in which signalling can be odd.
fn answered_calls(transport: Transport) -> Result<()> {
    let mut stage = Stage::set(transport)?;
    stage.actor(0, "options")?.perform("options", "1001", PLAIN).context("OPTIONS")?;
    stage.tell(CALL, Some(("callee_answer", PLAIN)), &ANSWERED)?;
    stage.tell(("late_offer", PLAIN), Some(("callee_late", PLAIN)), &ANSWERED)?;
    stage.tell(("early_media", PLAIN), Some(("callee_early", PLAIN)), &ANSWERED)?;
    let held = Left {
        events: &["created 1 0", "ringing 1 0", "answered 1 0 3", "hold 1 0 2", "unhold 1 0 2", "ended 1 0"],
        ..ANSWERED
    };
    stage.tell(("hold", PLAIN), Some(("callee_held", PLAIN)), &held)?;
    stage.tell(("call", &[("talk_ms", "1500")]), Some(("callee_lost_ack", PLAIN)), &ANSWERED)?;
    if transport == Transport::Udp {
        stage.tell(("repeated_invite", PLAIN), Some(("callee_answer", PLAIN)), &ANSWERED)?;
        stage.tell(("lost_200", PLAIN), Some(("callee_answer", PLAIN)), &ANSWERED)?;
    }
    stage.strike()
}

#[test]
fn calls_are_answered_over_udp() -> Result<()> {
    answered_calls(Transport::Udp)
}

#[test]
fn calls_are_answered_over_tcp() -> Result<()> {
    answered_calls(Transport::Tcp)
}

#[test]
fn calls_end_unanswered() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let canceled = Left {
        participants: TWO,
        events: &["created 1 0", "ringing 1 0", "canceled 1 0", "ended 1 0"],
        legs: &[487, 487],
    };
    stage.tell(("cancel", PLAIN), Some(("callee_rings", PLAIN)), &canceled)?;
    let busy = Left {
        participants: TWO,
        events: &["created 1 0", "ringing 1 0", "busy 1 0", "ended 1 0"],
        legs: &[486, 486],
    };
    let refuses = &[("status", "486"), ("reason", "Busy Here")];
    stage.tell(("refused", &[("status", "486")]), Some(("callee_refuses", refuses)), &busy)?;
    let rejected = Left {
        participants: ANSWERED.participants,
        events: &["created 1 0", "ringing 1 0", "rejected 1 0 3", "ended 1 0"],
        legs: &[603, 603],
    };
    let refuses = &[("status", "603"), ("reason", "Decline")];
    stage.tell(("refused", &[("status", "603")]), Some(("callee_refuses", refuses)), &rejected)?;
    let unregistered =
        Left { participants: TWO, events: &["created 1 0", "failed 1 0", "ended 1 0"], legs: &[480] };
    let story = stage.tell(("refused", &[("status", "480")]), None, &unregistered)?;
    ensure!(story.reasons.contains(&"unreachable".to_owned()), "{story:#?}");
    stage.strike()
}

/// H-052: the ring timeout is the organisation's, and a change of it is in force without a restart (HOUSE §4d).
#[test]
fn a_call_nobody_answers_times_out() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let revision = stage.demo.figure("sambung_plan_revision")?;
    stage.record.execute("update telephony.organisation_settings set ring_timeout_seconds = 5")?;
    wait_until(Duration::from_secs(10), "the new plan", || {
        Ok(stage.demo.figure("sambung_plan_revision")? > revision)
    })?;
    let missed = Left {
        participants: TWO,
        events: &["created 1 0", "ringing 1 0", "timeout 1 0", "missed 1 0", "ended 1 0"],
        legs: &[480, 487],
    };
    stage.tell(("refused", &[("status", "480")]), Some(("callee_rings", PLAIN)), &missed)?;
    stage.strike()
}

#[test]
fn an_unknown_number_is_said_to_be_unknown() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    stage.actor(0, "unknown")?.perform("refused", "9999", &[("status", "404")])?;
    let story = stage.record.next_story(&[])?;
    let unknown = Left {
        participants: &["caller user"],
        events: &["created 1 0", "failed 1 0", "ended 1 0"],
        legs: &[404],
    };
    unknown.check(&story)?;
    ensure!(story.reasons.contains(&"unknown_number".to_owned()), "{story:#?}");
    stage.strike()
}
