//! SIPp's stories: what phones do that real ones are hard to talk into. Each is followed by the rows it left.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{phones::Transport, process::wait_until, sipp::Actor};

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
    stage.tell(("hold", &[("talk_ms", "300")]), Some(("callee_held", PLAIN)), &held)?;
    stage.tell(("call", &[("talk_ms", "1500")]), Some(("callee_lost_ack", PLAIN)), &ANSWERED)?;
    if transport == Transport::Udp {
        stage.tell(("repeated_invite", PLAIN), Some(("callee_answer", PLAIN)), &ANSWERED)?;
        stage.tell(("lost_200", PLAIN), Some(("callee_answer", PLAIN)), &ANSWERED)?;
    }
    stage.strike()
}

/// RFC 3262 and RFC 3311 through the switch: reliable early media with its PRACK on both legs, held by UPDATE before the
/// answer, taken back and held by UPDATE after it.
#[test]
fn rfc_3262_and_rfc_3311_go_through() -> Result<()> {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut stage = Stage::set(transport)?;
        let held = Left {
            events: &["created 1 0", "ringing 1 0", "answered 1 0 3", "hold 1 0 2", "ended 1 0"],
            ..ANSWERED
        };
        stage.tell(("prack", PLAIN), Some(("callee_prack", PLAIN)), &held)?;
        stage.strike()?;
    }
    Ok(())
}

/// RFC 4028: a shorter interval than the least is refused with the least, and a caller's refreshes are taken.
#[test]
fn rfc_4028_an_interval_is_agreed_on_and_refreshed_by_the_caller() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    stage.tell(("timer", PLAIN), Some(("callee_answer", PLAIN)), &ANSWERED)?;
    stage.strike()
}

/// RFC 4028 §10: the switch refreshes where that is its part, and ends the call of a phone that does not do its own.
#[test]
fn rfc_4028_10_a_call_whose_caller_has_vanished_ends_and_says_why() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let story = stage.tell(("vanished", PLAIN), Some(("callee_refreshed", PLAIN)), &ANSWERED)?;
    ensure!(story.reasons.contains(&"session_expired".to_owned()), "{story:#?}");
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

/// RFC 3428: to a phone of the organisation, and to a number without one.
#[test]
fn messages_are_passed_and_never_stored() -> Result<()> {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut stage = Stage::set(transport)?;
        let (sender, receiver) = (stage.actor(0, "message")?, stage.actor(1, "message")?);
        let number = receiver.account.username.clone();
        sender.perform("message", &number, &[("status", "480")]).context("nobody is there")?;
        receiver.register()?;
        let words = [("sender", sender.account.username.as_str())];
        let receiving = receiver.play("callee_message", &number, &words)?;
        let sent = sender.perform("message", &number, &[("status", "200")]);
        sent.with_context(|| format!("{transport:?}\n{}\n{}", receiving.messages(), stage.demo.logs()))?;
        receiving.finish()?;
        receiver.unregister()?;
        stage.strike()?;
    }
    Ok(())
}

/// RFC 6665 with RFC 4235 and RFC 3680: a lamp that follows a call of others, and one's own contacts.
#[test]
fn lamps_follow_calls_and_contacts_are_told_to_their_own() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let (callee, watcher) = (stage.actor(1, "watched")?, stage.actor(2, "watcher")?);
    let number = callee.account.username;
    let lamp = [
        ("event", "dialog"),
        ("first", "&lt;state&gt;confirmed&lt;/state&gt;"),
        ("last", "&lt;state&gt;terminated&lt;/state&gt;"),
    ];
    let watching = watcher.play("watch", &number, &lamp)?;
    wait_until(Duration::from_secs(10), "the first NOTIFY", || {
        Ok(watching.messages().contains("application/dialog-info+xml"))
    })?;
    stage.tell(CALL, Some(("callee_answer", PLAIN)), &ANSWERED)?;
    watching.finish()?;

    let own = stage.actor(3, "own")?;
    let reg = [
        ("event", "reg"),
        ("first", "registration [^&gt;]*state=.init"),
        ("last", "state=.active. event=.registered"),
    ];
    let number = own.account.username.clone();
    let watching = own.play("watch", &number, &reg)?;
    wait_until(Duration::from_secs(10), "the first NOTIFY", || {
        Ok(watching.messages().contains("application/reginfo+xml"))
    })?;
    let device = Actor { port: stage.demo.ports.take(4), folder: own.folder.join("device"), ..own.clone() };
    device.register()?;
    watching.finish()?;
    stage.strike()
}
