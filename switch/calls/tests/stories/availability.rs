//! What people turn on and off for themselves (decision 0046): who rings then, what callers come to, and what is known after a
//! restart.

use std::{collections::BTreeMap, time::Duration};

use calls::{Input, StoredAvailability};
use contract::{
    availability::{Availability, Person, Setting},
    command::{Command, Outcome},
    id::{OrgId, RuleId, UserId},
    journal::Fact,
    live::{AgentPause, AgentState},
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{Mailbox, Snapshot},
    time::Timestamp,
};

use crate::{
    codes::{dialled, is_told},
    desk::{Caller, Desk, Phone, asking::lamps, id, lease, plan, rows, sound::heard},
    outside::{self, outside},
    queues::queue,
};
use streams::media::MediaEvent;

const BUDI: u128 = 12;
const CITRA: u128 = 13;

fn undisturbed(is_on: bool) -> Availability {
    Availability::DoNotDisturb(is_on)
}

fn user(n: u128) -> Person {
    Person::User(UserId(id(n)))
}

fn orders(desk: &mut Desk, person: Person, availability: Availability) -> Outcome {
    let org = OrgId(id(1));
    desk.tell(Input::Command(match availability {
        Availability::DoNotDisturb(is_on) => Command::DoNotDisturb { org, person, is_on },
        Availability::CallWaiting(is_on) => Command::CallWaiting { org, person, is_on },
        Availability::Pause(_) => panic!("that is an agent's"),
    }));
    desk.outcomes.pop().expect("an outcome")
}

/// What the database would tell of what was written.
fn stored(desk: &Desk) -> Vec<StoredAvailability> {
    let mut rows = BTreeMap::new();
    for entry in &desk.journal {
        if let Fact::Availability(fact) = entry.fact {
            let row = StoredAvailability {
                org: entry.org,
                person: fact.person,
                availability: fact.availability,
                changed_at: entry.at,
            };
            rows.insert((entry.org, fact.person, fact.availability.setting()), row);
        }
    }
    rows.into_values().collect()
}

/// The same person's, at another time.
fn row(n: u128, availability: Availability, at: i64) -> StoredAvailability {
    StoredAvailability { org: OrgId(id(1)), person: user(n), availability, changed_at: Timestamp(at) }
}

/// How somebody stands.
fn standing(desk: &Desk, n: u128) -> (bool, bool, Option<AgentPause>) {
    let all = desk.board.live_availability();
    let own = all.into_iter().find(|one| one.person == user(n)).expect("somebody of the plan");
    (own.has_do_not_disturb, own.has_call_waiting, own.pause)
}

/// The process dies; the next one has these rows of the plan, and hears of what was turned on and off.
fn dies(desk: &mut Desk, rows: &Snapshot, phones: &[&Phone]) {
    let told = stored(desk);
    desk.die();
    desk.tell(Input::Plan(plan(rows)));
    desk.tell(Input::Media(MediaEvent::Stock((40..60).map(lease).collect())));
    for phone in phones {
        desk.register(phone, 10);
    }
    desk.tell(Input::Availability(told));
}

/// A caller is told that it cannot be connected, and hears nothing before.
#[track_caller]
fn refused(desk: &mut Desk, caller: &Caller, status: u16) {
    let refusal = desk.expect(&caller.phone, &format!("SIP/2.0 {status}"));
    desk.from(&caller.phone, &caller.ack_refusal(&refusal));
}

/// Somebody dials, in a call of this id.
#[track_caller]
fn dials(desk: &mut Desk, phone: &Phone, number: &str, call_id: &str) -> Caller {
    let mut caller = Caller::new(phone, number);
    caller.call_id = call_id.into();
    let caller = desk.dial_as(caller, "", Some(&phone.sdp()));
    desk.expect(phone, "SIP/2.0 100");
    caller
}

/// A phone that is rung is busy.
#[track_caller]
fn declines(desk: &mut Desk, phone: &Phone) {
    let invite = desk.expect(phone, "INVITE");
    desk.from(phone, &phone.respond(&invite, 486, None));
    desk.expect(phone, "ACK");
}

