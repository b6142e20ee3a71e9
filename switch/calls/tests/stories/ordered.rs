//! Calls that somebody orders: the phones of whoever is to call ring first, and then it is as if they had dialled (click-to-call).

mod again;

use std::time::Duration;

use calls::{Input, SwitchboardConfig};
use contract::{
    command::{Command, Outcome},
    id::CallId,
    journal::{Direction, Fact, ParticipantRole},
    outside::Allowance,
    time::Timestamp,
};
use sip::OwnedMessage;
use streams::media::MediaEvent;

use crate::{
    codecs::transcoding,
    desk::{
        DOMAIN, Desk, Phone,
        asking::lamps,
        header, lease, plan,
        sound::{audio, heard, is_joined},
    },
    led::rows_with,
    outside, pages,
    queues::queue,
};

const RING_BACK: &str = "*tone/ringing";

/// Sari, Budi and Citra, registered.
struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    citra: Phone,
}

#[track_caller]
fn order(desk: &mut Desk, from: &str, to: &str) -> Outcome {
    ordered(desk, from, to, (None, false))
}

#[track_caller]
fn ordered(desk: &mut Desk, from: &str, to: &str, (call, auto_answer): (Option<CallId>, bool)) -> Outcome {
    let command = Command::Call { org: None, call, from: from.into(), to: to.into(), auto_answer };
    desk.tell(Input::Command(command));
    desk.outcomes.pop().expect("an outcome")
}

impl Scene {
    fn new() -> Self {
        let mut desk = Desk::mortal_with(SwitchboardConfig { hold_music: true, ..transcoding() });
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        Self { desk, sari, budi, citra }
    }

    /// Sari is to call this, and her phone rings.
    #[track_caller]
    fn sari_is_to_call(&mut self, number: &str) -> OwnedMessage {
        let Outcome::Called(call) = order(&mut self.desk, "1001", number) else { panic!("it is refused") };
        assert!(self.desk.live.contains_key(&call));
        let invite = self.desk.expect(&self.sari, "INVITE");
        self.desk.from(&self.sari, &self.sari.respond(&invite, 180, None));
        invite
    }

    #[track_caller]
    fn sari_answers(&mut self, invite: &OwnedMessage) {
        let ok = self.sari.respond(invite, 200, Some(&self.sari.sdp()));
        self.desk.from(&self.sari, &ok);
        self.desk.expect(&self.sari, "ACK");
    }

    /// Sari's phone is told what whoever she talks to has said.
    #[track_caller]
    fn sari_is_told(&mut self) {
        let reinvite = self.desk.expect(&self.sari, "INVITE");
        self.desk.from(&self.sari, &self.sari.respond(&reinvite, 200, Some(&self.sari.sdp())));
        self.desk.expect(&self.sari, "ACK");
    }

    /// Sari, on lease 0, has been put through to Budi, on lease 1; the INVITEs of both.
    #[track_caller]
    fn talking(&mut self) -> [OwnedMessage; 2] {
        let to_sari = self.sari_is_to_call("1002");
        self.sari_answers(&to_sari);
        let to_budi = self.desk.expect(&self.budi, "INVITE");
        self.desk.from(&self.budi, &self.budi.respond(&to_budi, 180, None));
        self.desk.from(&self.budi, &self.budi.respond(&to_budi, 200, Some(&self.budi.sdp())));
        self.desk.expect(&self.budi, "ACK");
        self.sari_is_told();
        [to_sari, to_budi]
    }

    #[track_caller]
    fn sari_hangs_up(&mut self, invite: &OwnedMessage) {
        let bye = self.sari.request("BYE", 90, invite, "", None);
        self.desk.from(&self.sari, &bye);
        self.desk.expect(&self.sari, "SIP/2.0 200");
    }

    #[track_caller]
    fn is_let_go(&mut self, phone: &Phone) {
        let bye = self.desk.expect(phone, "BYE");
        self.desk.from(phone, &phone.respond(&bye, 200, None));
    }
}

