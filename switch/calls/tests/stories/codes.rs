//! What people of a desk turn on and off by a code (decision 0044): it holds at once, they hear which, and nobody else may.

use calls::Input;
use contract::id::UserId;

use crate::{
    desk::{Caller, Desk, Phone, id, plan, rows, sound::heard},
    queues::queue,
};

/// Budi alone answers the queue of 100.
fn scene() -> (Desk, [Phone; 2]) {
    let mut desk = Desk::speaking();
    let phones = desk.two();
    let mut rows = rows();
    let extension = &mut rows.organisations[0].extensions[0];
    (extension.staff, extension.queue) = (vec![UserId(id(12))], Some(queue()));
    rows.revision = 2;
    desk.tell(Input::Plan(plan(&rows)));
    (desk, phones)
}

/// Somebody dials what the switch answers.
#[track_caller]
pub fn dialled(desk: &mut Desk, phone: &Phone, code: &str, call_id: &str) -> Caller {
    let mut caller = Caller::new(phone, code);
    caller.call_id = call_id.into();
    let mut caller = desk.dial_as(caller, "", Some(&phone.sdp()));
    desk.expect(phone, "SIP/2.0 100");
    desk.answered(&mut caller);
    caller
}

/// The switch has said it and hangs up.
#[track_caller]
pub fn is_told(desk: &mut Desk, (phone, caller): (&Phone, &Caller), lease: u32, words: &str) {
    assert_eq!(heard(desk, lease), words);
    desk.played(lease);
    let bye = desk.expect(phone, "BYE");
    desk.from(phone, &caller.respond(&bye, 200, None));
}

#[test]
fn an_agent_pauses_by_a_code_and_is_asked_again_after_the_next_one() {
    let (mut desk, [sari, budi]) = scene();
    let caller = dialled(&mut desk, &budi, "*46", "first");
    is_told(&mut desk, (&budi, &caller), 0, "id/agent-paused");
    assert_eq!(desk.detail("answered"), "paused/-");
    let refused = desk.dial(&sari, "100", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(heard(&desk, 1), "id/queue-closed", "nobody is there to answer");
    desk.played(1);
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    desk.from(&sari, &refused.ack_refusal(&refusal));
    let caller = dialled(&mut desk, &budi, "*46", "second");
    is_told(&mut desk, (&budi, &caller), 2, "id/agent-resumed");
    assert_eq!(desk.detail("answered"), "resumed/-");
    let mut caller = Caller::new(&sari, "100");
    caller.call_id = "again".into();
    let mut caller = desk.dial_as(caller, "", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    desk.expect(&sari, "SIP/2.0 180");
    desk.answered(&mut caller);
    let invite = desk.expect(&budi, "INVITE");
    desk.goes(&mut caller);
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    desk.rest();
}

/// Who waits for the one who comes back is not forgotten, and the one who pauses finishes what rings.
#[test]
fn whoever_waits_is_rung_for_as_soon_as_the_agent_is_back() {
    let (mut desk, [sari, budi]) = scene();
    let mut waits = desk.line_up(&sari, "100");
    let invite = desk.expect(&budi, "INVITE");
    let caller = dialled(&mut desk, &budi, "*46", "first");
    is_told(&mut desk, (&budi, &caller), 2, "id/agent-paused");
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    desk.silent(&budi);
    let caller = dialled(&mut desk, &budi, "*46", "second");
    is_told(&mut desk, (&budi, &caller), 3, "id/agent-resumed");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let told = desk.expect(&sari, "INVITE");
    desk.from(&sari, &waits.respond(&told, 200, Some(&sari.sdp())));
    desk.expect(&sari, "ACK");
    desk.hang_up(&mut waits, &budi);
    desk.rest();
}

#[test]
fn who_answers_no_queue_cannot_pause() {
    let (mut desk, [sari, _]) = scene();
    let caller = desk.dial(&sari, "*46", Some(&sari.sdp()));
    let refusal = desk.expect(&sari, "SIP/2.0 403 No Queue");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.detail("failed"), "no_queue/403");
    desk.rest();
}
