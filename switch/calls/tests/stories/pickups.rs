//! Somebody is to take a call that rings elsewhere, by order: their own phones ring in it too, and whoever answers first has it.

use std::time::Duration;

use calls::{Command, Input};
use contract::{
    availability::Person,
    command::Outcome,
    id::{CallId, OrgId, UserId},
    journal::{Fact, ParticipantRole},
};
use sip::OwnedMessage;

use crate::{
    codecs::transcoding,
    desk::{
        Caller, Desk, Phone, header, id, plan, rows,
        sound::{heard, is_joined},
    },
    led::rows_with,
    queues::queue,
    redirects::moved,
};

/// Sari calls 1002, which rings at Budi's; Citra has a phone.
struct Scene {
    desk: Desk,
    caller: Caller,
    to_budi: OwnedMessage,
    sari: Phone,
    budi: Phone,
    citra: Phone,
}

#[track_caller]
fn orders(desk: &mut Desk, command: Command) -> Outcome {
    desk.tell(Input::Command(command));
    desk.outcomes.pop().expect("an outcome")
}

/// Whoever has that number is to take the call that came last.
#[track_caller]
fn is_to_take(desk: &mut Desk, by: &str, auto_answer: bool) -> Outcome {
    let call = *desk.live.keys().next_back().expect("a call is up");
    orders(desk, Command::PickUp { org: None, call, by: by.into(), auto_answer })
}

/// It stops to ring at a phone that was asked by this.
#[track_caller]
pub fn falls_silent(desk: &mut Desk, phone: &Phone, invite: &OwnedMessage, is_taken: bool) {
    let cancel = desk.expect(phone, "CANCEL");
    let reason = header(&cancel, "Reason").unwrap_or_default();
    assert_eq!(reason.contains("Call completed elsewhere"), is_taken, "{reason}");
    desk.from(phone, &phone.respond(&cancel, 200, None));
    desk.from(phone, &phone.respond(invite, 487, None));
    desk.expect(phone, "ACK");
}

#[track_caller]
fn declines(desk: &mut Desk, phone: &Phone, invite: &OwnedMessage, status: u16) {
    desk.from(phone, &phone.respond(invite, status, None));
    desk.expect(phone, "ACK");
}

impl Scene {
    fn ringing() -> Self {
        Self::with(Desk::mortal_with(transcoding()), "")
    }

    fn with(mut desk: Desk, headers: &str) -> Self {
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        let caller = desk.dial_with(&sari, "1002", headers, Some(&sari.sdp()));
        desk.expect(&sari, "SIP/2.0 100");
        let to_budi = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&to_budi, 180, None));
        desk.expect(&sari, "SIP/2.0 180");
        Self { desk, caller, to_budi, sari, budi, citra }
    }

    /// Citra is to take it, and her phone is asked.
    #[track_caller]
    fn rings_at_citra_s(&mut self) -> OwnedMessage {
        assert_eq!(is_to_take(&mut self.desk, "1003", false), Outcome::Done);
        let invite = self.desk.expect(&self.citra, "INVITE");
        self.desk.from(&self.citra, &self.citra.respond(&invite, 180, None));
        self.desk.silent(&self.sari);
        self.desk.silent(&self.budi);
        invite
    }

    #[track_caller]
    fn citra_answers(&mut self, invite: &OwnedMessage) {
        self.desk.from(&self.citra, &self.citra.respond(invite, 200, Some(&self.citra.sdp())));
        self.desk.expect(&self.citra, "ACK");
    }

    #[track_caller]
    fn budi_answers(&mut self) {
        self.desk.from(&self.budi, &self.budi.respond(&self.to_budi, 200, Some(&self.budi.sdp())));
        self.desk.expect(&self.budi, "ACK");
    }

    /// Sari talks with this one, and hangs up.
    #[track_caller]
    fn talks_with(&mut self, phone: &Phone) {
        self.desk.answered(&mut self.caller);
        self.desk.hang_up(&mut self.caller, phone);
    }

    /// The caller is told that.
    #[track_caller]
    fn is_refused(&mut self, line: &str) {
        let refusal = self.desk.expect(&self.sari, line);
        self.desk.from(&self.sari, &self.caller.ack_refusal(&refusal));
    }
}

