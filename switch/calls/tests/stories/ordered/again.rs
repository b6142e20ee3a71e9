//! Orders that come again, and the ids by which they are known.

use contract::{outside::Allowance, time::Timestamp};
use uuid::Uuid;

use super::*;

const BEGAN: i64 = 1_800_000_000_000_000;

/// An id that was made so many milliseconds after the desk's clock began.
fn made(at_ms: i64, n: u8) -> CallId {
    CallId::new(Timestamp(BEGAN + at_ms * 1_000), [n; 10])
}

/// The relay gives ports for as many calls again.
fn restock(desk: &mut Desk, n: u32) {
    desk.tell(Input::Media(MediaEvent::Stock(vec![lease(100 + n)])));
}

/// Sari's phone is asked to call Budi in a call with this id, and declines.
#[track_caller]
fn is_called_in_vain(scene: &mut Scene, call: CallId) {
    assert_eq!(ordered(&mut scene.desk, "1001", "1002", (Some(call), false)), Outcome::Called(call));
    let invite = scene.desk.expect(&scene.sari, "INVITE");
    scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 603, None));
    scene.desk.expect(&scene.sari, "ACK");
}

#[track_caller]
fn is_refused(scene: &mut Scene, call: CallId, outcome: Outcome) {
    assert_eq!(ordered(&mut scene.desk, "1001", "1002", (Some(call), false)), outcome, "{call}");
    scene.desk.silent(&scene.sari);
}

/// A bug: whether it could begin now was asked first, so a repeat of the only call that the budget allows was reported as barred.
#[test]
fn an_order_that_comes_again_is_judged_by_its_id_alone() {
    let one = Allowance { calls_at_once_max: 1, ..outside::everywhere() };
    let rows = outside::outside(|outside| outside.budgets = vec![outside::budget(None, one)]);
    let mut scene = outside::Scene::new(&rows);
    let again = (Some(made(0, 7)), false);
    let (desk, sari, first) = (&mut scene.desk, &scene.sari, &scene.first);
    assert!(matches!(ordered(desk, "1001", outside::DIALLED, again), Outcome::Called(_)));
    let invite = desk.expect(sari, "INVITE");
    desk.from(sari, &sari.respond(&invite, 200, Some(&sari.sdp())));
    desk.expect(sari, "ACK");
    desk.expect(first, "INVITE");
    let told = desk.notices.len();
    assert_eq!(ordered(desk, "1001", outside::DIALLED, again), Outcome::AlreadySo);
    // Nor is anything else asked.
    desk.tell(Input::JournalPressure(true));
    assert_eq!(ordered(desk, "1009", "4711", again), Outcome::AlreadySo);
    assert_eq!(desk.notices.len(), told);
}

/// A bug: an id older than all that were remembered was forgotten at once, and each repeat of it made another call.
#[test]
fn a_thousand_ids_are_remembered_and_what_is_older_is_taken_for_known() {
    let mut scene = Scene::new();
    for n in 1..=1_001 {
        restock(&mut scene.desk, n);
        is_called_in_vain(&mut scene, made(i64::from(n) * 10, 1));
    }
    for at in [10, 20, 10_010] {
        is_refused(&mut scene, made(at, 1), Outcome::AlreadySo);
    }
    is_refused(&mut scene, made(5, 1), Outcome::AlreadySo);
    // One that was made between those that are remembered has not been seen.
    is_called_in_vain(&mut scene, made(25, 1));
    is_refused(&mut scene, made(25, 1), Outcome::AlreadySo);
    scene.desk.quiet();
}

/// A bug: the ids of calls that the switch itself had named took the places of those that orderers had given.
#[test]
fn only_ids_that_were_given_are_remembered() {
    let mut scene = Scene::new();
    is_called_in_vain(&mut scene, made(1, 1));
    for n in 0..1_001 {
        restock(&mut scene.desk, n);
        assert!(matches!(order(&mut scene.desk, "1001", "1002"), Outcome::Called(_)));
        let invite = scene.desk.expect(&scene.sari, "INVITE");
        scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 603, None));
        scene.desk.expect(&scene.sari, "ACK");
    }
    is_called_in_vain(&mut scene, made(0, 9));
    scene.desk.quiet();
}

/// A bug: any id was taken; one of next year stood in the way of all that came after it.
#[test]
fn an_id_says_when_it_was_made() {
    let mut scene = Scene::new();
    for call in [CallId(Uuid::nil()), CallId(Uuid::from_u128(7)), CallId(Uuid::max()), made(60_001, 1)] {
        is_refused(&mut scene, call, Outcome::UnusableId);
    }
    is_called_in_vain(&mut scene, made(59_999, 1));
    scene.desk.quiet();
}

/// A bug: the next life knew nothing of the calls before, and rang again under the id of one whose record is closed.
#[test]
fn an_order_of_a_former_life_makes_no_second_call() {
    let mut scene = Scene::new();
    is_called_in_vain(&mut scene, made(0, 7));
    scene.desk.wait(Duration::from_secs(60));
    scene.desk.die();
    let sari = scene.sari.clone();
    scene.desk.register(&sari, 10);
    is_refused(&mut scene, made(0, 7), Outcome::AlreadySo);
    scene.desk.tell(Input::Media(MediaEvent::Stock((40..44).map(lease).collect())));
    is_called_in_vain(&mut scene, made(60_001, 7));
    scene.desk.quiet();
}