#[test]
fn whoever_answers_has_dialled_the_number_and_talks_as_in_any_call() {
    let mut scene = Scene::new();
    let to_sari = scene.sari_is_to_call("1002");
    assert!(header(&to_sari, "From").unwrap().starts_with("\"Budi\" <sip:1002@"), "her phone shows whom");
    assert_eq!(header(&to_sari, "Alert-Info"), None);
    assert_eq!(scene.desk.events(), ["created", "dial_attempt(2)"]);
    scene.desk.silent(&scene.budi);
    scene.sari_answers(&to_sari);
    assert_eq!(heard(&scene.desk, 0), RING_BACK);
    let to_budi = scene.desk.expect(&scene.budi, "INVITE");
    assert!(header(&to_budi, "From").unwrap().starts_with("\"Sari\" <sip:1001@"));
    scene.desk.from(&scene.budi, &scene.budi.respond(&to_budi, 180, None));
    scene.desk.from(&scene.budi, &scene.budi.respond(&to_budi, 200, Some(&scene.budi.sdp())));
    scene.desk.expect(&scene.budi, "ACK");
    assert!(is_joined(&scene.desk, 0, 1));
    assert_eq!(heard(&scene.desk, 0), "");
    scene.sari_is_told();
    scene.sari_hangs_up(&to_sari);
    let budi = scene.budi.clone();
    scene.is_let_go(&budi);
    assert_eq!(scene.desk.events(), ["created", "dial_attempt(2)", "ringing", "answered(3)", "ended"]);
    assert_eq!(scene.desk.detail("ended"), "caller_hung_up/-");
    let roles: Vec<ParticipantRole> = scene.desk.participants().iter().map(|one| one.role).collect();
    assert_eq!(roles, [ParticipantRole::Host, ParticipantRole::Caller, ParticipantRole::Recipient]);
    assert!(scene.desk.legs().iter().all(|leg| leg.participant.is_some() && leg.answered_at.is_some()));
    scene.desk.rest();
}

#[test]
fn a_caller_who_is_not_there_has_not_called_anybody() {
    let outcomes: [(Option<u16>, &str, &str, &str); 4] = [
        (Some(603), "canceled", "caller_declined", "caller_declined/603"),
        (Some(486), "canceled", "caller_busy", "caller_busy/486"),
        (Some(302), "failed", "caller_unreachable", "caller_unreachable/302"),
        (None, "canceled", "caller_no_answer", "caller_no_answer/-"),
    ];
    for (status, event, reason, ended) in outcomes {
        let mut scene = Scene::new();
        let invite = scene.sari_is_to_call("1002");
        match status {
            Some(status) => {
                scene.desk.from(&scene.sari, &scene.sari.respond(&invite, status, None));
                scene.desk.expect(&scene.sari, "ACK");
            }
            None => {
                scene.desk.wait(Duration::from_secs(60));
                let cancel = scene.desk.expect(&scene.sari, "CANCEL");
                scene.desk.from(&scene.sari, &scene.sari.respond(&cancel, 200, None));
                scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 487, None));
                scene.desk.expect(&scene.sari, "ACK");
            }
        }
        assert_eq!(scene.desk.events(), ["created", "dial_attempt(2)", event, "ended"], "{reason}");
        assert_eq!((scene.desk.detail(event), scene.desk.detail("ended")), (ended.into(), ended.into()));
        scene.desk.silent(&scene.budi);
        scene.desk.rest();
    }
}

/// Budi has two phones; both ring, and one that declines speaks for him.
#[test]
fn all_phones_of_the_caller_ring_and_the_first_that_answers_has_dialled() {
    for declines in [false, true] {
        let mut scene = Scene::new();
        let mobile = scene.desk.phone("1002-mobile", "198.51.100.9:5060");
        let Outcome::Called(_) = order(&mut scene.desk, "1002", "1001") else { panic!("it is refused") };
        let (desk, budi, sari) = (&mut scene.desk, &scene.budi, &scene.sari);
        let to_desk = desk.expect(budi, "INVITE");
        let to_mobile = desk.expect(&mobile, "INVITE");
        desk.from(budi, &budi.respond(&to_desk, 180, None));
        desk.from(&mobile, &mobile.respond(&to_mobile, 180, None));
        let status = if declines { 603 } else { 200 };
        desk.from(&mobile, &mobile.respond(&to_mobile, status, (!declines).then(|| mobile.sdp()).as_deref()));
        desk.expect(&mobile, "ACK");
        let cancel = desk.expect(budi, "CANCEL");
        assert_eq!(header(&cancel, "Reason").is_some(), !declines, "no missed call of one that was taken");
        desk.from(budi, &budi.respond(&cancel, 200, None));
        desk.from(budi, &budi.respond(&to_desk, 487, None));
        desk.expect(budi, "ACK");
        if declines {
            desk.silent(sari);
            assert_eq!(desk.events(), ["created", "dial_attempt(2)", "canceled", "ended"]);
        } else {
            let invite = desk.expect(sari, "INVITE");
            desk.from(sari, &sari.respond(&invite, 180, None));
            let bye = mobile.request("BYE", 1, &to_mobile, "", None);
            desk.from(&mobile, &bye);
            desk.expect(&mobile, "SIP/2.0 200");
            let cancel = desk.expect(sari, "CANCEL");
            desk.from(sari, &sari.respond(&cancel, 200, None));
            desk.from(sari, &sari.respond(&invite, 487, None));
            desk.expect(sari, "ACK");
            assert_eq!(desk.events(), ["created", "dial_attempt(2)", "ringing", "canceled", "ended"]);
        }
        desk.rest();
    }
}