#[test]
fn whoever_is_to_take_a_call_rings_beside_those_who_ring_and_has_it_when_they_answer() {
    let mut scene = Scene::ringing();
    let to_citra = scene.rings_at_citra_s();
    assert!(
        header(&to_citra, "From").unwrap().starts_with("\"Sari\" <sip:1001@"),
        "her phone shows who calls"
    );
    assert_eq!(header(&to_citra, "Alert-Info"), None);
    scene.citra_answers(&to_citra);
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    falls_silent(&mut scene.desk, &budi, &scene.to_budi, true);
    assert!(is_joined(&scene.desk, 0, 2));
    scene.talks_with(&citra);
    assert_eq!(scene.desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    assert_eq!(scene.desk.detail("answered"), "picked_up/-");
    let people: Vec<_> = scene.desk.participants().iter().map(|one| (one.role, one.reference)).collect();
    use ParticipantRole::{Caller, Host, Recipient};
    assert_eq!(people, [(Host, id(12)), (Caller, id(11)), (Recipient, id(13))]);
    scene.desk.rest();
}

#[test]
fn those_it_has_led_to_may_answer_first_and_nothing_says_otherwise() {
    let mut scene = Scene::ringing();
    let to_citra = scene.rings_at_citra_s();
    scene.budi_answers();
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    falls_silent(&mut scene.desk, &citra, &to_citra, true);
    scene.talks_with(&budi);
    assert_eq!(scene.desk.detail("answered"), "-/-");
    scene.desk.rest();
}

/// Both answer in the same instant: whose answer is first has the call, and the other one is let go.
#[test]
fn of_two_answers_in_one_instant_the_first_has_the_call() {
    for is_citra_first in [true, false] {
        let mut scene = Scene::ringing();
        let to_citra = scene.rings_at_citra_s();
        let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
        let of_citra = citra.respond(&to_citra, 200, Some(&citra.sdp()));
        let of_budi = budi.respond(&scene.to_budi, 200, Some(&budi.sdp()));
        let mut both = [(&citra, of_citra), (&budi, of_budi)];
        if !is_citra_first {
            both.reverse();
        }
        for (phone, answer) in &both {
            scene.desk.from(phone, answer);
        }
        let [(winner, _), (loser, _)] = both;
        scene.desk.expect(winner, "ACK");
        let cancel = scene.desk.expect(loser, "CANCEL");
        scene.desk.from(loser, &loser.respond(&cancel, 200, None));
        scene.desk.expect(loser, "ACK");
        let bye = scene.desk.expect(loser, "BYE");
        scene.desk.from(loser, &loser.respond(&bye, 200, None));
        let winner = winner.clone();
        scene.talks_with(&winner);
        let reason = if is_citra_first { "picked_up/-" } else { "-/-" };
        assert_eq!((scene.desk.detail("answered").as_str(), scene.desk.participants().len()), (reason, 3));
        scene.desk.rest();
    }
}

#[test]
fn only_the_phones_of_whoever_is_to_take_it_are_asked_to_answer_by_themselves() {
    let mut scene = Scene::ringing();
    assert_eq!(header(&scene.to_budi, "Alert-Info"), None);
    assert_eq!(is_to_take(&mut scene.desk, "1003", true), Outcome::Done);
    let to_citra = scene.desk.expect(&scene.citra, "INVITE");
    assert!(header(&to_citra, "Alert-Info").unwrap().contains("alert-autoanswer"));
    assert!(header(&to_citra, "Call-Info").unwrap().contains("answer-after=0"));
    // By another phone of Budi's it goes on to a phone that nobody asked to.
    let other = scene.desk.phone("u0", "198.51.100.4:5060");
    let moved = moved(&scene.budi, &scene.to_budi, 302, "<sip:u0@demo.sambung.test>");
    scene.desk.from(&scene.budi, &moved);
    scene.desk.expect(&scene.budi, "ACK");
    let to_other = scene.desk.expect(&other, "INVITE");
    scene.desk.from(&other, &other.respond(&to_other, 180, None));
    assert_eq!(header(&to_other, "Alert-Info"), None);
    scene.citra_answers(&to_citra);
    falls_silent(&mut scene.desk, &other, &to_other, true);
    let citra = scene.citra.clone();
    scene.talks_with(&citra);
    scene.desk.rest();
}

/// It is their own order, so what they have turned on does not stop it.
#[test]
fn do_not_disturb_stops_nobody_s_own_order() {
    let mut scene = Scene::ringing();
    let (org, person) = (OrgId(id(1)), Person::User(UserId(id(13))));
    let order = Command::DoNotDisturb { org, person, is_on: true };
    assert_eq!(orders(&mut scene.desk, order), Outcome::Done);
    let to_citra = scene.rings_at_citra_s();
    scene.citra_answers(&to_citra);
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    falls_silent(&mut scene.desk, &budi, &scene.to_budi, true);
    scene.talks_with(&citra);
    scene.desk.rest();
}

#[test]
fn what_cannot_be_taken_is_refused_and_nobody_notices() {
    let mut scene = Scene::ringing();
    scene.desk.phone("u0", "198.51.100.4:5060");
    let call = *scene.desk.live.keys().next().unwrap();
    let order = |org, call, by: &str| Command::PickUp { org, call, by: by.into(), auto_answer: false };
    let own = Some(OrgId(id(1)));
    for (command, outcome) in [
        (order(None, CallId(id(9)), "1003"), Outcome::UnknownCall),
        (order(Some(OrgId(id(2))), call, "1003"), Outcome::UnknownCall),
        (order(own, call, "1009"), Outcome::UnknownCaller),
        (order(own, call, "100"), Outcome::UnknownCaller),
        (order(own, call, "callee"), Outcome::UnknownCaller),
        (order(own, call, "1001"), Outcome::IsTheirs),
        (order(own, call, "1002"), Outcome::IsTheirs),
        (order(own, call, "1002-mobile"), Outcome::UnknownCaller),
    ] {
        assert_eq!(orders(&mut scene.desk, command.clone()), outcome, "{command:?}");
        scene.desk.silent(&scene.citra);
    }
    let to_citra = scene.rings_at_citra_s();
    assert_eq!(is_to_take(&mut scene.desk, "1003", true), Outcome::AlreadySo);
    scene.desk.silent(&scene.citra);
    // A bare account may take it too; and who has let it ring is asked again by an order that comes again.
    assert_eq!(orders(&mut scene.desk, order(own, call, "u0")), Outcome::Done);
    let bare = Phone::new("u0", "198.51.100.4:5060");
    let to_bare = scene.desk.expect(&bare, "INVITE");
    declines(&mut scene.desk, &bare, &to_bare, 486);
    assert_eq!(orders(&mut scene.desk, order(own, call, "u0")), Outcome::Done);
    let to_bare = scene.desk.expect(&bare, "INVITE");
    scene.desk.from(&bare, &bare.respond(&to_bare, 180, None));
    scene.budi_answers();
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    falls_silent(&mut scene.desk, &citra, &to_citra, true);
    falls_silent(&mut scene.desk, &bare, &to_bare, true);
    scene.desk.answered(&mut scene.caller);
    assert_eq!(is_to_take(&mut scene.desk, "1003", false), Outcome::NotNow);
    scene.desk.hang_up(&mut scene.caller, &budi);
    assert_eq!(orders(&mut scene.desk, order(own, call, "1003")), Outcome::UnknownCall);
    scene.desk.rest();
}

/// What it comes to is for those to say to whom it has led.
#[test]
fn who_was_to_take_it_and_does_not_leaves_no_trace() {
    for status in [486, 488, 603, 302] {
        let mut scene = Scene::ringing();
        let to_citra = scene.rings_at_citra_s();
        let answer = moved(&scene.citra, &to_citra, status, "<sip:u0@demo.sambung.test>");
        scene.desk.from(&scene.citra, &answer);
        scene.desk.expect(&scene.citra, "ACK");
        scene.desk.silent(&scene.sari);
        assert_eq!(scene.desk.events(), ["created", "ringing"], "{status}");
        let budi = scene.budi.clone();
        declines(&mut scene.desk, &budi, &scene.to_budi, 480);
        scene.is_refused("SIP/2.0 480");
        assert_eq!(
            (scene.desk.detail("failed"), scene.desk.participants().len()),
            ("unreachable/480".into(), 2)
        );
        scene.desk.rest();
    }
}

/// Budi is busy: it may still be taken, and if it is not, the caller is told what Budi has said and not that nobody answered.
#[test]
fn a_call_that_rings_for_nobody_else_any_more_may_be_taken_for_as_long_as_it_would_have_rung() {
    for is_taken in [true, false] {
        let mut scene = Scene::ringing();
        let to_citra = scene.rings_at_citra_s();
        let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
        declines(&mut scene.desk, &budi, &scene.to_budi, 486);
        scene.desk.silent(&scene.sari);
        scene.desk.wait(Duration::from_secs(30));
        if is_taken {
            scene.citra_answers(&to_citra);
            scene.talks_with(&citra);
            assert_eq!(scene.desk.detail("answered"), "picked_up/-");
        } else {
            scene.desk.wait(Duration::from_secs(30));
            falls_silent(&mut scene.desk, &citra, &to_citra, false);
            scene.is_refused("SIP/2.0 486");
            assert_eq!(scene.desk.events(), ["created", "ringing", "busy", "ended"]);
        }
        scene.desk.rest();
    }
}

/// As it would have without the order.
#[test]
fn a_call_goes_where_the_last_phone_that_it_rang_for_sends_it() {
    let mut scene = Scene::with(Desk::speaking(), "");
    scene.desk.tell(Input::Plan(plan(&rows_with(queue()))));
    let to_citra = scene.rings_at_citra_s();
    let answer = moved(&scene.budi, &scene.to_budi, 302, "<sip:*1003@demo.sambung.test>");
    scene.desk.from(&scene.budi, &answer);
    scene.desk.expect(&scene.budi, "ACK");
    let citra = scene.citra.clone();
    falls_silent(&mut scene.desk, &citra, &to_citra, true);
    scene.desk.answered(&mut scene.caller);
    assert_eq!(heard(&scene.desk, 0), "id/voicemail-greeting tone/beep");
    scene.desk.goes(&mut scene.caller);
    scene.desk.rest();
}

/// Who rings by order is not rung by the call once more, and is there for it when the order has come to nothing.
#[test]
fn who_rings_by_order_is_led_to_once() {
    for is_declined in [false, true] {
        let mut scene = Scene::ringing();
        let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
        let mut to_citra = scene.rings_at_citra_s();
        if is_declined {
            declines(&mut scene.desk, &citra, &to_citra, 486);
        }
        let answer = moved(&budi, &scene.to_budi, 302, "<sip:1003@demo.sambung.test>");
        scene.desk.from(&budi, &answer);
        scene.desk.expect(&budi, "ACK");
        if is_declined {
            to_citra = scene.desk.expect(&citra, "INVITE");
        }
        scene.citra_answers(&to_citra);
        scene.talks_with(&citra);
        assert_eq!(scene.desk.detail("answered"), if is_declined { "-/-" } else { "picked_up/-" });
        scene.desk.rest();
    }
}

#[test]
fn a_caller_who_gives_up_is_not_rung_for_any_more() {
    let mut scene = Scene::ringing();
    let to_citra = scene.rings_at_citra_s();
    let cancel = scene.caller.cancel("");
    scene.desk.from(&scene.sari, &cancel);
    scene.desk.expect(&scene.sari, "SIP/2.0 200");
    scene.is_refused("SIP/2.0 487");
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    falls_silent(&mut scene.desk, &budi, &scene.to_budi, false);
    falls_silent(&mut scene.desk, &citra, &to_citra, false);
    assert_eq!(scene.desk.events(), ["created", "ringing", "canceled", "ended"]);
    scene.desk.rest();
}

/// RFC 5393 §5.3.3: what rings has what there was; and a call has so many legs at most.
#[test]
fn no_more_devices_ring_than_the_caller_and_the_switch_let() {
    let mut limited = transcoding();
    limited.limits.legs_per_call_max = 1;
    for (desk, headers) in [(Desk::new(), "Max-Breadth: 1\r\n"), (Desk::with(limited, 32), "")] {
        let mut scene = Scene::with(desk, headers);
        assert_eq!(is_to_take(&mut scene.desk, "1003", false), Outcome::TooBroad);
        scene.desk.silent(&scene.citra);
        scene.budi_answers();
        let budi = scene.budi.clone();
        scene.talks_with(&budi);
        scene.desk.rest();
    }
}

#[test]
fn without_ports_for_it_the_order_is_refused_and_it_rings_on() {
    let mut scene = Scene::with(Desk::with(transcoding(), 2), "");
    assert_eq!(is_to_take(&mut scene.desk, "1003", false), Outcome::NotNow);
    scene.desk.silent(&scene.citra);
    let budi = scene.budi.clone();
    declines(&mut scene.desk, &budi, &scene.to_budi, 480);
    scene.is_refused("SIP/2.0 480");
    assert_eq!(scene.desk.detail("failed"), "unreachable/480");
    scene.desk.rest();
}

/// Decision 0014: the next process knows who was to take it.
#[test]
fn an_order_to_take_a_call_outlives_the_process() {
    for is_citra in [true, false] {
        let mut scene = Scene::ringing();
        let to_citra = scene.rings_at_citra_s();
        scene.desk.die();
        scene.desk.tell(Input::Restore(scene.desk.bindings.values().cloned().collect()));
        assert_eq!(is_to_take(&mut scene.desk, "1003", false), Outcome::AlreadySo);
        let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
        if is_citra {
            scene.citra_answers(&to_citra);
            falls_silent(&mut scene.desk, &budi, &scene.to_budi, true);
            scene.talks_with(&citra);
            assert_eq!(scene.desk.detail("answered"), "picked_up/-");
        } else {
            declines(&mut scene.desk, &citra, &to_citra, 603);
            scene.budi_answers();
            scene.talks_with(&budi);
            assert_eq!(scene.desk.detail("answered"), "-/-");
        }
        scene.desk.rest();
    }
}

#[test]
fn what_a_queue_asks_of_its_own_people_is_not_taken() {
    let mut desk = Desk::speaking();
    let [sari, _] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(Input::Plan(plan(&rows_with(queue()))));
    let mut caller = desk.line_up(&sari, "100");
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 180, None));
    assert_eq!(is_to_take(&mut desk, "1002", false), Outcome::NotNow);
    desk.goes(&mut caller);
    falls_silent(&mut desk, &citra, &invite, false);
    desk.rest();
}