#[test]
fn who_does_not_want_to_be_disturbed_is_not_rung_until_they_say_otherwise() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let told = dialled(&mut desk, &budi, "*78", "on");
    is_told(&mut desk, (&budi, &told), 0, "id/do-not-disturb-on");
    assert_eq!(desk.detail("answered"), "do_not_disturb_on/-");
    let place = |what: &str| desk.order.iter().rposition(|one| one == what).expect("it was told");
    assert!(place("availability") < place("sent on"), "it is written down before they are answered");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    refused(&mut desk, &caller, 486);
    assert_eq!(desk.events(), ["created", "answered", "ended", "created", "busy", "ended"]);
    assert_eq!(desk.detail("busy"), "do_not_disturb/-");
    // They call whom they like.
    let (mut caller, _) = desk.talk(&budi, &sari, "1001");
    desk.hang_up(&mut caller, &sari);
    let told = dialled(&mut desk, &budi, "*79", "off");
    is_told(&mut desk, (&budi, &told), 4, "id/do-not-disturb-off");
    let again = dials(&mut desk, &sari, "1002", "again");
    declines(&mut desk, &budi);
    refused(&mut desk, &again, 486);
    desk.rest();
}

#[test]
fn what_rings_already_goes_on_ringing() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let mut caller = dials(&mut desk, &sari, "1002", "early");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    let told = dialled(&mut desk, &budi, "*78", "on");
    is_told(&mut desk, (&budi, &told), 2, "id/do-not-disturb-on");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    desk.answered(&mut caller);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn callers_who_are_told_why_hear_that_nobody_is_available() {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    assert_eq!(orders(&mut desk, user(BUDI), undisturbed(true)), Outcome::Done);
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(heard(&desk, 0), "id/not-available");
    desk.played(0);
    refused(&mut desk, &caller, 486);
    desk.silent(&budi);
    desk.rest();
}

