//! A call that is sent on to a queue, a menu or a mailbox: the one who waits is there as one who has dialled it, the transferor is
//! done, and it stays one record (H-033, H-060, H-065; decision 0032).

use std::time::Duration;

use calls::{Input, SwitchboardConfig};
use contract::{
    command::{Command, Outcome},
    id::{ExtensionId, MenuId, RuleId, UserId},
    journal::{Entry, Fact},
    menus::Menu,
    queues::Queue,
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{Extension, Mailbox, RecordingPolicy, Snapshot},
};
use streams::media::{LeaseId, Side};

use crate::{
    attended::replaces,
    codecs::transcoding,
    desk::{
        Caller, DOMAIN, Desk, Phone, body, header, id, plan, rows,
        sound::{heard, is_joined},
    },
    queues::queue,
    recording::{tapped, words},
    transfers::Scene,
};

const MUSIC: &str = "*music/default";
const CITRA: u128 = 13;

/// Citra alone answers the queue of 100, and has a mailbox; 400 is a menu.
pub fn rows_with(queue: Queue) -> Snapshot {
    let mut rows = rows();
    let organisation = &mut rows.organisations[0];
    let menu = Some(Menu { tries_max: 1, ..Menu::plain(MenuId(id(124))) });
    let nobody = organisation.extensions[2].clone();
    organisation.extensions.push(Extension { id: ExtensionId(id(24)), number: "400".into(), menu, ..nobody });
    let support = &mut organisation.extensions[0];
    (support.staff, support.queue) = (vec![UserId(id(CITRA))], Some(queue));
    organisation.staff[2].mailbox = Some(Mailbox::default());
    rows.revision = 2;
    rows
}

/// Sari (lease 0) has called Budi (lease 1), with these rows.
fn talking(rows: &Snapshot) -> Scene {
    let config = SwitchboardConfig { hold_music: true, announcements: true, ..transcoding() };
    let mut desk = Desk::with(config, 32);
    desk.tell(Input::Plan(plan(rows)));
    Scene::with(desk)
}

impl Scene {
    fn budi_refers_to(&mut self, to: &str) {
        self.budi_asks("REFER", &format!("Refer-To: <sip:{to}>\r\n"), None);
    }

    /// Budi sends Sari there, and is done.
    #[track_caller]
    fn sent_to(&mut self, number: &str) {
        self.budi_refers_to(&format!("{number}@{DOMAIN}"));
        self.is_done(1);
    }

    #[track_caller]
    fn is_done(&mut self, calls: usize) {
        let Self { desk, budi, .. } = self;
        desk.expect(budi, "SIP/2.0 202");
        let notify = desk.expect(budi, "NOTIFY");
        assert_eq!(body(&notify), "SIP/2.0 200 OK\r\n");
        assert!(header(&notify, "Subscription-State").unwrap().starts_with("terminated"));
        desk.from(budi, &budi.respond(&notify, 200, None));
        for _ in 0..calls {
            let bye = desk.expect(budi, "BYE");
            desk.from(budi, &budi.respond(&bye, 200, None));
        }
    }

