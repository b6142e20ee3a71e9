//! What becomes of the recording of a call that is sent into a menu.

use calls::RecordingOrder;
use contract::{command::RecordingOrder as Wish, id::RecordingId, journal::Fact};
use streams::media::{LeaseId, Side};

use super::*;
use crate::recording::{order, tapped};

/// Everything is recorded. Budi has talked to Sari and sent her into the menu, where 6 is Citra.
fn sent_into_the_menu() -> (Scene, Caller, Phone) {
    let mut with = choices();
    with.push(choice(MenuKey::Six, Action::ForwardStaff(UserId(id(13)))));
    let mut rows = rows_with(menu(MENU, with));
    rows.organisations[0].recording = RecordingPolicy::Always;
    let mut scene = scene_of(rows);
    let citra = scene.desk.phone("1003", "198.51.100.3:5060");
    let (caller, to_budi) = scene.desk.talk(&scene.sari, &scene.budi, "1002");
    assert_eq!(tapped(&scene.desk).len(), 2);
    let refer_to = format!("Refer-To: <sip:400@{DOMAIN}>\r\nRefer-Sub: false\r\n");
    scene.desk.from(&scene.budi, &scene.budi.request("REFER", 1, &to_budi, &refer_to, None));
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    let bye = scene.desk.expect(&scene.budi, "BYE");
    scene.desk.from(&scene.budi, &scene.budi.respond(&bye, 200, None));
    assert_eq!(scene.hears(), "id/menu");
    assert!(tapped(&scene.desk).is_empty(), "nobody hears whoever chooses");
    assert_eq!(words(&scene.desk), ["1 started policy"]);
    (scene, caller, citra)
}

/// Citra takes the call.
fn chosen_and_taken(scene: &mut Scene, caller: &Caller, citra: &Phone) {
    scene.press("6");
    let invite = scene.desk.expect(citra, "INVITE");
    scene.desk.from(citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    scene.desk.expect(citra, "ACK");
    let told = scene.desk.expect(&scene.sari, "INVITE");
    scene.desk.from(&scene.sari, &caller.respond(&told, 200, Some(&scene.sari.sdp())));
    scene.desk.expect(&scene.sari, "ACK");
}

#[test]
fn the_recording_goes_on_with_whoever_takes_the_call() {
    let (mut scene, mut caller, citra) = sent_into_the_menu();
    chosen_and_taken(&mut scene, &caller, &citra);
    assert_eq!(tapped(&scene.desk), [(LeaseId(0), Side::Left), (LeaseId(2), Side::Right)]);
    scene.desk.hang_up(&mut caller, &citra);
    assert_eq!(words(&scene.desk), ["1 started policy", "2 stopped call_ended"]);
    scene.desk.rest();
}

/// A message that was left from a menu took the place of the call's recording, which then never ended.
#[test]
fn a_message_is_the_end_of_the_recording_of_the_call_before_it() {
    let (mut scene, caller, _) = sent_into_the_menu();
    scene.press("3");
    assert_eq!(words(&scene.desk), ["1 started policy"]);
    scene.desk.played(0);
    assert_eq!(words(&scene.desk), ["1 started policy", "2 stopped voicemail", "1 started voicemail"]);
    assert_eq!(tapped(&scene.desk), [(LeaseId(0), Side::Left)]);
    let [RecordingOrder::Begin { number: first, .. }, end, RecordingOrder::Begin { message: Some(_), .. }] =
        &scene.desk.recordings[..]
    else {
        panic!("{:?}", scene.desk.recordings)
    };
    assert_eq!(*end, RecordingOrder::End { number: *first });
    let desk = scene.goes(caller);
    assert_eq!(words(&desk)[2..], ["1 started voicemail", "2 stopped call_ended"]);
}

fn recording(desk: &Desk) -> RecordingId {
    let first = desk.journal.iter().find_map(|entry| match &entry.fact {
        Fact::Recording(step) => Some(step.recording),
        _ => None,
    });
    first.expect("something is recorded")
}

/// What failed was taken for the caller's message, without which nobody is let talk.
#[test]
fn a_recorder_that_fails_lets_whoever_chooses_go_on() {
    let (mut scene, caller, citra) = sent_into_the_menu();
    let (call, recording) = (*scene.desk.live.keys().next().unwrap(), recording(&scene.desk));
    scene.desk.tell(Input::RecordingFailed { call, recording, reason: "disk_full" });
    assert_eq!(words(&scene.desk), ["1 started policy", "2 stopped disk_full"]);
    chosen_and_taken(&mut scene, &caller, &citra);
    assert!(tapped(&scene.desk).is_empty());
}

#[test]
fn the_recording_is_paused_and_ended_by_order_while_the_caller_chooses() {
    let (mut scene, mut caller, citra) = sent_into_the_menu();
    for (wish, expected) in [
        (Wish::Start, Outcome::AlreadySo),
        (Wish::Pause, Outcome::Done),
        (Wish::Resume, Outcome::Done),
        (Wish::Stop, Outcome::Done),
        (Wish::Start, Outcome::NotNow),
    ] {
        assert_eq!(order(&mut scene.desk, wish), expected, "{wish:?}");
    }
    chosen_and_taken(&mut scene, &caller, &citra);
    assert!(tapped(&scene.desk).is_empty(), "what was stopped stays stopped");
    scene.desk.hang_up(&mut caller, &citra);
    assert_eq!(words(&scene.desk).last().unwrap(), "4 stopped command");
}