#[test]
fn whoever_takes_a_call_by_order_is_recorded_as_those_are_whom_it_rang_for() {
    let mut desk = Desk::with(transcoding(), 32);
    let mut rows = rows();
    rows.organisations[0].extensions[0].recording = Some(contract::snapshot::RecordingPolicy::Always);
    desk.tell(Input::Plan(plan(&rows)));
    let [sari, budi] = desk.two();
    let bare = desk.phone("u0", "198.51.100.4:5060");
    let mut caller = desk.dial(&sari, "100", Some(&sari.sdp()));
    let to_budi = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&to_budi, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    assert_eq!(is_to_take(&mut desk, "u0", false), Outcome::Done);
    let to_bare = desk.expect(&bare, "INVITE");
    desk.from(&bare, &bare.respond(&to_bare, 200, Some(&bare.sdp())));
    desk.expect(&bare, "ACK");
    falls_silent(&mut desk, &budi, &to_budi, true);
    desk.answered(&mut caller);
    assert_eq!(desk.recordings.len(), 1, "it is recorded");
    desk.hang_up(&mut caller, &bare);
    assert!(desk.journal.iter().any(|entry| matches!(&entry.fact, Fact::Event(event) if event.detail.reason.as_deref() == Some("picked_up"))));
    desk.rest();
}