    /// Citra's phone rings for Sari, she answers, and Sari is told what she speaks.
    #[track_caller]
    fn citra_takes_it(&mut self) {
        let Self { desk, citra, sari, caller, .. } = self;
        let invite = desk.expect(citra, "INVITE");
        assert!(header(&invite, "From").unwrap().contains("sip:1001@"));
        desk.from(citra, &citra.respond(&invite, 180, None));
        desk.from(citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
        desk.expect(citra, "ACK");
        let told = desk.expect(sari, "INVITE");
        desk.from(sari, &caller.respond(&told, 200, Some(&sari.sdp())));
        desk.expect(sari, "ACK");
    }

    #[track_caller]
    fn sari_is_let_go(&mut self) {
        let bye = self.desk.expect(&self.sari, "BYE");
        self.desk.from(&self.sari, &self.caller.respond(&bye, 200, None));
    }

    /// Somebody calls the queue before anybody else does, and talks to Citra.
    #[track_caller]
    fn citra_is_busy(&mut self) -> (Phone, Caller) {
        let other = self.desk.phone("u0", "198.51.100.4:5060");
        let caller = self.desk.line_up(&other, "100");
        let invite = self.desk.expect(&self.citra, "INVITE");
        self.desk.from(&self.citra, &self.citra.respond(&invite, 200, Some(&self.citra.sdp())));
        self.desk.expect(&self.citra, "ACK");
        let told = self.desk.expect(&other, "INVITE");
        self.desk.from(&other, &caller.respond(&told, 200, Some(&other.sdp())));
        self.desk.expect(&other, "ACK");
        (other, caller)
    }

    /// Of the first call.
    fn events(&self) -> Vec<String> {
        let first = self.desk.journal[0].call;
        let own = self.desk.journal.iter().filter(|entry| entry.call == first);
        let event = |entry: &Entry| match &entry.fact {
            Fact::Event(event) => {
                let who = event.participant.map(|no| format!("({no})")).unwrap_or_default();
                Some(format!("{}{who}", event.kind.as_str()))
            }
            _ => None,
        };
        own.filter_map(event).collect()
    }
}

const BEFORE: [&str; 3] = ["created", "ringing", "answered(3)"];

#[test]
fn a_caller_who_was_sent_into_a_queue_waits_its_turn_with_music_and_is_taken() {
    let mut scene = talking(&rows_with(queue()));
    let (other, mut first) = scene.citra_is_busy();
    scene.sent_to("100");
    assert_eq!(heard(&scene.desk, 0), "id/queue-welcome id/queue-next");
    scene.desk.played(0);
    assert_eq!(heard(&scene.desk, 0), MUSIC);
    let citra = scene.citra.clone();
    scene.desk.hang_up(&mut first, &citra);
    drop(other);
    scene.citra_takes_it();
    assert!(is_joined(&scene.desk, 0, 4) && heard(&scene.desk, 0).is_empty());
    assert_eq!(scene.desk.number_of("transfer").as_deref(), Some("100"));
    scene.desk.hang_up(&mut scene.caller, &citra);
    let waited = ["transfer(3)", "transfer_ringing", "queued", "queue_updated"];
    let taken = ["transfer_ringing", "transfer_answered(4)", "ended"];
    assert_eq!(scene.events(), [&BEFORE[..], &waited, &taken].concat());
    scene.desk.rest();
}

/// By order, and the called one instead of the caller.
#[test]
fn an_order_sends_whoever_is_meant_into_the_queue() {
    for (leg, waits) in [(None, 0), (Some(1), 1)] {
        let mut scene = talking(&rows_with(queue()));
        let call = *scene.desk.live.keys().next().unwrap();
        scene.desk.tell(Input::Command(Command::Transfer { call, leg, to: "100".into() }));
        assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
        let gone = if waits == 0 { scene.budi.clone() } else { scene.sari.clone() };
        let bye = scene.desk.expect(&gone, "BYE");
        scene.desk.from(&gone, &gone.respond(&bye, 200, None));
        let invite = scene.desk.expect(&scene.citra, "INVITE");
        let shown = if waits == 0 { "sip:1001@" } else { "sip:1002@" };
        assert!(header(&invite, "From").unwrap().contains(shown));
        scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 180, None));
        assert_eq!(heard(&scene.desk, waits), "*tone/ringing");
        scene.desk.tell(Input::Command(Command::HangUp { call }));
        for (phone, message) in
            [(&scene.citra, "CANCEL"), (if waits == 0 { &scene.sari } else { &scene.budi }, "BYE")]
        {
            let request = scene.desk.expect(phone, message);
            scene.desk.from(phone, &phone.respond(&request, 200, None));
        }
        scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 487, None));
        scene.desk.expect(&scene.citra, "ACK");
        assert_eq!(scene.desk.detail("ended"), "operator/-");
        scene.desk.rest();
    }
}

