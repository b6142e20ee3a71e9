//! SIPp's stories: what phones do that real ones are hard to talk into. Each is followed by the rows it left.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tests::{
    demo::Demo,
    phones::Transport,
    record::{Record, Story},
    sipp::{Actor, Playing},
};

/// A switch with a record of what happens on it, and people with accounts.
struct Stage {
    demo: Demo,
    record: Record,
    transport: Transport,
}

/// What a story must leave behind.
struct Left {
    participants: &'static [&'static str],
    events: &'static [&'static str],
    legs: &'static [i32],
}

/// H-062 … H-064.
const ANSWERED: Left = Left {
    participants: &["host user", "caller user", "recipient user"],
    events: &["created 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"],
    legs: &[200, 200],
};

impl Stage {
    fn set(transport: Transport) -> Result<Self> {
        let demo = Demo::start()?;
        let record = Record::open(demo.field("/database_url")?)?;
        Ok(Self { demo, record, transport })
    }

    /// Staff member `staff` with a port of their own; registered when `registered`.
    fn actor(&mut self, staff: usize, folder: &str, registered: bool) -> Result<Actor> {
        let folder = self.demo.folder().join(folder);
        let actor = Actor {
            folder,
            account: self.demo.account(staff, self.transport)?,
            port: self.demo.ports.take(4),
        };
        if registered {
            actor.register()?;
        }
        Ok(actor)
    }

    /// Plays one call: `caller` plays `calling`; `callee`, if there is one, plays `called` and is dialled. Then one
    /// call more must stand in the record, as `left` says.
    fn tell(
        &mut self,
        calling: (&str, &[(&str, &str)]),
        called: Option<(&str, &[(&str, &str)])>,
        left: &Left,
    ) -> Result<Story> {
        let folder = format!("{}-{}", calling.0, self.record.calls()?.len());
        let told = self.play(&folder, calling, called, left);
        told.with_context(|| {
            format!("{calling:?} with {called:?} over {:?}\n{}", self.transport, self.demo.logs())
        })
    }

    fn play(
        &mut self,
        folder: &str,
        (scenario, words): (&str, &[(&str, &str)]),
        called: Option<(&str, &[(&str, &str)])>,
        left: &Left,
    ) -> Result<Story> {
        let before = self.record.calls()?;
        let caller = self.actor(0, folder, false)?;
        let callee = self.actor(1, folder, called.is_some())?;
        let number = callee.account.username.clone();
        let waiting = called.map(|(scenario, words)| callee.play(scenario, &number, words)).transpose()?;
        let outcome = caller.perform(scenario, &number, words);
        match (outcome, waiting) {
            (Ok(()), waiting) => waiting.map_or(Ok(()), Playing::finish)?,
            (Err(error), Some(waiting)) => bail!("{error:#}\n--- the callee\n{}", waiting.messages()),
            (Err(error), None) => return Err(error),
        }
        // So that the next story's callee is the only one at that number.
        if called.is_some() {
            callee.unregister()?;
        }
        let story = self.record.next_story(&before)?;
        check_left(&story, left)?;
        Ok(story)
    }
}

fn check_left(story: &Story, left: &Left) -> Result<()> {
    ensure!(story.direction == "internal", "{story:#?}");
    ensure!(
        story.participants == left.participants,
        "participants {:?} expected, {story:#?}",
        left.participants
    );
    ensure!(story.events == left.events, "events {:?} expected, {story:#?}", left.events);
    ensure!(story.legs == left.legs, "legs {:?} expected, {story:#?}", left.legs);
    Ok(())
}

const TALK: &[(&str, &str)] = &[("talk_ms", "300")];
const NONE: &[(&str, &str)] = &[];