#[test]
fn what_cannot_be_called_is_refused_before_any_phone_rings() {
    let mut scene = Scene::new();
    let mut rows = pages::groups();
    rows.organisations[0].extensions[0].takes_intercom = true;
    scene.desk.tell(Input::Plan(plan(&rows)));
    for (from, to, outcome) in [
        ("1009", "1002", Outcome::UnknownCaller),
        ("100", "1002", Outcome::UnknownCaller),
        ("u0", "1002", Outcome::UnknownCaller),
        ("1001", "4711", Outcome::UnknownNumber),
        ("1001", &"1".repeat(65), Outcome::UnknownNumber),
        ("1001", "1001", Outcome::NotThere),
        ("1001", "200", Outcome::NotThere),
        ("1001", "*43", Outcome::NotThere),
        ("1001", "**1002", Outcome::NotThere),
        ("1001", "700", Outcome::NotThere),
        ("1001", "*801002", Outcome::NotThere),
        ("1001", "*331002", Outcome::NotThere),
        ("1001", "8500", Outcome::NotThere),
    ] {
        assert_eq!(order(&mut scene.desk, from, to), outcome, "{from} {to}");
    }
    scene.desk.tell(Input::JournalPressure(true));
    assert_eq!(order(&mut scene.desk, "1001", "1002"), Outcome::NotNow);
    assert_eq!(scene.desk.events(), [""; 0]);
    scene.desk.rest();
}

#[test]
fn an_order_that_comes_again_makes_no_second_call() {
    let mut scene = Scene::new();
    let call = CallId::new(Timestamp(1_800_000_000_000_000), [7; 10]);
    let again = (Some(call), false);
    assert_eq!(ordered(&mut scene.desk, "1001", "1002", again), Outcome::Called(call));
    let invite = scene.desk.expect(&scene.sari, "INVITE");
    assert_eq!(ordered(&mut scene.desk, "1001", "1002", again), Outcome::AlreadySo);
    scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 603, None));
    scene.desk.expect(&scene.sari, "ACK");
    scene.desk.quiet();
    assert_eq!(ordered(&mut scene.desk, "1001", "1002", again), Outcome::AlreadySo, "long after it is over");
    scene.desk.rest();
}

#[test]
fn phones_are_asked_to_answer_by_themselves_only_if_that_is_ordered() {
    let mut scene = Scene::new();
    let Outcome::Called(_) = ordered(&mut scene.desk, "1001", "1002", (None, true)) else { panic!("no") };
    let invite = scene.desk.expect(&scene.sari, "INVITE");
    assert_eq!(
        header(&invite, "Alert-Info").unwrap(),
        format!("<http://{DOMAIN}>;info=alert-autoanswer;delay=0")
    );
    assert_eq!(header(&invite, "Call-Info").unwrap(), format!("<sip:{DOMAIN}>;answer-after=0"));
    scene.sari_answers(&invite);
    let to_budi = scene.desk.expect(&scene.budi, "INVITE");
    assert_eq!(header(&to_budi, "Alert-Info"), None, "whoever is called is not");
    scene.desk.from(&scene.budi, &scene.budi.respond(&to_budi, 486, None));
    scene.desk.expect(&scene.budi, "ACK");
    assert_eq!(heard(&scene.desk, 0), "id/busy");
    scene.desk.played(0);
    let sari = scene.sari.clone();
    scene.is_let_go(&sari);
    assert_eq!(scene.desk.events(), ["created", "dial_attempt(2)", "busy", "ended"]);
    scene.desk.rest();
}

