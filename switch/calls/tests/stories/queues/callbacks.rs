//! Callers who hang up with their place kept and are called back when it is their turn.

use calls::{Notice, OutsideUse};
use contract::{
    availability::Person,
    outside::{Allowance, OutboundRoute, Outside},
    queues::Agent,
    time::Timestamp,
};

use super::*;
use crate::{
    desk::{DOMAIN, sound::is_joined},
    outside,
};

const OFFER: &str = "id/queue-welcome id/queue-next id/queue-callback";
const KEPT: &str = "id/queue-callback-kept";
const REST: Duration = Duration::from_secs(120);

fn with_callback(staff: &[u128]) -> Snapshot {
    with(Queue { has_callback: true, ..queue() }, staff)
}

/// The caller of the call, by this INVITE of the switch, hangs up.
#[track_caller]
fn caller_goes(desk: &mut Desk, caller: &Phone, invite: &OwnedMessage, agent: &Phone) {
    let bye = caller.request("BYE", 1, invite, "", None);
    desk.from(caller, &bye);
    desk.expect(caller, "SIP/2.0 200");
    let bye = desk.expect(agent, "BYE");
    desk.from(agent, &agent.respond(&bye, 200, None));
}

impl Scene {
    /// Budi (lease 1) talks to u0 (lease 0), and Sari (lease 2) has hung up to be called back.
    #[track_caller]
    fn promised() -> (Self, Talk) {
        Self::promised_with(with_callback(&[12]))
    }

    #[track_caller]
    fn promised_with(rows: Snapshot) -> (Self, Talk) {
        let mut scene = scene(rows);
        let first = scene.promise();
        (scene, first)
    }

    #[track_caller]
    fn promise(&mut self) -> Talk {
        let first = self.arrive(1);
        let first = self.talks(0, first);
        let sari = self.arrive(0);
        assert_eq!(heard(&self.desk, 2), OFFER);
        assert!(self.desk.is_listened_to(2));
        self.desk.press(2, "1");
        assert_eq!(heard(&self.desk, 2), KEPT);
        self.desk.played(2);
        self.let_go(&sari);
        first
    }

    /// It is Sari's turn: Budi's phone rings, he answers, and hers rings. Their INVITEs.
    #[track_caller]
    fn budi_takes_the_callback(&mut self) -> [OwnedMessage; 2] {
        let to_budi = self.rings(0);
        assert!(header(&to_budi, "From").unwrap().contains("<sip:1001@"), "he sees who it is for");
        let to_sari = self.budi_answers_for_sari(&to_budi);
        [to_budi, to_sari]
    }

    #[track_caller]
    fn budi_answers_for_sari(&mut self, to_budi: &OwnedMessage) -> OwnedMessage {
        let budi = self.agents[0].clone();
        self.desk.from(&budi, &budi.respond(to_budi, 200, Some(&budi.sdp())));
        self.desk.expect(&budi, "ACK");
        let sari = self.callers[0].clone();
        let to_sari = self.desk.expect(&sari, "INVITE");
        assert!(header(&to_sari, "From").unwrap().contains("<sip:100@"), "she sees who calls back");
        self.desk.from(&sari, &sari.respond(&to_sari, 180, None));
        to_sari
    }

    #[track_caller]
    fn sari_is_busy(&mut self, invite: &OwnedMessage) {
        let sari = self.callers[0].clone();
        self.desk.from(&sari, &sari.respond(invite, 486, None));
        self.desk.expect(&sari, "ACK");
    }

    /// Sari answers, and Budi's phone is told what hers has said.
    #[track_caller]
    fn sari_answers(&mut self, invite: &OwnedMessage) {
        let (sari, budi) = (self.callers[0].clone(), self.agents[0].clone());
        self.desk.from(&sari, &sari.respond(invite, 200, Some(&sari.sdp())));
        self.desk.expect(&sari, "ACK");
        let told = self.desk.expect(&budi, "INVITE");
        self.desk.from(&budi, &budi.respond(&told, 200, Some(&budi.sdp())));
        self.desk.expect(&budi, "ACK");
    }

