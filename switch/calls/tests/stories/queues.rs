//! Who waits for whom: the order of callers, who is asked for them, what they hear, and the record row for row (H-065).

mod callbacks;

use std::time::Duration;

use calls::{Input, Trace};
use contract::{
    command::{Command, Outcome},
    id::{ExtensionId, OrgId, QueueId, RuleId, UserId},
    journal::{Entry, Fact},
    queues::{Queue, Strategy},
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{RecordingPolicy, Snapshot},
};
use dialplan::Route;
use sip::OwnedMessage;
use streams::media::MediaEvent;

use crate::{
    desk::{
        Caller, Desk, Phone, header, id, lease, plan, rows,
        sound::{heard, is_joined},
    },
    recording::words,
};

const RING: Duration = Duration::from_secs(20);

pub fn queue() -> Queue {
    Queue {
        id: QueueId(id(70)),
        strategy: Strategy::Linear,
        ring_secs: 20,
        capacity: 10,
        wait_max_secs: 600,
        wrap_up_secs: 0,
        misses_max: 0,
        announce_secs: 0,
        has_callback: false,
        agents: Vec::new(),
    }
}

/// Extension 100 of these people with this queue.
fn with(queue: Queue, staff: &[u128]) -> Snapshot {
    let mut rows = rows();
    let extension = &mut rows.organisations[0].extensions[0];
    extension.staff = staff.iter().map(|user| UserId(id(*user))).collect();
    extension.queue = Some(queue);
    rows.revision = 2;
    rows
}

/// Budi and Citra answer 100; Sari, u0 and callee call it.
struct Scene {
    desk: Desk,
    agents: [Phone; 2],
    callers: [Phone; 3],
    rows: Snapshot,
}

fn scene(rows: Snapshot) -> Scene {
    let mut desk = Desk::speaking();
    let phone = |desk: &mut Desk, user: &str, n: u8| desk.phone(user, &format!("198.51.100.{n}:5060"));
    let callers = [("1001", 1), ("u0", 4), ("callee", 5)].map(|(user, n)| phone(&mut desk, user, n));
    let agents = [("1002", 2), ("1003", 3)].map(|(user, n)| phone(&mut desk, user, n));
    desk.tell(Input::Plan(plan(&rows)));
    Scene { desk, agents, callers, rows }
}

/// A call for the queue with the agent's INVITE of it.
struct Talk {
    caller: Caller,
}

impl Scene {
    /// A caller dials and has the answer.
    #[track_caller]
    fn arrive(&mut self, at: usize) -> Caller {
        self.arrive_at(at, "100")
    }

    #[track_caller]
    fn arrive_at(&mut self, at: usize, number: &str) -> Caller {
        self.desk.line_up(&self.callers[at], number)
    }

    /// An agent's phone rings.
    #[track_caller]
    fn rings(&mut self, at: usize) -> OwnedMessage {
        let agent = self.agents[at].clone();
        let invite = self.desk.expect(&agent, "INVITE");
        self.desk.from(&agent, &agent.respond(&invite, 180, None));
        invite
    }

    /// An agent answers, and the caller is told what it says.
    #[track_caller]
    fn takes(&mut self, at: usize, invite: &OwnedMessage, mut caller: Caller) -> Talk {
        let agent = self.agents[at].clone();
        self.desk.from(&agent, &agent.respond(invite, 200, Some(&agent.sdp())));
        self.desk.expect(&agent, "ACK");
        let phone = caller.phone.clone();
        let told = self.desk.expect(&phone, "INVITE");
        self.desk.from(&phone, &caller.respond(&told, 200, Some(&phone.sdp())));
        self.desk.expect(&phone, "ACK");
        caller.cseq = caller.cseq.max(10);
        Talk { caller }
    }

    /// An agent's phone rings, and the agent answers.
    #[track_caller]
    fn talks(&mut self, at: usize, caller: Caller) -> Talk {
        let invite = self.rings(at);
        self.takes(at, &invite, caller)
    }

    #[track_caller]
    fn hang_up(&mut self, mut talk: Talk, at: usize) {
        let agent = self.agents[at].clone();
        self.desk.hang_up(&mut talk.caller, &agent);
    }