/// Wherever the switch itself answers, the caller is there at once.
#[test]
fn queues_menus_and_mailboxes_are_called_as_if_they_had_been_dialled() {
    let kinds = [
        ("100", "id/queue-welcome id/queue-next"),
        ("400", "id/menu"),
        ("*1003", "id/voicemail-greeting tone/beep"),
    ];
    for (number, hears) in kinds {
        let mut scene = Scene::new();
        scene.desk.tell(Input::Plan(plan(&rows_with(queue()))));
        // Who answers the queue talks, on leases 0 and 1.
        let (citra, budi) = (scene.citra.clone(), scene.budi.clone());
        let (mut other, _) = scene.desk.talk(&citra, &budi, "1002");
        let to_sari = scene.sari_is_to_call(number);
        scene.sari_answers(&to_sari);
        assert_eq!(heard(&scene.desk, 2), hears, "{number}");
        scene.sari_hangs_up(&to_sari);
        scene.desk.hang_up(&mut other, &budi);
        scene.desk.rest();
    }
}

/// The person pays, and is shown, as when she dials.
#[test]
fn a_number_outside_is_called_on_the_budget_of_whoever_calls() {
    let rows = outside::outside(|_| {});
    let mut scene = outside::Scene::new(&rows);
    let Outcome::Called(_) = order(&mut scene.desk, "1001", outside::DIALLED) else { panic!("refused") };
    let (desk, sari, first) = (&mut scene.desk, &scene.sari, &scene.first);
    let invite = desk.expect(sari, "INVITE");
    assert!(header(&invite, "From").unwrap().contains("<sip:+628123456789@"));
    desk.silent(first);
    desk.from(sari, &sari.respond(&invite, 200, Some(&sari.sdp())));
    desk.expect(sari, "ACK");
    let out = desk.expect(first, "INVITE sip:+628123456789@203.0.113.5");
    assert!(header(&out, "From").unwrap().contains("+62215550101"), "her own number");
    desk.from(first, &first.respond(&out, 200, Some(&first.sdp())));
    desk.expect(first, "ACK");
    let reinvite = desk.expect(sari, "INVITE");
    desk.from(sari, &sari.respond(&reinvite, 200, Some(&sari.sdp())));
    desk.expect(sari, "ACK");
    let bye = sari.request("BYE", 1, &invite, "", None);
    desk.from(sari, &bye);
    desk.expect(sari, "SIP/2.0 200");
    let bye = desk.expect(first, "BYE");
    desk.from(first, &first.respond(&bye, 200, None));
    let directions: Vec<Direction> = desk
        .journal
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Call(call) => Some(call.direction),
            _ => None,
        })
        .collect();
    assert_eq!(directions, [Direction::Outbound]);
    assert!(desk.legs().iter().any(|leg| leg.payer.is_some()));
    // One call a minute is all there is.
    let one = Allowance { calls_per_minute_max: 1, ..outside::everywhere() };
    let rows = outside::outside(|outside| outside.budgets = vec![outside::budget(None, one)]);
    desk.tell(Input::Plan(plan(&rows)));
    assert_eq!(order(desk, "1001", outside::DIALLED), Outcome::NotAllowed);
    desk.silent(sari);
    desk.rest();
}