    /// It is Sari's turn, and she has her call.
    #[track_caller]
    fn sari_is_called_back(&mut self) {
        let [_, to_sari] = self.budi_takes_the_callback();
        self.sari_answers(&to_sari);
        let (sari, budi) = (self.callers[0].clone(), self.agents[0].clone());
        caller_goes(&mut self.desk, &sari, &to_sari, &budi);
    }

    /// Sari's phone is told that nobody wants her any more.
    #[track_caller]
    fn sari_is_spared(&mut self, invite: &OwnedMessage) {
        let sari = self.callers[0].clone();
        let cancel = self.desk.expect(&sari, "CANCEL");
        self.desk.from(&sari, &sari.respond(&cancel, 200, None));
        self.desk.from(&sari, &sari.respond(invite, 487, None));
        self.desk.expect(&sari, "ACK");
    }

    #[track_caller]
    fn budi_is_let_go(&mut self) {
        let budi = self.agents[0].clone();
        let bye = self.desk.expect(&budi, "BYE");
        self.desk.from(&budi, &budi.respond(&bye, 200, None));
    }
}

#[test]
fn a_caller_who_has_hung_up_keeps_its_place_and_is_called_back_before_those_behind_it() {
    let (mut scene, first) = Scene::promised();
    let third = scene.arrive(2);
    assert_eq!(heard(&scene.desk, 3), "id/queue-welcome id/queue-position id/digits/2 id/queue-callback");
    scene.hang_up(first, 0);
    let [_, to_sari] = scene.budi_takes_the_callback();
    assert_eq!(heard(&scene.desk, 4), "*tone/ringing", "Budi hears that it rings");
    scene.sari_answers(&to_sari);
    assert!(is_joined(&scene.desk, 4, 5));
    assert_eq!(heard(&scene.desk, 4), "");
    let (sari, budi) = (scene.callers[0].clone(), scene.agents[0].clone());
    caller_goes(&mut scene.desk, &sari, &to_sari, &budi);
    assert_eq!(
        scene.rows_of(1),
        [
            "created 1 0 null",
            "ringing 1 0 null",
            "queued 1 1 null",
            "queue_updated 1 1 cp2",
            "queue_updated 1 0 null",
            "ringing 1 0 null",
            "dial_attempt 1 0 cp3",
            "answered 1 0 cp3",
            "ended 1 0 null",
        ]
    );
    // Whoever waits on the line is next.
    let third = scene.talks(0, third);
    scene.hang_up(third, 0);
    scene.rest();
}

#[test]
fn a_caller_who_does_not_answer_is_called_three_times_and_keeps_its_place_meanwhile() {
    let (mut scene, first) = Scene::promised();
    scene.hang_up(first, 0);
    for round in 0..3 {
        if round > 0 {
            scene.desk.silent(&scene.agents[0]);
            scene.desk.wait(REST);
        }
        let [_, to_sari] = scene.budi_takes_the_callback();
        if round == 1 {
            // Busy is as good as no answer.
            scene.sari_is_busy(&to_sari);
        } else {
            scene.desk.wait(Duration::from_secs(60));
            scene.sari_is_spared(&to_sari);
        }
        scene.budi_is_let_go();
    }
    assert_eq!(scene.desk.detail("canceled"), "callback_no_answer/-");
    assert_eq!(scene.desk.detail("ended"), "callback_no_answer/-");
    scene.rest();
}

#[test]
fn who_declines_is_not_called_again_and_who_hangs_up_while_being_told_is_called_back() {
    let mut scene = scene(with_callback(&[12]));
    let first = scene.arrive(1);
    let first = scene.talks(0, first);
    let mut sari = scene.arrive(0);
    scene.desk.press(2, "1");
    scene.desk.goes(&mut sari);
    scene.hang_up(first, 0);
    let [_, to_sari] = scene.budi_takes_the_callback();
    let sari = scene.callers[0].clone();
    scene.desk.from(&sari, &sari.respond(&to_sari, 603, None));
    scene.desk.expect(&sari, "ACK");
    scene.budi_is_let_go();
    assert_eq!(scene.desk.detail("ended"), "callback_declined/-");
    scene.rest();
}