    /// A caller who waits is let go.
    #[track_caller]
    fn let_go(&mut self, caller: &Caller) {
        let phone = caller.phone.clone();
        let bye = self.desk.expect(&phone, "BYE");
        self.desk.from(&phone, &caller.respond(&bye, 200, None));
    }

    /// An agent is told that the call is taken back, and agrees.
    #[track_caller]
    fn given_up(&mut self, at: usize, invite: &OwnedMessage) {
        let agent = self.agents[at].clone();
        let cancel = self.desk.expect(&agent, "CANCEL");
        self.desk.from(&agent, &agent.respond(&cancel, 200, None));
        self.desk.from(&agent, &agent.respond(invite, 487, None));
        self.desk.expect(&agent, "ACK");
    }

    /// The rows of the latest call but `back`, as the source document has them: `event attempt queue participant`.
    fn rows_of(&self, back: usize) -> Vec<String> {
        let begun = |entry: &&Entry| matches!(entry.fact, Fact::Call(_));
        let calls: Vec<_> = self.desk.journal.iter().filter(begun).filter_map(|entry| entry.call).collect();
        let call = calls[calls.len() - 1 - back];
        let row = |entry: &Entry| match &entry.fact {
            Fact::Event(event) if entry.call == Some(call) => {
                let participant = event.participant.map_or("null".to_owned(), |no| format!("cp{no}"));
                Some(format!("{} {} {} {participant}", event.kind.as_str(), event.attempt, event.queue_count))
            }
            _ => None,
        };
        self.desk.journal.iter().filter_map(row).collect()
    }

    fn pause(&mut self, user: u128, is_paused: bool) -> Outcome {
        let (org, user) = (OrgId(id(1)), UserId(id(user)));
        self.desk.tell(Input::Command(Command::PauseAgent { org, user, is_paused }));
        self.desk.outcomes.pop().unwrap()
    }

    /// The process dies, and the next one has the same configuration and Budi's phone.
    #[track_caller]
    fn dies(&mut self, cseq: u32) {
        self.desk.die();
        let rows = self.rows.clone();
        self.desk.tell(Input::Plan(plan(&rows)));
        // The relay has other ports for it.
        let leases = (40 * cseq..40 * cseq + 8).map(lease).collect();
        self.desk.tell(Input::Media(MediaEvent::Stock(leases)));
        let budi = self.agents[0].clone();
        self.desk.register(&budi, cseq);
    }

    #[track_caller]
    fn rest(&mut self) {
        self.desk.rest();
    }
}

/// H-065 to the letter, HX-13: the call at position 2 of one agent.
#[test]
fn h_065_a_call_waits_at_position_two_and_is_answered() {
    let mut scene = scene(with(queue(), &[12]));
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let second = scene.arrive(1);
    let third = scene.arrive(2);
    assert_eq!(scene.rows_of(0), ["created 1 0 null", "ringing 1 0 null", "queued 1 2 null"]);
    scene.hang_up(first, 0);
    let second = scene.talks(0, second);
    assert_eq!(scene.rows_of(0).last().unwrap(), "queue_updated 1 1 null");
    scene.hang_up(second, 0);
    let third = scene.talks(0, third);
    scene.hang_up(third, 0);
    assert_eq!(
        scene.rows_of(0),
        [
            "created 1 0 null",
            "ringing 1 0 null",
            "queued 1 2 null",
            "queue_updated 1 1 null",
            "queue_updated 1 0 null",
            "ringing 1 0 null",
            "answered 1 0 cp3",
            "ended 1 0 null",
        ]
    );
    // Who needs not to wait has the record of any call (H-062 … H-064).
    assert_eq!(
        scene.rows_of(2),
        ["created 1 0 null", "ringing 1 0 null", "answered 1 0 cp3", "ended 1 0 null"]
    );
    scene.rest();
}