/// As busy: the mailbox of the person, a rule of the extension, the others of it.
#[test]
fn a_call_goes_on_as_from_one_who_is_busy() {
    let mut rows = rows();
    rows.organisations[0].staff[1].mailbox =
        Some(Mailbox { greeting: None, messages_max: 2, message_secs_max: 60 });
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(Input::Plan(plan(&rows)));
    orders(&mut desk, user(BUDI), undisturbed(true));
    let mut message = desk.enter(&sari, "1002");
    assert_eq!(
        (desk.detail("forward"), heard(&desk, 0)),
        ("busy/-".into(), "id/voicemail-greeting tone/beep".into())
    );
    desk.goes(&mut message);
    // Citra alone rings for the two of them.
    let (mut caller, _) = desk.talk(&sari, &citra, "100");
    desk.hang_up(&mut caller, &citra);
    let extension = &mut rows.organisations[0].extensions[0];
    extension.staff = vec![UserId(id(BUDI))];
    extension.rules.push(Rule {
        id: RuleId(id(90)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition: Condition::Busy,
        action: Action::ForwardStaff(UserId(id(CITRA))),
    });
    rows.revision = 3;
    desk.tell(Input::Plan(plan(&rows)));
    let mut ruled = Caller::new(&sari, "100");
    ruled.call_id = "ruled".into();
    let mut ruled = desk.dial_as(ruled, "", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    desk.expect(&sari, "SIP/2.0 181");
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    desk.answered(&mut ruled);
    desk.hang_up(&mut ruled, &citra);
    desk.silent(&budi);
    desk.rest();
}

#[test]
fn an_order_is_answered_and_done_once() {
    let mut desk = Desk::mortal();
    for (availability, expected) in [
        (undisturbed(true), Outcome::Done),
        (undisturbed(true), Outcome::AlreadySo),
        (undisturbed(false), Outcome::Done),
        (Availability::CallWaiting(true), Outcome::AlreadySo),
        (Availability::CallWaiting(false), Outcome::Done),
    ] {
        assert_eq!(orders(&mut desk, user(BUDI), availability), expected, "{availability:?}");
    }
    assert_eq!(standing(&desk, BUDI), (false, false, None));
    assert_eq!(orders(&mut desk, user(99), undisturbed(true)), Outcome::UnknownPerson);
    let bare = Person::Account(contract::id::AccountId(id(35)));
    assert_eq!(orders(&mut desk, bare, undisturbed(true)), Outcome::Done, "a bare account is a person too");
    // What was not known is written down, though it is as it would be without: a row might say otherwise.
    let settings: Vec<(Person, Setting)> =
        stored(&desk).iter().map(|row| (row.person, row.availability.setting())).collect();
    assert_eq!(
        settings,
        [
            (user(BUDI), Setting::DoNotDisturb),
            (user(BUDI), Setting::CallWaiting),
            (bare, Setting::DoNotDisturb)
        ]
    );
    desk.rest();
}

/// The later one holds, whoever says it, and whatever has become of the clock.
#[test]
fn what_was_turned_on_outlives_the_process_and_the_later_word_holds() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    orders(&mut desk, user(BUDI), undisturbed(true));
    orders(&mut desk, user(CITRA), Availability::CallWaiting(false));
    dies(&mut desk, &rows(), &[&sari, &budi]);
    assert_eq!(standing(&desk, BUDI), (true, true, None));
    assert_eq!(standing(&desk, CITRA), (false, false, None));
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    refused(&mut desk, &caller, 486);
    let at = stored(&desk)[0].changed_at.0;
    // An old row that comes late says nothing.
    desk.tell(Input::Availability(vec![row(BUDI, undisturbed(false), at - 1)]));
    assert!(standing(&desk, BUDI).0);
    // Somebody else has written one, by a clock that is ahead.
    desk.tell(Input::Availability(vec![row(BUDI, undisturbed(false), at + 3_600_000_000)]));
    assert!(!standing(&desk, BUDI).0);
    assert_eq!(orders(&mut desk, user(BUDI), undisturbed(true)), Outcome::Done);
    let last = *stored(&desk).first().expect("Budi's");
    assert_eq!((last.availability, last.changed_at.0), (undisturbed(true), at + 3_600_000_001));
    desk.tell(Input::Availability(vec![row(BUDI, undisturbed(false), at + 3_600_000_000)]));
    assert!(standing(&desk, BUDI).0, "what has happened here is later than the row");
    desk.tell(Input::Availability(vec![row(99, undisturbed(true), at)]));
    desk.rest();
}

#[test]
fn whoever_leaves_the_plan_is_forgotten() {
    let mut desk = Desk::mortal();
    orders(&mut desk, user(CITRA), undisturbed(true));
    let mut without = rows();
    without.organisations[0].staff.pop();
    without.organisations[0].extensions[0].staff.pop();
    without.organisations[0].accounts.retain(|account| account.user != Some(UserId(id(CITRA))));
    without.revision = 2;
    desk.tell(Input::Plan(plan(&without)));
    desk.tell(Input::Availability(stored(&desk)));
    desk.tell(Input::Plan(plan(&rows())));
    assert!(!standing(&desk, CITRA).0, "nothing of one who was not in the plan was kept");
    desk.tell(Input::Availability(stored(&desk)));
    assert!(standing(&desk, CITRA).0, "and the rows know");
    desk.rest();
}

#[test]
fn no_queue_asks_who_does_not_want_to_be_disturbed() {
    let mut rows = rows();
    let extension = &mut rows.organisations[0].extensions[0];
    (extension.staff, extension.queue) = (vec![UserId(id(BUDI)), UserId(id(CITRA))], Some(queue()));
    rows.revision = 2;
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(Input::Plan(plan(&rows)));
    orders(&mut desk, user(BUDI), undisturbed(true));
    let state = desk.board.live_queues()[0].agents[0].state;
    assert_eq!(state, AgentState::DoNotDisturb);
    let mut caller = desk.line_up(&sari, "100");
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 486, None));
    desk.expect(&citra, "ACK");
    // Whoever has turned it off is asked at once.
    orders(&mut desk, user(BUDI), undisturbed(false));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.goes(&mut caller);
    desk.expect(&budi, "CANCEL");
    desk.from(&budi, &budi.respond(&invite, 487, None));
    desk.expect(&budi, "ACK");
    for n in [BUDI, CITRA] {
        orders(&mut desk, user(n), undisturbed(true));
    }
    let mut nobody = Caller::new(&sari, "100");
    nobody.call_id = "nobody".into();
    let nobody = desk.dial_as(nobody, "", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(heard(&desk, 3), "id/queue-closed", "nobody is there to answer");
    desk.played(3);
    refused(&mut desk, &nobody, 480);
    desk.rest();
}

