//! Callers who hang up with their place kept and are called back when it is their turn.

use contract::{
    availability::Person,
    outside::{OutboundRoute, Outside},
    queues::Agent,
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
        let first = scene.arrive(1);
        let first = scene.talks(0, first);
        let sari = scene.arrive(0);
        assert_eq!(heard(&scene.desk, 2), OFFER);
        assert!(scene.desk.is_listened_to(2));
        scene.desk.press(2, "1");
        assert_eq!(heard(&scene.desk, 2), KEPT);
        scene.desk.played(2);
        scene.let_go(&sari);
        (scene, first)
    }

    /// It is Sari's turn: Budi's phone rings, he answers, and hers rings. Their INVITEs.
    #[track_caller]
    fn budi_takes_the_callback(&mut self) -> [OwnedMessage; 2] {
        let to_budi = self.rings(0);
        assert!(header(&to_budi, "From").unwrap().contains("<sip:1001@"), "he sees who it is for");
        let budi = self.agents[0].clone();
        self.desk.from(&budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
        self.desk.expect(&budi, "ACK");
        let sari = self.callers[0].clone();
        let to_sari = self.desk.expect(&sari, "INVITE");
        assert!(header(&to_sari, "From").unwrap().contains("<sip:100@"), "she sees who calls back");
        self.desk.from(&sari, &sari.respond(&to_sari, 180, None));
        [to_budi, to_sari]
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
            let sari = scene.callers[0].clone();
            scene.desk.from(&sari, &sari.respond(&to_sari, 486, None));
            scene.desk.expect(&sari, "ACK");
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
    let [_, to_sari] = scene.budi_takes_the_callback();
    scene.sari_answers(&to_sari);
    let sari = scene.callers[0].clone();
    caller_goes(&mut scene.desk, &sari, &to_sari, &budi);
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

#[test]
fn a_callback_outlives_the_process_in_every_state() {
    for dies in 0..3 {
        let (mut scene, first) = Scene::promised();
        let sari = scene.callers[0].clone();
        let life = |scene: &mut Scene| {
            scene.dies(21);
            let sari = scene.callers[0].clone();
            scene.desk.register(&sari, 31);
        };
        if dies == 0 {
            life(&mut scene);
        }
        scene.hang_up(first, 0);
        let to_budi = scene.rings(0);
        if dies == 1 {
            life(&mut scene);
        }
        let budi = scene.agents[0].clone();
        scene.desk.from(&budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
        scene.desk.expect(&budi, "ACK");
        let to_sari = scene.desk.expect(&sari, "INVITE");
        if dies == 2 {
            life(&mut scene);
        }
        scene.sari_answers(&to_sari);
        caller_goes(&mut scene.desk, &sari, &to_sari, &budi);
        assert_eq!(scene.desk.events().last().unwrap(), "ended");
        scene.rest();
    }
}

/// The number is that which the trunk has shown, it is called by a route, and the queue's extension pays.
#[test]
fn a_caller_from_outside_is_called_back_at_the_number_that_it_came_with() {
    for has_route in [true, false] {
        let rows = outside::outside(|outside: &mut Outside| {
            outside.trunks[0].sources = vec!["203.0.113.5".into()];
            if !has_route {
                outside.routes = Vec::<OutboundRoute>::new();
            }
        });
        let mut rows = rows;
        let extension = &mut rows.organisations[0].extensions[0];
        extension.staff = vec![UserId(id(12))];
        extension.queue = Some(Queue { has_callback: true, ..queue() });
        let mut scene = outside::Scene::new(&rows);
        let (sari, budi, provider) = (scene.sari.clone(), scene.budi.clone(), scene.first.clone());
        let desk = &mut scene.desk;
        // Budi talks, on leases 0 and 1.
        let (mut other, _) = desk.talk(&sari, &budi, "1002");
        let mut caller = Caller::new(&provider, "+62215550110");
        caller.from = format!("<sip:+628123456789@{DOMAIN}>");
        desk.from(&provider, &caller.invite(Some(&provider.sdp()), ""));
        desk.expect(&provider, "SIP/2.0 100");
        desk.expect(&provider, "SIP/2.0 180");
        desk.answered(&mut caller);
        let words = heard(desk, 2);
        assert_eq!(words == OFFER, has_route, "{words}");
        if has_route {
            desk.press(2, "1");
            desk.played(2);
            let bye = desk.expect(&provider, "BYE");
            desk.from(&provider, &caller.respond(&bye, 200, None));
            desk.hang_up(&mut other, &budi);
            let to_budi = desk.expect(&budi, "INVITE");
            assert!(header(&to_budi, "From").unwrap().contains("+628123456789"));
            desk.from(&budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
            desk.expect(&budi, "ACK");
            let out = desk.expect(&provider, "INVITE sip:+628123456789@203.0.113.5");
            assert!(header(&out, "From").unwrap().contains("+62215550110"), "the number of the desk");
            desk.from(&provider, &provider.respond(&out, 200, Some(&provider.sdp())));
            desk.expect(&provider, "ACK");
            let told = desk.expect(&budi, "INVITE");
            desk.from(&budi, &budi.respond(&told, 200, Some(&budi.sdp())));
            desk.expect(&budi, "ACK");
            caller_goes(desk, &provider, &out, &budi);
            let paid = desk.legs().into_iter().filter_map(|leg| leg.payer).collect::<Vec<_>>();
            assert_eq!(paid, [contract::journal::Payer::Extension(ExtensionId(id(21)))]);
        } else {
            desk.goes(&mut caller);
            desk.hang_up(&mut other, &budi);
        }
        desk.rest();
    }
}

/// Who does not want to be disturbed has asked for this call.
#[test]
fn a_callback_rings_at_a_caller_who_is_not_to_be_disturbed() {
    let (mut scene, first) = Scene::promised();
    let person = Person::User(UserId(id(11)));
    scene.desk.tell(Input::Command(Command::DoNotDisturb { org: OrgId(id(1)), person, is_on: true }));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    scene.hang_up(first, 0);
    let [_, to_sari] = scene.budi_takes_the_callback();
    scene.sari_answers(&to_sari);
    let (sari, budi) = (scene.callers[0].clone(), scene.agents[0].clone());
    caller_goes(&mut scene.desk, &sari, &to_sari, &budi);
    scene.rest();
}