#[test]
fn an_agent_who_hangs_up_too_early_costs_the_caller_nothing() {
    let (mut scene, first) = Scene::promised();
    scene.hang_up(first, 0);
    let [to_budi, to_sari] = scene.budi_takes_the_callback();
    let budi = scene.agents[0].clone();
    let bye = budi.request("BYE", 1, &to_budi, "", None);
    scene.desk.from(&budi, &bye);
    scene.desk.expect(&budi, "SIP/2.0 200");
    scene.sari_is_spared(&to_sari);
    scene.desk.wait(REST);
    scene.sari_is_called_back();
    scene.rest();
}

#[test]
fn a_callback_lapses_with_the_longest_wait_and_an_operator_can_end_it() {
    for is_operator in [false, true] {
        let rows = with(Queue { has_callback: true, wait_max_secs: 60, ..queue() }, &[12]);
        let (mut scene, first) = Scene::promised_with(rows);
        if is_operator {
            let call = scene.desk.live.values().find(|call| call.caller == "1001").unwrap().call;
            scene.desk.tell(Input::Command(Command::HangUp { call }));
            assert_eq!(scene.desk.detail("ended"), "operator/-");
        } else {
            scene.desk.wait(Duration::from_secs(60));
            assert_eq!(scene.desk.detail("ended"), "callback_lapsed/-");
            assert!(scene.desk.events().contains(&"missed".to_owned()));
        }
        scene.hang_up(first, 0);
        scene.desk.silent(&scene.agents[0]);
        scene.rest();
    }
}

/// By a queue that has none, to its own people, to those who do not want to be seen; and a key pressed unasked does nothing.
#[test]
fn a_callback_is_offered_where_it_can_be_kept() {
    let plain = with(queue(), &[12]);
    let agent = |user: u128| Agent { user: UserId(id(user)), weight: 1 };
    let agents = vec![agent(12), agent(11)];
    let own_people = with(Queue { has_callback: true, agents, ..queue() }, &[12, 11]);
    for (rows, privacy) in [(plain, ""), (own_people, ""), (with_callback(&[12]), "Privacy: id\r\n")] {
        let mut scene = scene(rows);
        let first = scene.arrive(1);
        let invite = scene.rings(0);
        let first = scene.takes(0, &invite, first);
        let sari = scene.callers[0].clone();
        let mut caller = scene.desk.dial_with(&sari, "100", privacy, Some(&sari.sdp()));
        scene.desk.expect(&sari, "SIP/2.0 100");
        scene.desk.expect(&sari, "SIP/2.0 180");
        scene.desk.answered(&mut caller);
        scene.desk.press(2, "1");
        assert_eq!(heard(&scene.desk, 2), "id/queue-welcome id/queue-next");
        scene.desk.goes(&mut caller);
        scene.hang_up(first, 0);
        scene.rest();
    }
}

/// Also with the calls that came to nothing: the latter three are of the second time.
#[test]
fn a_callback_outlives_the_process_in_every_state() {
    for dies in ["promising", "waiting", "asking", "calling", "resting"] {
        let life = |scene: &mut Scene, at: &str| {
            if dies == at {
                scene.dies(21);
                let sari = scene.callers[0].clone();
                scene.desk.register(&sari, 31);
            }
        };
        let mut scene = scene(with_callback(&[12]));
        let first = scene.arrive(1);
        let first = scene.talks(0, first);
        let mut sari = scene.arrive(0);
        scene.desk.press(2, "1");
        life(&mut scene, "promising");
        scene.desk.goes(&mut sari);
        life(&mut scene, "waiting");
        scene.hang_up(first, 0);
        for round in 1..=3 {
            let at = |state| if round == 2 { state } else { "" };
            let to_budi = scene.rings(0);
            life(&mut scene, at("asking"));
            let to_sari = scene.budi_answers_for_sari(&to_budi);
            life(&mut scene, at("calling"));
            scene.sari_is_busy(&to_sari);
            scene.budi_is_let_go();
            life(&mut scene, at("resting"));
            scene.desk.silent(&scene.agents[0]);
            scene.desk.wait(REST);
        }
        assert_eq!(scene.desk.detail("ended"), "callback_no_answer/-", "dies {dies}");
        scene.rest();
    }
}