/// Calls that are answered, in all the ways in which signalling can be odd.
fn answered_calls(transport: Transport) -> Result<()> {
    let mut stage = Stage::set(transport)?;
    stage.actor(0, "options", false)?.perform("options", "1001", NONE).context("OPTIONS")?;
    stage.tell(("call", TALK), Some(("callee_answer", NONE)), &ANSWERED)?;
    stage.tell(("late_offer", NONE), Some(("callee_late", NONE)), &ANSWERED)?;
    stage.tell(("early_media", NONE), Some(("callee_early", NONE)), &ANSWERED)?;
    stage.tell(
        ("hold", NONE),
        Some(("callee_held", NONE)),
        &Left {
            events: &[
                "created 1 0",
                "ringing 1 0",
                "answered 1 0 3",
                "hold 1 0 2",
                "unhold 1 0 2",
                "ended 1 0",
            ],
            ..ANSWERED
        },
    )?;
    if transport == Transport::Udp {
        stage.tell(("repeated_invite", NONE), Some(("callee_answer", NONE)), &ANSWERED)?;
        stage.tell(("lost_200", NONE), Some(("callee_answer", NONE)), &ANSWERED)?;
    }
    stage.tell(("call", &[("talk_ms", "1500")]), Some(("callee_lost_ack", NONE)), &ANSWERED)?;
    stage.demo.stop()
}

#[test]
fn calls_are_answered_over_udp() -> Result<()> {
    answered_calls(Transport::Udp)
}

#[test]
fn calls_are_answered_over_tcp() -> Result<()> {
    answered_calls(Transport::Tcp)
}

/// Calls that nobody answers, and why.
#[test]
fn calls_end_unanswered() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let two = &["host user", "caller user"][..];
    stage.tell(
        ("cancel", NONE),
        Some(("callee_rings", NONE)),
        &Left {
            participants: two,
            events: &["created 1 0", "ringing 1 0", "canceled 1 0", "ended 1 0"],
            legs: &[487, 487],
        },
    )?;
    stage.tell(
        ("refused", &[("status", "486")]),
        Some(("callee_refuses", &[("status", "486"), ("reason", "Busy Here")])),
        &Left {
            participants: two,
            events: &["created 1 0", "ringing 1 0", "busy 1 0", "ended 1 0"],
            legs: &[486, 486],
        },
    )?;
    stage.tell(
        ("refused", &[("status", "603")]),
        Some(("callee_refuses", &[("status", "603"), ("reason", "Decline")])),
        &Left {
            participants: &["host user", "caller user", "recipient user"],
            events: &["created 1 0", "ringing 1 0", "rejected 1 0 3", "ended 1 0"],
            legs: &[603, 603],
        },
    )?;
    // Nobody is registered at that number.
    let story = stage.tell(
        ("refused", &[("status", "480")]),
        None,
        &Left { participants: two, events: &["created 1 0", "failed 1 0", "ended 1 0"], legs: &[480] },
    )?;
    ensure!(story.reasons.contains(&"unreachable".to_owned()), "{story:#?}");
    stage.record.execute("update telephony.organisation_settings set ring_timeout_seconds = 5")?;
    // The switch hears of it by NOTIFY; it has no other way to tell that it has.
    std::thread::sleep(Duration::from_secs(1));
    stage.tell(
        ("refused", &[("status", "480")]),
        Some(("callee_rings", NONE)),
        &Left {
            participants: two,
            events: &["created 1 0", "ringing 1 0", "timeout 1 0", "missed 1 0", "ended 1 0"],
            legs: &[480, 487],
        },
    )?;
    stage.demo.stop()
}

/// A number that means nothing.
#[test]
fn an_unknown_number_is_said_to_be_unknown() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let caller = stage.actor(0, "unknown", false)?;
    caller.perform("refused", "9999", &[("status", "404")])?;
    let story = stage.record.next_story(&[])?;
    check_left(
        &story,
        &Left {
            participants: &["caller user"],
            events: &["created 1 0", "failed 1 0", "ended 1 0"],
            legs: &[404],
        },
    )?;
    ensure!(story.reasons.contains(&"unknown_number".to_owned()), "{story:#?}");
    stage.demo.stop()
}