/// Where the queue's rules lead when nobody takes the call, they lead who was sent there too.
#[test]
fn who_has_waited_long_enough_goes_where_the_queue_says_and_never_back() {
    let leads = |action| Rule {
        id: RuleId(id(91)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition: Condition::NoAnswer,
        action,
    };
    for rule in [None, Some(leads(Action::Voicemail(UserId(id(CITRA)))))] {
        let mut rows = rows_with(Queue { wait_max_secs: 20, ..queue() });
        rows.organisations[0].extensions[0].rules = rule.iter().cloned().collect();
        let mut scene = talking(&rows);
        let (_, mut first) = scene.citra_is_busy();
        scene.sent_to("100");
        scene.desk.played(0);
        scene.desk.wait(Duration::from_secs(21));
        let citra = scene.citra.clone();
        if rule.is_some() {
            assert_eq!(heard(&scene.desk, 0), "id/voicemail-greeting tone/beep");
            scene.desk.goes(&mut scene.caller);
        } else {
            assert_eq!(heard(&scene.desk, 0), "id/not-available");
            scene.desk.played(0);
            scene.sari_is_let_go();
        }
        let events = scene.events();
        let after: &[&str] = if rule.is_some() {
            &["forward_answered", "transfer_answered", "ended"]
        } else {
            &["transfer_no_answer", "ended"]
        };
        assert_eq!(events[events.len() - after.len()..], *after, "{events:?}");
        scene.desk.silent(&scene.budi);
        scene.desk.hang_up(&mut first, &citra);
        scene.desk.rest();
    }
}

/// The transferor is told at once, and keeps the call.
#[test]
fn nobody_is_sent_into_a_queue_that_is_full_or_that_nobody_answers() {
    let rows = rows_with(Queue { capacity: 1, ..queue() });
    let mut scene = talking(&rows);
    let (other, mut first) = scene.citra_is_busy();
    let waits = scene.desk.phone("callee", "198.51.100.5:5060");
    let mut second = scene.desk.line_up(&waits, "100");
    scene.budi_refers_to(&format!("100@{DOMAIN}"));
    let refusal = scene.desk.expect(&scene.budi, "SIP/2.0 486");
    assert!(header(&refusal, "Warning").unwrap().contains("transfer refused: occupied"));
    scene.desk.goes(&mut second);
    let citra = scene.citra.clone();
    scene.desk.hang_up(&mut first, &citra);
    drop(other);
    scene.desk.registers(&citra, 11, "Contact: *\r\nExpires: 0\r\n");
    scene.budi_refers_to(&format!("100@{DOMAIN}"));
    let refusal = scene.desk.expect(&scene.budi, "SIP/2.0 480");
    assert!(header(&refusal, "Warning").unwrap().contains("transfer refused: unreachable"));
    let budi = scene.budi.clone();
    scene.desk.hang_up(&mut scene.caller, &budi);
    assert_eq!(scene.events(), [&BEFORE[..], &["ended"]].concat());
    scene.desk.rest();
}

/// `*1003` is Citra's mailbox, whatever her phones do: what was recorded of the call ends, and the message is hers.
#[test]
fn a_caller_who_was_sent_to_a_mailbox_leaves_a_message_of_its_own() {
    let mut rows = rows_with(queue());
    rows.organisations[0].recording = RecordingPolicy::Always;
    let mut scene = talking(&rows);
    scene.sent_to("*1003");
    assert_eq!(heard(&scene.desk, 0), "id/voicemail-greeting tone/beep");
    assert!(tapped(&scene.desk).is_empty(), "nobody hears the caller yet");
    scene.desk.played(0);
    assert_eq!(tapped(&scene.desk), [(LeaseId(0), Side::Left)]);
    scene.desk.goes(&mut scene.caller);
    assert_eq!(
        words(&scene.desk),
        ["1 started policy", "2 stopped voicemail", "1 started voicemail", "2 stopped call_ended"]
    );
    let told = ["transfer(3)", "forward", "forward_answered", "transfer_answered", "ended"];
    assert_eq!(scene.events(), [&BEFORE[..], &told].concat());
    assert_eq!(scene.desk.detail("forward"), "dialled/-");
    scene.desk.silent(&scene.citra);
    scene.desk.rest();
}

/// Dialled, it spares the phones; for whoever has no mailbox there is no such number.
#[test]
fn a_star_before_somebodys_number_leaves_a_message_without_ringing() {
    let mut scene = talking(&rows_with(queue()));
    let other = scene.desk.phone("u0", "198.51.100.4:5060");
    let caller = scene.desk.dial(&other, "*1002", Some(&other.sdp()));
    let refusal = scene.desk.expect(&other, "SIP/2.0 404");
    scene.desk.from(&other, &caller.ack_refusal(&refusal));
    let mut caller = scene.desk.enter(&other, "*1003");
    assert_eq!(heard(&scene.desk, 2), "id/voicemail-greeting tone/beep");
    scene.desk.goes(&mut caller);
    scene.desk.silent(&scene.citra);
    let budi = scene.budi.clone();
    scene.desk.hang_up(&mut scene.caller, &budi);
    scene.desk.rest();
}

/// What the two said is one recording with whoever takes the call; nobody listens while it waits, whichever side that is.
#[test]
fn a_recording_rests_while_the_caller_waits_and_goes_on_with_both_who_talk() {
    for by_caller in [false, true] {
        let mut rows = rows_with(queue());
        rows.organisations[0].recording = RecordingPolicy::Always;
        let mut scene = talking(&rows);
        assert_eq!(tapped(&scene.desk).len(), 2);
        let call = *scene.desk.live.keys().next().unwrap();
        let leg = by_caller.then_some(1);
        scene.desk.tell(Input::Command(Command::Transfer { call, leg, to: "100".into() }));
        let gone = if by_caller { scene.sari.clone() } else { scene.budi.clone() };
        let bye = scene.desk.expect(&gone, "BYE");
        scene.desk.from(&gone, &gone.respond(&bye, 200, None));
        assert!(tapped(&scene.desk).is_empty());
        let (stays, lease) = if by_caller { (scene.budi.clone(), 1) } else { (scene.sari.clone(), 0) };
        let citra = scene.citra.clone();
        let invite = scene.desk.expect(&citra, "INVITE");
        scene.desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
        scene.desk.expect(&citra, "ACK");
        let told = scene.desk.expect(&stays, "INVITE");
        scene.desk.from(&stays, &stays.respond(&told, 200, Some(&stays.sdp())));
        scene.desk.expect(&stays, "ACK");
        let sides = if by_caller { [2, lease] } else { [lease, 2] };
        let sides = [(LeaseId(sides[0]), Side::Left), (LeaseId(sides[1]), Side::Right)];
        assert_eq!(tapped(&scene.desk), sides, "the caller left and the callee right, as before");
        scene.desk.tell(Input::Command(Command::HangUp { call }));
        for phone in [&stays, &citra] {
            let bye = scene.desk.expect(phone, "BYE");
            scene.desk.from(phone, &phone.respond(&bye, 200, None));
        }
        assert_eq!(words(&scene.desk), ["1 started policy", "2 stopped call_ended"]);
        scene.desk.rest();
    }
}

/// Budi asks in another call how it is there, and lets Sari stand where he stands: RFC 5589 §7.
#[test]
fn whoever_waits_in_a_queue_hands_over_its_place_and_whoever_hears_a_menu_the_menu() {
    for number in ["100", "400"] {
        let is_queue = number == "100";
        let mut scene = talking(&rows_with(queue()));
        let (other, mut first) = scene.citra_is_busy();
        let budi = scene.budi.clone();
        let desk = &mut scene.desk;
        let asking = if is_queue { desk.line_up(&budi, number) } else { desk.enter(&budi, number) };
        // Somebody comes after him.
        let last = scene.desk.phone("callee", "198.51.100.5:5060");
        let mut third = scene.desk.line_up(&last, "100");
        let there = replaces(&asking.call_id, &asking.to_tag(), "c");
        scene.budi_refers_to(&format!("{number}@{DOMAIN}?{there}"));
        scene.is_done(2);
        let before_it = if is_queue { "id/queue-welcome id/queue-next" } else { "id/menu" };
        assert_eq!(heard(&scene.desk, 0), before_it, "and not behind who came after Budi");
        scene.desk.goes(&mut third);
        let citra = scene.citra.clone();
        scene.desk.hang_up(&mut first, &citra);
        drop(other);
        if is_queue {
            scene.citra_takes_it();
            scene.desk.hang_up(&mut scene.caller, &citra);
        } else {
            scene.desk.goes(&mut scene.caller);
        }
        let calls: Vec<_> = scene.desk.journal.iter().filter_map(|entry| entry.call).collect();
        let linked = scene.desk.journal.iter().filter_map(|entry| match &entry.fact {
            Fact::Event(event) => Some((entry.call?, event.detail.call?)),
            _ => None,
        });
        let linked: Vec<_> = linked.collect();
        assert!(linked.iter().all(|(one, other)| calls.contains(one) && linked.contains(&(*other, *one))));
        assert_eq!(linked.len(), 3, "the consultation is canceled and ended: {linked:?}");
        let events = scene.events();
        assert_eq!(events[3], "transfer(3)");
        let came_to = if is_queue { "transfer_answered(4)" } else { "transfer_canceled" };
        assert_eq!(events[events.len() - 2..], [came_to, "ended"]);
        scene.desk.rest();
    }
}

/// Somebody who is put through to a queue waits anew: who was asked for the one is let go and asked
/// anew for the other, and only one call rings at a time.
#[test]
fn whoever_is_asked_for_the_transferor_is_asked_for_the_one_who_stands_in() {
    let mut scene = talking(&rows_with(queue()));
    let budi = scene.budi.clone();
    let asking = scene.desk.line_up(&budi, "100");
    let citra = scene.citra.clone();
    let rings = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&rings, 180, None));
    let there = replaces(&asking.call_id, &asking.to_tag(), "c");
    scene.budi_refers_to(&format!("100@{DOMAIN}?{there}"));
    scene.is_done(2);
    let cancel = scene.desk.expect(&citra, "CANCEL");
    scene.desk.from(&citra, &citra.respond(&cancel, 200, None));
    scene.desk.from(&citra, &citra.respond(&rings, 487, None));
    let at = scene.desk.sent.iter().position(|(flow, message)| {
        flow.remote == citra.flow.remote && message.view().method_text() == "ACK"
    });
    drop(scene.desk.sent.remove(at.expect("the refusal is acknowledged")));
    scene.citra_takes_it();
    scene.desk.hang_up(&mut scene.caller, &citra);
    scene.desk.rest();
}