/// What is played: a tone while the first who is asked rings, else where the caller stands, and music.
#[test]
fn a_caller_hears_a_tone_or_its_place_and_music_and_then_who_takes_the_call() {
    let mut scene = scene(with(Queue { announce_secs: 30, ..queue() }, &[12]));
    let first = scene.arrive(0);
    assert_eq!(heard(&scene.desk, 0), "*tone/ringing");
    let first = scene.talks(0, first);
    assert!(heard(&scene.desk, 0).is_empty() && is_joined(&scene.desk, 0, 1));
    let second = scene.arrive(1);
    let mut third = scene.arrive(2);
    assert_eq!(heard(&scene.desk, 2), "id/queue-welcome id/queue-next");
    assert_eq!(heard(&scene.desk, 3), "id/queue-welcome id/queue-position id/digits/2");
    scene.desk.played(3);
    assert_eq!(heard(&scene.desk, 3), "*music/default");
    scene.desk.wait(Duration::from_secs(31));
    assert_eq!(heard(&scene.desk, 3), "id/queue-position id/digits/2");
    scene.desk.played(3);
    scene.hang_up(first, 0);
    let invite = scene.rings(0);
    assert_eq!(heard(&scene.desk, 3), "*music/default", "it goes on while somebody rings");
    let second = scene.takes(0, &invite, second);
    assert!(is_joined(&scene.desk, 2, 4));
    // The third one goes, and nothing is left of it.
    scene.desk.goes(&mut third);
    scene.hang_up(second, 0);
    assert_eq!(
        scene.rows_of(0),
        [
            "created 1 0 null",
            "ringing 1 0 null",
            "queued 1 2 null",
            "queue_updated 1 1 null",
            "canceled 1 0 null",
            "ended 1 0 null"
        ]
    );
    scene.rest();
}

#[test]
fn who_gives_up_makes_room_and_who_gives_up_while_it_rings_is_not_missed() {
    let mut scene = scene(with(Queue { misses_max: 1, ..queue() }, &[12]));
    let mut first = scene.arrive(0);
    let invite = scene.rings(0);
    let mut second = scene.arrive(1);
    let third = scene.arrive(2);
    assert_eq!(
        scene.rows_of(0).last().unwrap(),
        "queued 1 3 null",
        "the one that is being connected is before it"
    );
    scene.desk.goes(&mut second);
    assert_eq!(scene.rows_of(0).last().unwrap(), "queue_updated 1 2 null");
    scene.desk.goes(&mut first);
    let budi = scene.agents[0].clone();
    let cancel = scene.desk.expect(&budi, "CANCEL");
    let next = scene.rings(0);
    scene.desk.from(&budi, &budi.respond(&cancel, 200, None));
    scene.desk.from(&budi, &budi.respond(&invite, 487, None));
    scene.desk.expect(&budi, "ACK");
    let invite = next;
    let third = scene.takes(0, &invite, third);
    scene.hang_up(third, 0);
    assert_eq!(scene.rows_of(2)[1..], ["ringing 1 0 null", "canceled 1 0 null", "ended 1 0 null"]);
    scene.rest();
}

/// The first who is asked does not answer: the next one is, and the first one later again.
#[test]
fn whoever_does_not_answer_is_followed_by_the_next_one_and_paused_after_so_many() {
    let mut scene = scene(with(Queue { misses_max: 2, ..queue() }, &[12, 13]));
    let caller = scene.arrive(0);
    let invite = scene.rings(0);
    scene.desk.wait(RING);
    scene.given_up(0, &invite);
    let invite = scene.rings(1);
    scene.desk.silent(&scene.agents[0]);
    let citra = scene.agents[1].clone();
    scene.desk.from(&citra, &citra.respond(&invite, 486, None));
    scene.desk.expect(&citra, "ACK");
    scene.desk.silent(&scene.agents[0]);
    scene.desk.wait(Duration::from_secs(10));
    // Budi has had his rest; he misses it a second time and is asked no more.
    let invite = scene.rings(0);
    scene.desk.wait(RING);
    scene.given_up(0, &invite);
    let invite = scene.rings(1);
    assert_eq!(scene.pause(12, false), Outcome::Done, "he was paused");
    assert_eq!(scene.pause(12, false), Outcome::AlreadySo);
    let talk = scene.takes(1, &invite, caller);
    scene.hang_up(talk, 1);
    assert_eq!(
        scene.rows_of(0),
        [
            "created 1 0 null",
            "ringing 1 0 null",
            "ringing 1 0 null",
            "queued 1 1 null",
            "queue_updated 1 0 null",
            "ringing 1 0 null",
            "ringing 1 0 null",
            "answered 1 0 cp3",
            "ended 1 0 null"
        ]
    );
    assert_eq!(scene.pause(11, true), Outcome::UnknownAgent, "Sari answers no queue");
    scene.rest();
}