/// A transferor has the call again, whatever they have turned on meanwhile: it is theirs.
#[test]
fn a_call_that_comes_back_rings_at_whoever_has_sent_it_on() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let (mut caller, to_budi) = desk.talk(&sari, &budi, "1002");
    let refer = budi.request("REFER", 1, &to_budi, "Refer-To: <sip:1003@demo.sambung.test>\r\n", None);
    desk.from(&budi, &refer);
    desk.expect(&budi, "SIP/2.0 202");
    let notify = desk.expect(&budi, "NOTIFY");
    desk.from(&budi, &budi.respond(&notify, 200, None));
    let invite = desk.expect(&citra, "INVITE");
    orders(&mut desk, user(BUDI), undisturbed(true));
    orders(&mut desk, user(BUDI), Availability::CallWaiting(false));
    desk.from(&budi, &budi.request("BYE", 2, &to_budi, "", None));
    desk.expect(&budi, "SIP/2.0 200");
    desk.from(&citra, &citra.respond(&invite, 486, None));
    desk.expect(&citra, "ACK");
    let back = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&back, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let moved = desk.expect(&sari, "INVITE");
    desk.from(&sari, &caller.respond(&moved, 200, Some(&sari.sdp())));
    desk.expect(&sari, "ACK");
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// A call that they have ordered is theirs, too.
#[test]
fn whoever_has_ordered_a_call_is_rung_for_it() {
    let mut desk = Desk::mortal();
    let [_, budi] = desk.two();
    orders(&mut desk, user(BUDI), undisturbed(true));
    let (from, to) = ("1002".to_owned(), "1001".to_owned());
    desk.tell(Input::Command(Command::Call { org: None, call: None, from, to, auto_answer: false }));
    assert!(matches!(desk.outcomes.pop(), Some(Outcome::Called(_))));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    desk.rest();
}

#[test]
fn whoever_calls_the_emergency_services_can_be_called_back() {
    let mut scene = outside::Scene::new(&outside(|_| {}));
    orders(&mut scene.desk, user(11), undisturbed(true));
    let caller = scene.dial("0812000001");
    let first = scene.first.clone();
    scene.refuses(&first, 486);
    scene.refused(&caller, 486);
    assert!(standing(&scene.desk, 11).0, "of any other call nothing follows");
    let mut emergency = scene.talks("112");
    assert!(!standing(&scene.desk, 11).0);
    assert_eq!(stored(&scene.desk)[0].availability, undisturbed(false));
    scene.desk.hang_up(&mut emergency, &first);
    scene.desk.rest();
}

/// RFC 4235 has no word for it: it is shown as a call.
#[test]
fn a_lamp_is_lit_while_somebody_does_not_want_to_be_disturbed() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let (_, first) = desk.watch(&sari, "1002", "dialog");
    assert!(lamps(&first).is_empty());
    orders(&mut desk, user(BUDI), undisturbed(true));
    assert_eq!(lamps(&desk.notified(&sari).1), ["recipient confirmed"]);
    orders(&mut desk, user(BUDI), Availability::CallWaiting(false));
    desk.silent(&sari);
    // There is nothing behind it to pick up.
    let relief = dials(&mut desk, &sari, "**1002", "relief");
    refused(&mut desk, &relief, 480);
    assert_eq!(desk.detail("failed"), "nothing_rings/480");
    desk.silent(&budi);
    orders(&mut desk, user(BUDI), undisturbed(false));
    assert_eq!(lamps(&desk.notified(&sari).1), ["recipient terminated"]);
    desk.wait(Duration::from_secs(600));
    assert_eq!(desk.notified(&sari).0, "terminated;reason=timeout");
    desk.rest();
}