/// Her leg is one that the switch has invited, and everything of a caller's holds for it.
#[test]
fn a_call_that_was_ordered_is_held_sent_on_and_hung_up_as_one_that_was_dialled() {
    let mut scene = Scene::new();
    let [to_sari, to_budi] = scene.talking();
    let hold = scene.sari.request("INVITE", 1, &to_sari, "", Some(&scene.sari.sdp_with("sendonly")));
    scene.desk.from(&scene.sari, &hold);
    scene.desk.expect(&scene.sari, "SIP/2.0 100");
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    assert_eq!(audio(&ok), "192.0.2.20:20000");
    scene.desk.from(&scene.sari, &scene.sari.request("ACK", 1, &to_sari, "", None));
    assert_eq!(heard(&scene.desk, 1), "*music/default");
    // Budi sends her on to Citra.
    let refer_to = format!("Refer-To: <sip:1003@{DOMAIN}>\r\nRefer-Sub: false\r\n");
    let refer = scene.budi.request("REFER", 1, &to_budi, &refer_to, None);
    scene.desk.from(&scene.budi, &refer);
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    let to_citra = scene.desk.expect(&scene.citra, "INVITE");
    assert!(header(&to_citra, "From").unwrap().contains("<sip:1001@"));
    scene.desk.from(&scene.citra, &scene.citra.respond(&to_citra, 200, Some(&scene.citra.sdp())));
    scene.desk.expect(&scene.citra, "ACK");
    let budi = scene.budi.clone();
    scene.is_let_go(&budi);
    scene.sari_is_told();
    let citra = scene.citra.clone();
    let bye = citra.request("BYE", 1, &to_citra, "", None);
    scene.desk.from(&citra, &bye);
    scene.desk.expect(&citra, "SIP/2.0 200");
    let sari = scene.sari.clone();
    scene.is_let_go(&sari);
    let told = ["created", "dial_attempt(2)", "ringing", "answered(3)", "hold(2)", "transfer(3)"];
    let after = ["transfer_answered(4)", "ended"];
    let events = scene.desk.events();
    assert_eq!(
        (&events[..6], &events[events.len() - 2..]),
        (&told.map(str::to_owned)[..], &after.map(str::to_owned)[..])
    );
    scene.desk.rest();
}

#[test]
fn an_ordered_call_outlives_the_process_in_every_state() {
    for dies in 0..3 {
        let mut scene = Scene::new();
        let to_sari = scene.sari_is_to_call("1002");
        if dies == 0 {
            scene.desk.die();
            let known = scene.desk.bindings.values().cloned().collect();
            scene.desk.tell(Input::Restore(known));
            scene.desk.tell(Input::Media(MediaEvent::Stock(vec![lease(1)])));
        }
        scene.sari_answers(&to_sari);
        if dies == 1 {
            scene.desk.die();
        }
        let to_budi = scene.desk.expect(&scene.budi, "INVITE");
        scene.desk.from(&scene.budi, &scene.budi.respond(&to_budi, 200, Some(&scene.budi.sdp())));
        scene.desk.expect(&scene.budi, "ACK");
        if dies == 2 {
            scene.desk.die();
        }
        scene.sari_is_told();
        assert!(is_joined(&scene.desk, 0, 1));
        scene.sari_hangs_up(&to_sari);
        let budi = scene.budi.clone();
        scene.is_let_go(&budi);
        assert_eq!(scene.desk.events().last().unwrap(), "ended");
        scene.desk.rest();
    }
}

#[test]
fn lamps_show_that_somebody_is_about_to_call_and_an_operator_can_end_it() {
    let mut scene = Scene::new();
    let citra = scene.citra.clone();
    let (_, body) = scene.desk.watch(&citra, "1001", "dialog");
    assert_eq!(lamps(&body), [""; 0]);
    let invite = scene.sari_is_to_call("1002");
    let shown: Vec<String> = std::iter::from_fn(|| {
        let has_news = scene.desk.sent.iter().any(|(flow, _)| flow.remote == citra.flow.remote);
        has_news.then(|| scene.desk.notified(&citra).1)
    })
    .collect();
    assert_eq!(lamps(shown.last().unwrap()), ["initiator early"]);
    let call = *scene.desk.live.keys().next().unwrap();
    assert_eq!(scene.desk.board.live_legs(call).len(), 1);
    scene.desk.tell(Input::Command(Command::HangUp { call }));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    let cancel = scene.desk.expect(&scene.sari, "CANCEL");
    scene.desk.from(&scene.sari, &scene.sari.respond(&cancel, 200, None));
    scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 487, None));
    scene.desk.expect(&scene.sari, "ACK");
    assert_eq!(scene.desk.events(), ["created", "dial_attempt(2)", "canceled", "ended"]);
    assert_eq!(scene.desk.detail("ended"), "operator/-");
    scene.desk.silent(&scene.budi);
    scene.desk.quiet();
}

#[test]
fn a_person_is_known_by_any_number_of_their_own() {
    let rows = outside::outside(|_| {});
    let mut scene = outside::Scene::new(&rows);
    assert!(matches!(order(&mut scene.desk, "+62215550101", "1002"), Outcome::Called(_)));
    let invite = scene.desk.expect(&scene.sari, "INVITE");
    scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 603, None));
    scene.desk.expect(&scene.sari, "ACK");
    assert_eq!(order(&mut scene.desk, "+62215550110", "1002"), Outcome::UnknownCaller, "of an extension");
    scene.desk.rest();
}