/// All ring, two answer in the same instant: one has the call, the other is told that it was answered elsewhere, and what it
/// has answered is acknowledged and ended (RFC 3261 15.1.1).
#[test]
fn of_two_who_answer_at_once_one_has_the_call() {
    for (winner, loser) in [(0, 1), (1, 0)] {
        let mut scene = scene(with(Queue { strategy: Strategy::RingAll, ..queue() }, &[12, 13]));
        let caller = scene.arrive(0);
        let invites = [scene.rings(0), scene.rings(1)];
        let talk = scene.takes(winner, &invites[winner], caller);
        let late = scene.agents[loser].clone();
        let cancel = scene.desk.expect(&late, "CANCEL");
        let reason = header(&cancel, "Reason").unwrap();
        assert_eq!(reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
        scene.desk.from(&late, &late.respond(&invites[loser], 200, Some(&late.sdp())));
        scene.desk.from(&late, &late.respond(&cancel, 200, None));
        scene.desk.expect(&late, "ACK");
        let bye = scene.desk.expect(&late, "BYE");
        scene.desk.from(&late, &late.respond(&bye, 200, None));
        scene.hang_up(talk, winner);
        assert_eq!(scene.rows_of(0), PLAIN);
        scene.rest();
    }
}

/// H-062 … H-064.
const PLAIN: [&str; 4] = ["created 1 0 null", "ringing 1 0 null", "answered 1 0 cp3", "ended 1 0 null"];

/// An agent is left alone after a call, and while in one of their own.
#[test]
fn who_wraps_up_or_talks_is_not_asked() {
    let mut scene = scene(with(Queue { wrap_up_secs: 30, ..queue() }, &[12]));
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let second = scene.arrive(1);
    scene.hang_up(first, 0);
    scene.desk.silent(&scene.agents[0]);
    scene.desk.wait(Duration::from_secs(29));
    scene.desk.silent(&scene.agents[0]);
    // Budi calls Citra himself, and the wrap-up ends meanwhile.
    let [budi, citra] = scene.agents.clone();
    let (mut own, _) = scene.desk.talk(&budi, &citra, "1003");
    scene.desk.wait(Duration::from_secs(5));
    scene.desk.silent(&budi);
    scene.desk.hang_up(&mut own, &citra);
    let second = scene.talks(0, second);
    scene.hang_up(second, 0);
    scene.rest();
}

fn rule(n: u16, condition: Condition, action: Action) -> Rule {
    let id = RuleId(id(n.into()));
    Rule { id, position: n, is_enabled: true, timescope: Timescope::Any, condition, action }
}

#[test]
fn who_comes_with_more_priority_waits_before_others() {
    let mut rows = with(queue(), &[12]);
    let action = Action::Queue { queue: QueueId(id(70)), priority: 5 };
    let extension = &mut rows.organisations[0].extensions[1];
    extension.is_active = true;
    extension.rules = vec![rule(1, Condition::Always, action)];
    let mut scene = scene(rows);
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let second = scene.arrive(1);
    // By another number, which leads into the same queue.
    let important = scene.arrive_at(2, "200");
    assert_eq!(
        scene.rows_of(0),
        ["created 1 0 null", "forward 1 0 null", "forward_ringing 1 0 null", "queued 1 1 null"]
    );
    assert_eq!(scene.rows_of(1).last().unwrap(), "queue_updated 1 2 null");
    scene.hang_up(first, 0);
    let important = scene.talks(0, important);
    let answered = ["forward_ringing 1 0 null", "forward_answered 1 0 cp3", "answered 1 0 cp3"];
    assert_eq!(scene.rows_of(0)[4], "queue_updated 1 0 null");
    assert_eq!(scene.rows_of(0)[5..], answered);
    scene.hang_up(important, 0);
    let second = scene.talks(0, second);
    scene.hang_up(second, 0);
    scene.rest();
}

/// Who cannot wait is not answered: a full queue is busy, one that nobody answers is unreachable.
#[test]
fn a_full_queue_is_busy_and_one_without_anybody_is_closed() {
    let mut scene = scene(with(Queue { capacity: 1, ..queue() }, &[12]));
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let second = scene.arrive(1);
    let phone = scene.callers[2].clone();
    let third = scene.desk.dial(&phone, "100", Some(&phone.sdp()));
    // A bare account is told by its status alone.
    let refusal = scene.desk.expect(&phone, "SIP/2.0 486");
    scene.desk.from(&phone, &third.ack_refusal(&refusal));
    assert_eq!(scene.rows_of(0), ["created 1 0 null", "busy 1 0 null", "ended 1 0 null"]);
    assert_eq!(scene.pause(12, true), Outcome::Done);
    scene.hang_up(first, 0);
    scene.desk.silent(&scene.agents[0]);
    // Nobody is there for the second one either.
    scene.desk.wait(RING + RING);
    assert_eq!(heard(&scene.desk, 2), "id/queue-closed");
    scene.desk.played(2);
    scene.let_go(&second);
    assert_eq!(scene.rows_of(1)[3..], ["failed 1 0 null", "ended 1 0 null"]);
    assert_eq!(scene.desk.detail("ended"), "not_taken/-");
    scene.rest();
}

/// Who has waited long enough goes where the rules of the extension say, or is told and let go.
#[test]
fn who_has_waited_long_enough_goes_on_by_the_rules_for_no_answer() {
    let mut rows = with(Queue { wait_max_secs: 60, ..queue() }, &[12]);
    let to_citra = Action::ForwardStaff(UserId(id(13)));
    rows.organisations[0].extensions[0].rules = vec![rule(1, Condition::NoAnswer, to_citra)];
    let mut scene = scene(rows);
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let second = scene.arrive(1);
    scene.desk.played(2);
    scene.desk.wait(Duration::from_secs(60));
    assert_eq!(heard(&scene.desk, 2), "*tone/ringing");
    let second = scene.talks(1, second);
    let answered = ["forward_ringing 1 0 null", "forward_answered 1 0 cp3", "answered 1 0 cp3"];
    assert_eq!(scene.rows_of(0)[2..4], ["queued 1 1 null", "forward 1 0 null"]);
    assert_eq!(scene.rows_of(0)[4..], answered);
    scene.hang_up(second, 1);
    let third = scene.arrive(2);
    scene.desk.played(4);
    scene.desk.wait(Duration::from_secs(60));
    let invite = scene.rings(1);
    let citra = scene.agents[1].clone();
    scene.desk.from(&citra, &citra.respond(&invite, 486, None));
    scene.desk.expect(&citra, "ACK");
    assert_eq!(heard(&scene.desk, 4), "id/busy");
    scene.desk.played(4);
    scene.let_go(&third);
    let refused = ["forward_ringing 1 0 null", "forward_busy 1 0 null", "busy 1 0 null", "ended 1 0 null"];
    assert_eq!(scene.rows_of(0)[4..], refused);
    scene.hang_up(first, 0);
    scene.rest();
}

/// Nobody answers, one after the other: that it always rings somewhere does not keep the caller from going on.
#[test]
fn who_is_rung_for_all_the_time_waits_no_longer_than_it_may() {
    let mut rows = with(Queue { wait_max_secs: 60, ..queue() }, &[12, 13]);
    rows.organisations[0].extensions[0].rules =
        vec![rule(1, Condition::NoAnswer, Action::AnnounceHangup("closed".into()))];
    let mut scene = scene(rows);
    let caller = scene.arrive(0);
    for at in [0, 1, 0] {
        let invite = scene.rings(at);
        scene.desk.wait(RING);
        scene.given_up(at, &invite);
    }
    scene.desk.silent(&scene.agents[1]);
    assert_eq!(heard(&scene.desk, 0), "id/closed");
    // Why it is there, `sambung why` knows too.
    let routes = scene.desk.traces.iter().filter_map(|trace| match trace {
        Trace::Routed { decision, .. } => Some(matches!(decision.route, Route::Announce(_))),
        _ => None,
    });
    assert_eq!(routes.collect::<Vec<_>>(), [false, true]);
    scene.desk.played(0);
    scene.let_go(&caller);
    assert_eq!(scene.rows_of(0)[4..], ["timeout 1 0 null", "missed 1 0 null", "ended 1 0 null"]);
    // Budi did not answer the last time either, and is left alone for a while.
    let mut next = scene.arrive(1);
    let invite = scene.rings(1);
    scene.desk.goes(&mut next);
    scene.given_up(1, &invite);
    scene.rest();
}

/// HX-22: once in a call, and before those ring whose calls are all recorded.
#[test]
fn who_goes_on_to_a_desk_whose_calls_are_recorded_hears_so_first() {
    let mut rows = with(Queue { wait_max_secs: 60, ..queue() }, &[12]);
    let organisation = &mut rows.organisations[0];
    organisation.has_recording_notice = true;
    let extensions = &mut organisation.extensions;
    let to_200 = Action::ForwardExtension(ExtensionId(id(22)));
    extensions[0].rules = vec![rule(1, Condition::NoAnswer, to_200)];
    (extensions[1].is_active, extensions[1].staff) = (true, vec![UserId(id(13))]);
    extensions[1].recording = Some(RecordingPolicy::Always);
    let mut scene = scene(rows);
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let second = scene.arrive(1);
    scene.desk.wait(Duration::from_secs(60));
    assert_eq!(heard(&scene.desk, 2), "id/recording-notice");
    scene.desk.silent(&scene.agents[1]);
    scene.desk.played(2);
    assert_eq!(heard(&scene.desk, 2), "*tone/ringing");
    assert!(scene.desk.recordings.is_empty());
    let second = scene.talks(1, second);
    assert_eq!(words(&scene.desk), ["1 started policy_after_notice"]);
    scene.hang_up(second, 1);
    scene.hang_up(first, 0);
    scene.rest();
}

#[test]
fn what_has_failed_is_not_canceled_by_the_operator_who_ends_it() {
    let mut scene = scene(with(queue(), &[12]));
    let caller = scene.arrive(0);
    let invite = scene.rings(0);
    assert_eq!(scene.pause(12, true), Outcome::Done);
    scene.desk.wait(RING);
    scene.given_up(0, &invite);
    scene.desk.wait(RING);
    assert_eq!(heard(&scene.desk, 0), "id/queue-closed");
    let call = *scene.desk.live.keys().next().unwrap();
    scene.desk.tell(Input::Command(Command::HangUp { call }));
    scene.let_go(&caller);
    assert_eq!(scene.rows_of(0)[3..], ["failed 1 0 null", "ended 1 0 null"]);
    assert_eq!(scene.desk.detail("ended"), "operator/-");
    scene.rest();
}

#[test]
fn a_rule_that_leads_to_a_full_queue_has_come_to_nothing() {
    let mut rows = with(Queue { capacity: 1, ..queue() }, &[12]);
    let extension = &mut rows.organisations[0].extensions[1];
    extension.is_active = true;
    extension.rules = vec![rule(1, Condition::Always, Action::Queue { queue: QueueId(id(70)), priority: 0 })];
    let mut scene = scene(rows);
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let mut second = scene.arrive(1);
    let phone = scene.callers[2].clone();
    let third = scene.desk.dial(&phone, "200", Some(&phone.sdp()));
    let refusal = scene.desk.expect(&phone, "SIP/2.0 486");
    scene.desk.from(&phone, &third.ack_refusal(&refusal));
    let refused = ["forward 1 0 null", "forward_busy 1 0 null", "busy 1 0 null", "ended 1 0 null"];
    assert_eq!(scene.rows_of(0)[1..], refused);
    scene.desk.goes(&mut second);
    scene.hang_up(first, 0);
    scene.rest();
}

/// A desk that is busy sends its caller, who has heard nothing but ringing, into a queue.
#[test]
fn a_call_that_rang_in_vain_may_wait_in_a_queue() {
    let mut rows = with(queue(), &[12]);
    let extension = &mut rows.organisations[0].extensions[1];
    (extension.is_active, extension.staff) = (true, vec![UserId(id(13))]);
    extension.rules = vec![rule(1, Condition::Busy, Action::ForwardExtension(ExtensionId(id(21))))];
    let mut scene = scene(rows);
    let (phone, citra) = (scene.callers[0].clone(), scene.agents[1].clone());
    let mut caller = scene.desk.dial(&phone, "200", Some(&phone.sdp()));
    let invite = scene.rings(1);
    scene.desk.expect(&phone, "SIP/2.0 180");
    scene.desk.from(&citra, &citra.respond(&invite, 486, None));
    scene.desk.expect(&citra, "ACK");
    let ok = scene.desk.expect(&phone, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    scene.desk.from(&phone, &ack);
    let talk = scene.talks(0, caller);
    scene.hang_up(talk, 0);
    let answered =
        ["forward_ringing 1 0 null", "forward_answered 1 0 cp3", "answered 1 0 cp3", "ended 1 0 null"];
    assert_eq!(scene.rows_of(0)[..3], ["created 1 0 null", "ringing 1 0 null", "forward 1 0 null"]);
    assert_eq!(scene.rows_of(0)[3..], answered);
    scene.rest();
}

/// HX-22: the notice is heard before anybody is asked, and the recording begins with whoever takes the call.
#[test]
fn a_caller_hears_that_it_will_be_recorded_before_anybody_is_asked() {
    let mut rows = with(queue(), &[12]);
    let organisation = &mut rows.organisations[0];
    (organisation.recording, organisation.has_recording_notice) = (RecordingPolicy::Always, true);
    let mut scene = scene(rows);
    let caller = scene.arrive(0);
    assert_eq!(heard(&scene.desk, 0), "id/recording-notice");
    scene.desk.silent(&scene.agents[0]);
    scene.desk.played(0);
    let invite = scene.rings(0);
    assert!(scene.desk.recordings.is_empty(), "nobody talks");
    let talk = scene.takes(0, &invite, caller);
    let step = scene.desk.journal.iter().find_map(|entry| match &entry.fact {
        Fact::Recording(step) => Some(step.reason.clone()),
        _ => None,
    });
    assert_eq!(step.as_deref(), Some("policy_after_notice"));
    scene.hang_up(talk, 0);
    scene.rest();
}

/// Callers keep their place when the process dies; agents are free again, whatever they were.
#[test]
fn callers_keep_their_place_when_the_switch_dies() {
    let mut scene = scene(with(queue(), &[12]));
    let first = scene.arrive(0);
    let first = scene.talks(0, first);
    let second = scene.arrive(1);
    let mut third = scene.arrive(2);
    scene.dies(20);
    scene.desk.silent(&scene.agents[0]);
    scene.hang_up(first, 0);
    let invite = scene.rings(0);
    // It dies while somebody rings, too.
    scene.dies(30);
    let second = scene.takes(0, &invite, second);
    scene.desk.goes(&mut third);
    scene.hang_up(second, 0);
    scene.desk.quiet();
}

/// A caller who made no offer, and holds and takes the call back while it waits.
#[test]
fn callers_without_an_offer_and_callers_who_hold_are_served_too() {
    let mut scene = scene(with(queue(), &[12]));
    let phone = scene.callers[0].clone();
    let mut caller = scene.desk.dial(&phone, "100", None);
    scene.desk.expect(&phone, "SIP/2.0 180");
    let ok = scene.desk.expect(&phone, "SIP/2.0 200");
    let ack = caller.ack(&ok, Some(&phone.sdp_of(8)));
    scene.desk.from(&phone, &ack);
    let invite = scene.rings(0);
    for direction in ["sendonly", "sendrecv"] {
        scene.desk.from(&phone, &caller.request("INVITE", "", Some(&phone.sdp_with(direction))));
        scene.desk.expect(&phone, "SIP/2.0 100");
        let ok = scene.desk.expect(&phone, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        scene.desk.from(&phone, &ack);
    }
    let talk = scene.takes(0, &invite, caller);
    scene.hang_up(talk, 0);
    let held = ["hold 1 0 cp2", "unhold 1 0 cp2", "answered 1 0 cp3", "ended 1 0 null"];
    assert_eq!(scene.rows_of(0)[2..], held);
    scene.rest();
}