/// Budi answers the queue of 100, whose callers may be called back by the first trunk.
fn outside_rows(change: impl FnOnce(&mut Outside)) -> Snapshot {
    let mut rows = outside::outside(|outside: &mut Outside| {
        outside.trunks[0].sources = vec!["203.0.113.5".into()];
        outside.routes[0].trunks.truncate(1);
        change(outside);
    });
    let extension = &mut rows.organisations[0].extensions[0];
    extension.staff = vec![UserId(id(12))];
    extension.queue = Some(Queue { has_callback: true, misses_max: 1, ..queue() });
    rows
}

impl outside::Scene {
    /// Budi talks to Sari (leases 0 and 1), and somebody from outside (lease 2) comes to his queue.
    #[track_caller]
    fn has_caller_from_outside(&mut self) -> [Caller; 2] {
        let (sari, budi, provider) = (self.sari.clone(), self.budi.clone(), self.first.clone());
        let (other, _) = self.desk.talk(&sari, &budi, "1002");
        let mut caller = Caller::new(&provider, "+62215550110");
        caller.from = format!("<sip:+628123456789@{DOMAIN}>");
        self.desk.from(&provider, &caller.invite(Some(&provider.sdp()), ""));
        self.desk.expect(&provider, "SIP/2.0 100");
        self.desk.expect(&provider, "SIP/2.0 180");
        self.desk.answered(&mut caller);
        [other, caller]
    }

    #[track_caller]
    fn is_promised_a_call(&mut self, caller: &Caller) {
        let provider = self.first.clone();
        assert_eq!(heard(&self.desk, 2), OFFER);
        self.desk.press(2, "1");
        self.desk.played(2);
        let bye = self.desk.expect(&provider, "BYE");
        self.desk.from(&provider, &caller.respond(&bye, 200, None));
    }