#[test]
fn without_call_waiting_a_second_call_finds_its_person_busy() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let (mut first, _) = desk.talk(&sari, &budi, "1002");
    // With it, as everybody has it who has not turned it off, the phone is rung and says itself what it makes of it.
    let second = desk.dial(&citra, "1002", Some(&citra.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    refused(&mut desk, &second, 486);
    let told = dialled(&mut desk, &budi, "*71", "off");
    is_told(&mut desk, (&budi, &told), 4, "id/call-waiting-off");
    assert_eq!(desk.detail("answered"), "call_waiting_off/-");
    let mut third = Caller::new(&citra, "1002");
    third.call_id = "third".into();
    let third = desk.dial_as(third, "", Some(&citra.sdp()));
    desk.expect(&citra, "SIP/2.0 100");
    refused(&mut desk, &third, 486);
    desk.silent(&budi);
    assert_eq!(desk.detail("busy"), "busy/-");
    desk.hang_up(&mut first, &budi);
    // Nobody who is in no call is busy.
    let mut fourth = Caller::new(&citra, "1002");
    fourth.call_id = "fourth".into();
    let fourth = desk.dial_as(fourth, "", Some(&citra.sdp()));
    desk.expect(&citra, "SIP/2.0 100");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&citra, "SIP/2.0 180");
    desk.from(&citra, &fourth.cancel(""));
    desk.expect(&citra, "SIP/2.0 200");
    let gone = desk.expect(&citra, "SIP/2.0 487");
    desk.from(&citra, &fourth.ack_refusal(&gone));
    desk.expect(&budi, "CANCEL");
    desk.from(&budi, &budi.respond(&invite, 487, None));
    desk.expect(&budi, "ACK");
    let told = dialled(&mut desk, &budi, "*70", "on");
    is_told(&mut desk, (&budi, &told), 8, "id/call-waiting-on");
    assert_eq!(standing(&desk, BUDI), (false, true, None));
    desk.rest();
}

/// On all phones of the person, and one that rings counts too.
#[test]
fn without_call_waiting_whoever_is_rung_is_busy_on_every_phone() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let citra = desk.phone("1003", "198.51.100.3:5060");
    orders(&mut desk, user(BUDI), Availability::CallWaiting(false));
    let mut first = dials(&mut desk, &sari, "1002", "first");
    let invites = [&budi, &mobile].map(|phone| desk.expect(phone, "INVITE"));
    desk.from(&budi, &budi.respond(&invites[0], 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    let finds_him_busy = |desk: &mut Desk, call_id: &str| {
        let second = dials(desk, &citra, "1002", call_id);
        refused(desk, &second, 486);
        assert_eq!(desk.detail("busy"), "busy/-");
        desk.silent(&budi);
        desk.silent(&mobile);
    };
    finds_him_busy(&mut desk, "while-it-rings");
    desk.from(&mobile, &mobile.respond(&invites[1], 200, Some(&mobile.sdp())));
    desk.expect(&mobile, "ACK");
    desk.answered(&mut first);
    let cancel = desk.expect(&budi, "CANCEL");
    desk.from(&budi, &budi.respond(&cancel, 200, None));
    desk.from(&budi, &budi.respond(&invites[0], 487, None));
    desk.expect(&budi, "ACK");
    finds_him_busy(&mut desk, "while-he-talks");
    desk.hang_up(&mut first, &mobile);
    desk.rest();
}

/// By code, by order or because of calls that were not taken: whoever was paused is, after a restart, for the same reason.
#[test]
fn an_agent_s_pause_outlives_the_process_with_its_reason() {
    let mut rows = rows();
    let extension = &mut rows.organisations[0].extensions[0];
    let misses = contract::queues::Queue { misses_max: 1, ..queue() };
    (extension.staff, extension.queue) = (vec![UserId(id(BUDI)), UserId(id(CITRA))], Some(misses));
    rows.revision = 2;
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(Input::Plan(plan(&rows)));
    let told = dialled(&mut desk, &budi, "*46", "pause");
    is_told(&mut desk, (&budi, &told), 0, "id/agent-paused");
    let mut caller = desk.line_up(&sari, "100");
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 486, None));
    desk.expect(&citra, "ACK");
    desk.goes(&mut caller);
    dies(&mut desk, &rows, &[&sari, &budi, &citra]);
    assert_eq!(standing(&desk, BUDI).2, Some(AgentPause::Order));
    assert_eq!(standing(&desk, CITRA).2, Some(AgentPause::Missed));
    let states: Vec<AgentState> = desk.board.live_queues()[0].agents.iter().map(|one| one.state).collect();
    assert_eq!(states, [AgentState::Paused, AgentState::Missed]);
    let told = dialled(&mut desk, &budi, "*46", "resume");
    is_told(&mut desk, (&budi, &told), 40, "id/agent-resumed");
    dies(&mut desk, &rows, &[&sari, &budi, &citra]);
    assert_eq!(standing(&desk, BUDI).2, None, "and who came back is back");
    desk.rest();
}