    /// Budi answers, and then whoever is called back, who hangs up soon.
    #[track_caller]
    fn is_called_back(&mut self) {
        let (budi, provider) = (self.budi.clone(), self.first.clone());
        let to_budi = self.desk.expect(&budi, "INVITE");
        assert!(header(&to_budi, "From").unwrap().contains("+628123456789"));
        self.desk.from(&budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
        self.desk.expect(&budi, "ACK");
        let out = self.desk.expect(&provider, "INVITE sip:+628123456789@203.0.113.5");
        assert!(header(&out, "From").unwrap().contains("+62215550110"), "the number of the desk");
        self.desk.from(&provider, &provider.respond(&out, 200, Some(&provider.sdp())));
        self.desk.expect(&provider, "ACK");
        let told = self.desk.expect(&budi, "INVITE");
        self.desk.from(&budi, &budi.respond(&told, 200, Some(&budi.sdp())));
        self.desk.expect(&budi, "ACK");
        caller_goes(&mut self.desk, &provider, &out, &budi);
    }

    /// The queue's extension has talked away its minutes, as the database says.
    fn have_no_minutes(&mut self) {
        let at = |secs: i64| Timestamp(1_800_000_000_000_000 - secs * 1_000_000);
        self.desk.tell(Input::OutsideUsed(vec![OutsideUse {
            org: OrgId(id(1)),
            payer: dialplan::Payer::Extension(ExtensionId(id(21))),
            begun_at: at(40_000),
            answered_at: Some(at(40_000)),
            ended_at: at(0),
            rupiah_per_minute: None,
        }]));
    }
}

/// The number is that which the trunk has shown, it is called by a route, and the queue's extension pays.
#[test]
fn a_caller_from_outside_is_called_back_at_the_number_that_it_came_with() {
    let mut scene = outside::Scene::new(&outside_rows(|_| {}));
    let [mut other, caller] = scene.has_caller_from_outside();
    scene.is_promised_a_call(&caller);
    scene.desk.hang_up(&mut other, &scene.budi);
    scene.is_called_back();
    let paid = scene.desk.legs().into_iter().filter_map(|leg| leg.payer).collect::<Vec<_>>();
    assert_eq!(paid, [contract::journal::Payer::Extension(ExtensionId(id(21)))]);
    scene.desk.rest();
}

/// Without a route, on a budget that has no such number, or on one that is used up.
#[test]
fn a_caller_from_outside_is_not_offered_a_call_that_could_not_be_made() {
    let no_route = outside_rows(|outside| outside.routes = Vec::<OutboundRoute>::new());
    let elsewhere = Allowance { destinations: vec!["+65".into()], ..Allowance::default() };
    let not_allowed = outside_rows(|outside| outside.budgets = vec![outside::budget(None, elsewhere)]);
    for (rows, is_used_up) in [(no_route, false), (not_allowed, false), (outside_rows(|_| {}), true)] {
        let mut scene = outside::Scene::new(&rows);
        if is_used_up {
            scene.have_no_minutes();
        }
        let [mut other, mut caller] = scene.has_caller_from_outside();
        assert_eq!(heard(&scene.desk, 2), "id/queue-welcome id/queue-next");
        scene.desk.goes(&mut caller);
        scene.desk.hang_up(&mut other, &scene.budi);
        scene.desk.rest();
    }
}

/// A bug: people of the queue were rung, and hung up on at once, for a call that could not be made; it ended as not answered.
#[test]
fn nobody_is_rung_for_a_callback_that_the_budget_or_the_plan_does_not_allow() {
    let elsewhere = Allowance { destinations: vec!["+65".into()], ..Allowance::default() };
    let not_allowed = outside_rows(|outside| outside.budgets = vec![outside::budget(None, elsewhere)]);
    let no_route = outside_rows(|outside| outside.routes = Vec::<OutboundRoute>::new());
    for (new_plan, reason) in [
        (None, "outside_minutes_per_day"),
        (Some(not_allowed), "destination_not_allowed"),
        (Some(no_route), "callback_unreachable"),
    ] {
        let mut scene = outside::Scene::new(&outside_rows(|_| {}));
        let [mut other, caller] = scene.has_caller_from_outside();
        scene.is_promised_a_call(&caller);
        match new_plan {
            Some(mut rows) => {
                rows.revision += 1;
                scene.desk.tell(Input::Plan(plan(&rows)));
            }
            None => scene.have_no_minutes(),
        }
        scene.desk.hang_up(&mut other, &scene.budi);
        scene.desk.wait(3 * REST);
        scene.desk.silent(&scene.budi);
        assert_eq!(scene.desk.detail("failed"), format!("{reason}/-"));
        assert_eq!(scene.desk.detail("ended"), format!("{reason}/-"));
        let is_barred = scene.desk.notices.iter().any(|one| matches!(one, Notice::OutsideBarred { .. }));
        assert_eq!(is_barred, reason != "callback_unreachable", "the operator hears of it");
        scene.desk.rest();
    }
}

/// The same, while all channels of the trunk are taken; whoever was not rung has missed nothing.
#[test]
fn nobody_is_rung_for_a_callback_while_the_trunk_is_full() {
    let rows = outside_rows(|outside| outside.trunks[0].channels_max = 1);
    let mut scene = outside::Scene::new(&rows);
    let [mut other, caller] = scene.has_caller_from_outside();
    scene.is_promised_a_call(&caller);
    let mut busy = scene.talks("0812000001");
    scene.desk.hang_up(&mut other, &scene.budi);
    scene.desk.silent(&scene.budi);
    scene.desk.hang_up(&mut busy, &scene.first);
    scene.desk.silent(&scene.budi);
    scene.desk.wait(REST);
    scene.is_called_back();
    scene.desk.rest();
}

/// The same, while no phone of a caller inside is registered.
#[test]
fn nobody_is_rung_for_a_callback_to_a_phone_that_is_not_there() {
    for is_back in [true, false] {
        let rows = with(Queue { has_callback: true, misses_max: 1, ..queue() }, &[12]);
        let (mut scene, first) = Scene::promised_with(rows);
        let (sari, budi) = (scene.callers[0].clone(), scene.agents[0].clone());
        scene.desk.registers(&sari, 41, "Contact: *\r\nExpires: 0\r\n");
        scene.hang_up(first, 0);
        scene.desk.silent(&budi);
        scene.desk.wait(REST);
        scene.desk.silent(&budi);
        if is_back {
            scene.desk.register(&sari, 43);
            scene.desk.wait(REST);
            scene.sari_is_called_back();
        } else {
            scene.desk.wait(REST);
            assert_eq!(scene.desk.detail("ended"), "callback_unreachable/-");
        }
        scene.rest();
    }
}

/// A bug: one caller could be promised as many calls as the queue has places.
#[test]
fn a_number_is_promised_one_call_by_one_queue() {
    let mut scene = scene(with_callback(&[12]));
    let first = scene.arrive(1);
    let first = scene.talks(0, first);
    let sari = scene.arrive(0);
    let mut beside = again(&mut scene, "beside");
    assert_eq!(heard(&scene.desk, 3), "id/queue-welcome id/queue-position id/digits/2 id/queue-callback");
    scene.desk.press(2, "1");
    scene.desk.press(3, "1");
    assert_eq!(heard(&scene.desk, 2), KEPT);
    assert_ne!(heard(&scene.desk, 3), KEPT, "what was offered before is not given twice");
    scene.desk.played(2);
    scene.let_go(&sari);
    scene.desk.goes(&mut beside);
    let mut later = again(&mut scene, "later");
    assert_eq!(heard(&scene.desk, 4), "id/queue-welcome id/queue-position id/digits/2");
    scene.desk.goes(&mut later);
    scene.hang_up(first, 0);
    scene.sari_is_called_back();
    scene.rest();
}

/// Sari calls 100 in another call.
#[track_caller]
fn again(scene: &mut Scene, call_id: &str) -> Caller {
    let sari = scene.callers[0].clone();
    let mut caller = Caller::new(&sari, "100");
    caller.call_id = call_id.into();
    let mut caller = scene.desk.dial_as(caller, "", Some(&sari.sdp()));
    scene.desk.expect(&sari, "SIP/2.0 100");
    scene.desk.expect(&sari, "SIP/2.0 180");
    scene.desk.answered(&mut caller);
    caller
}

/// A bug: whoever had called again and been served was called back all the same.
#[test]
fn whoever_calls_again_and_is_taken_is_not_called_back() {
    for dies in [false, true] {
        let (mut scene, first) = Scene::promised();
        let waiting = again(&mut scene, "again");
        if dies {
            scene.dies(21);
            let sari = scene.callers[0].clone();
            scene.desk.register(&sari, 31);
        }
        scene.hang_up(first, 0);
        let [_, to_sari] = scene.budi_takes_the_callback();
        scene.sari_is_busy(&to_sari);
        scene.budi_is_let_go();
        let waiting = scene.talks(0, waiting);
        assert_eq!(
            [scene.desk.detail("canceled"), scene.desk.detail("ended")],
            ["callback_served/-", "callback_served/-"]
        );
        scene.hang_up(waiting, 0);
        scene.desk.wait(REST);
        scene.rest();
    }
}

/// The same while somebody else of the queue waits for its phone, which rings.
#[test]
fn whoever_is_taken_while_being_called_back_is_rung_no_more() {
    let mut scene = scene(with_callback(&[12, 13]));
    assert_eq!(scene.pause(13, true), Outcome::Done);
    let first = scene.promise();
    let mut waiting = again(&mut scene, "again");
    scene.hang_up(first, 0);
    let [_, to_sari] = scene.budi_takes_the_callback();
    assert_eq!(scene.pause(13, false), Outcome::Done);
    let to_citra = scene.rings(1);
    let (sari, citra) = (scene.callers[0].clone(), scene.agents[1].clone());
    scene.desk.from(&citra, &citra.respond(&to_citra, 200, Some(&citra.sdp())));
    scene.desk.expect(&citra, "ACK");
    let told = scene.desk.expect(&sari, "INVITE");
    scene.sari_is_spared(&to_sari);
    scene.budi_is_let_go();
    scene.desk.from(&sari, &waiting.respond(&told, 200, Some(&sari.sdp())));
    scene.desk.expect(&sari, "ACK");
    waiting.cseq = 10;
    scene.hang_up(Talk { caller: waiting }, 1);
    scene.rest();
}

/// Who does not want to be disturbed has asked for this call.
#[test]
fn a_callback_rings_at_a_caller_who_is_not_to_be_disturbed() {
    let (mut scene, first) = Scene::promised();
    let person = Person::User(UserId(id(11)));
    scene.desk.tell(Input::Command(Command::DoNotDisturb { org: OrgId(id(1)), person, is_on: true }));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    scene.hang_up(first, 0);
    scene.sari_is_called_back();
    scene.rest();
}
