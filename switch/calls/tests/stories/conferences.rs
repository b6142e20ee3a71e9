//! Conferences: who is let in, who sits where and is heard by whom, what members are told of each other, and the record of it
//! (decision 0043).

mod entering;

use std::time::Duration;

use calls::Input;
use contract::{
    command::{Command, Outcome},
    conferences::{Conference, Pin},
    id::{CallId, ConferenceId, DidId, ExtensionId},
    outside::Did,
    snapshot::{Extension, Snapshot},
};
use streams::{
    conference::{HeardBy, RoomId},
    media::{MediaCommand, SoundName},
};

use crate::{
    desk::{Caller, DOMAIN, Desk, Phone, body, id, plan, sound::heard, start_line},
    trunks::with_trunk,
};

/// The extension of the room that is open, and of the one that asks for a PIN.
const OPEN: u128 = 24;
const CLOSED: u128 = 25;
const BUDI: u128 = 12;
/// More than anybody takes from one key to the next.
const PAUSE: Duration = Duration::from_secs(5);
/// More than anybody takes to begin.
const PATIENCE: Duration = Duration::from_secs(20);

fn conference(of: u128) -> Conference {
    Conference::plain(ConferenceId(id(of + 100)))
}

fn room(of: u128) -> RoomId {
    RoomId(id(of + 100).as_u128())
}

/// The desk's rows with the conferences 8000, and 8001 for three whose PIN is 4711.
fn rows() -> Snapshot {
    let mut rows = with_trunk(true);
    let organisation = &mut rows.organisations[0];
    let nobody = organisation.extensions[2].clone();
    let of = |n: u128, number: &str, conference| Extension {
        id: ExtensionId(id(n)),
        number: number.into(),
        name: format!("room {number}"),
        conference: Some(conference),
        ..nobody.clone()
    };
    let pin = Some(Pin("4711".into()));
    organisation.extensions.extend([
        of(OPEN, "8000", conference(OPEN)),
        of(CLOSED, "8001", Conference { pin, members_max: 3, ..conference(CLOSED) }),
    ]);
    organisation.outside.dids.push(Did {
        id: DidId(id(73)),
        number: "+62215558000".into(),
        extension: Some(ExtensionId(id(OPEN))),
        user: None,
    });
    rows.revision = 2;
    rows
}

/// Phones that call conferences. The leases go out in the order in which they do.
struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    citra: Phone,
}

fn scene() -> Scene {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(Input::Plan(plan(&rows())));
    Scene { desk, sari, budi, citra }
}

/// The room that a lease sits in, and whether it is muted there.
pub fn seat(desk: &Desk, lease: u32) -> Option<(RoomId, bool)> {
    let told = |command: &MediaCommand| match command {
        MediaCommand::Meet { lease: of, room, sitting } if of.0 == lease => {
            Some(Some((*room, sitting.heard_by == HeardBy::Nobody)))
        }
        MediaCommand::Close { lease: of } | MediaCommand::Part { lease: of } if of.0 == lease => Some(None),
        _ => None,
    };
    desk.media.iter().rev().find_map(told).flatten()
}

/// What was announced to all of a room, in order.
fn announced(desk: &Desk, of: RoomId) -> Vec<String> {
    let told = |command: &MediaCommand| match command {
        MediaCommand::Announce { room, sounds } if *room == of => {
            Some(sounds.iter().map(SoundName::as_str).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    };
    desk.media.iter().filter_map(told).collect()
}

/// The call of who came `nth`.
fn call(desk: &Desk, nth: usize) -> CallId {
    *desk.live.keys().nth(nth).expect("the call is up")
}

#[track_caller]
fn ordered(desk: &mut Desk, command: Command) -> Outcome {
    desk.tell(Input::Command(command));
    desk.outcomes.pop().expect("an order is answered")
}

#[test]
fn who_is_alone_hears_music_until_somebody_comes_and_whoever_goes_is_told_by_a_tone() {
    let Scene { mut desk, sari, budi, citra } = scene();
    let mut first = desk.enter(&sari, "8000");
    assert_eq!(
        (heard(&desk, 0).as_str(), seat(&desk, 0)),
        ("id/conference-first", Some((room(OPEN), false)))
    );
    desk.played(0);
    assert_eq!(heard(&desk, 0), "*music/default");
    let mut second = desk.enter(&budi, "8000");
    assert_eq!([heard(&desk, 0), heard(&desk, 1)], ["", ""], "they hear each other");
    assert_eq!(seat(&desk, 1), Some((room(OPEN), false)));
    let mut third = desk.enter(&citra, "8000");
    assert_eq!(announced(&desk, room(OPEN)), ["tone/joined"; 2]);
    assert_eq!(desk.events(), ["created", "answered"].repeat(3));
    assert_eq!(desk.detail("answered"), "conference/-");
    desk.goes(&mut first);
    assert_eq!(announced(&desk, room(OPEN)), ["tone/joined", "tone/joined", "tone/left"]);
    desk.goes(&mut third);
    assert_eq!(announced(&desk, room(OPEN)).len(), 3, "who is alone hears it by the music");
    assert_eq!(heard(&desk, 1), "*music/default");
    desk.goes(&mut second);
    assert_eq!(desk.detail("ended"), "caller_hung_up/-");
    assert!(desk.board.live_conferences().iter().all(|conference| conference.members.is_empty()));
    desk.rest();
}

#[test]
fn a_conference_without_tones_lets_people_come_and_go_quietly() {
    let Scene { mut desk, sari, budi, citra } = scene();
    let mut rows = rows();
    rows.organisations[0].extensions[3].conference =
        Some(Conference { has_tones: false, ..conference(OPEN) });
    desk.tell(Input::Plan(plan(&rows)));
    let callers = [sari, budi, citra].map(|phone| desk.enter(&phone, "8000"));
    for mut caller in callers {
        desk.goes(&mut caller);
    }
    assert!(announced(&desk, room(OPEN)).is_empty());
    desk.rest();
}

#[test]
fn the_pin_is_pressed_with_a_hash_or_without_and_what_is_said_is_not_waited_for() {
    for (keys, pause) in [("4711#", Duration::ZERO), ("4711", PAUSE)] {
        let Scene { mut desk, sari, .. } = scene();
        let mut caller = desk.enter(&sari, "8001");
        assert!(desk.is_listened_to(0));
        assert_eq!((heard(&desk, 0).as_str(), seat(&desk, 0)), ("id/conference-pin", None));
        assert_eq!(desk.events(), ["created"], "nobody has taken the call yet");
        desk.press(0, keys);
        desk.wait(pause);
        assert_eq!(seat(&desk, 0), Some((room(CLOSED), false)), "{keys}");
        assert_eq!(desk.events(), ["created", "answered"]);
        desk.goes(&mut caller);
        desk.rest();
    }
}

#[test]
fn who_presses_another_pin_three_times_or_none_at_all_is_let_go() {
    for (keys, pause) in [("4712#", Duration::ZERO), ("47", PAUSE), ("", PATIENCE), ("47110000000", PAUSE)] {
        let Scene { mut desk, sari, .. } = scene();
        desk.enter(&sari, "8001");
        for expected in ["id/pin-wrong id/conference-pin", "id/pin-wrong id/conference-pin"] {
            desk.press(0, keys);
            desk.wait(pause);
            // The eleventh key is the first of the next try.
            if keys.len() < 11 {
                assert_eq!(heard(&desk, 0), expected, "{keys}");
            }
        }
        desk.press(0, keys);
        desk.wait(pause);
        assert_eq!((heard(&desk, 0).as_str(), seat(&desk, 0)), ("id/pin-wrong id/goodbye", None), "{keys}");
        desk.press(0, "4711#");
        assert_eq!(seat(&desk, 0), None, "too late");
        desk.played(0);
        let bye = desk.expect(&sari, "BYE");
        desk.from(&sari, &sari.respond(&bye, 200, None));
        assert_eq!(desk.events(), ["created", "failed", "ended"]);
        assert_eq!(
            (desk.detail("failed"), desk.detail("ended")),
            ("wrong_pin/-".into(), "wrong_pin/-".into())
        );
        desk.rest();
    }
}

#[test]
fn a_pin_is_in_no_record_and_no_trace() {
    let Scene { mut desk, sari, .. } = scene();
    let mut caller = desk.enter(&sari, "8001");
    desk.press(0, "9183#4711#");
    desk.goes(&mut caller);
    for told in [format!("{:?}", desk.journal), format!("{:?}", desk.traces)] {
        assert!(!told.contains("4711") && !told.contains("9183"));
    }
    desk.rest();
}

#[test]
fn who_hangs_up_before_the_pin_is_canceled() {
    let Scene { mut desk, sari, .. } = scene();
    let mut caller = desk.enter(&sari, "8001");
    desk.press(0, "47");
    desk.goes(&mut caller);
    assert_eq!(desk.events(), ["created", "canceled", "ended"]);
    desk.rest();
}

#[test]
fn star_six_mutes_and_lets_be_heard_again_by_events_and_by_info() {
    let Scene { mut desk, sari, budi, .. } = scene();
    let mut first = desk.enter(&sari, "8000");
    let mut second = desk.enter(&budi, "8000");
    desk.press(0, "6*56");
    assert_eq!(seat(&desk, 0), Some((room(OPEN), false)), "the two belong together");
    desk.press(0, "**6");
    assert_eq!((seat(&desk, 0), heard(&desk, 0)), (Some((room(OPEN), true)), "id/conference-muted".into()));
    desk.played(0);
    desk.press(0, "6");
    assert_eq!(seat(&desk, 0), Some((room(OPEN), true)));
    desk.press(0, "*6");
    assert_eq!(
        (seat(&desk, 0), heard(&desk, 0)),
        (Some((room(OPEN), false)), "id/conference-unmuted".into())
    );
    for signal in ["*", "6"] {
        let headers = "Content-Type: application/dtmf-relay\r\n";
        let info = second.request("INFO", headers, Some(&format!("Signal={signal}\r\nDuration=160\r\n")));
        desk.from(&budi, &info.replace("Content-Type: application/sdp\r\n", ""));
        desk.expect(&budi, "SIP/2.0 200");
    }
    assert_eq!(seat(&desk, 1), Some((room(OPEN), true)));
    desk.goes(&mut first);
    desk.goes(&mut second);
    desk.rest();
}

#[test]
fn an_operator_sees_who_is_there_mutes_somebody_and_has_somebody_leave() {
    let Scene { mut desk, sari, budi, .. } = scene();
    let mut first = desk.enter(&sari, "8001");
    let asking = call(&desk, 0);
    let mute = |call, is_muted| Command::Mute { call, is_muted };
    assert_eq!(ordered(&mut desk, mute(asking, true)), Outcome::NotNow, "it is not in yet");
    desk.press(0, "4711#");
    desk.wait(Duration::from_secs(90));
    let _second = desk.enter(&budi, "8001");
    desk.press(1, "4711#");
    let shown = desk.board.live_conferences();
    let told: Vec<(&str, usize, bool)> =
        shown.iter().map(|one| (one.number.as_str(), one.members.len(), one.has_pin)).collect();
    assert_eq!(told, [("8000", 0, false), ("8001", 2, true)]);
    let members = &shown[1].members;
    assert_eq!((members[0].caller.as_str(), members[0].inside_secs, members[1].inside_secs), ("1001", 90, 0));
    let other = members[1].call;
    assert_eq!(ordered(&mut desk, mute(other, true)), Outcome::Done);
    assert_eq!((seat(&desk, 1), heard(&desk, 1)), (Some((room(CLOSED), true)), "id/conference-muted".into()));
    assert_eq!(ordered(&mut desk, mute(other, true)), Outcome::AlreadySo);
    assert!(desk.board.live_conferences()[1].members[1].is_muted);
    assert_eq!(ordered(&mut desk, Command::HangUp { call: other }), Outcome::Done);
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    assert_eq!(heard(&desk, 0), "*music/default");
    assert_eq!(ordered(&mut desk, mute(other, false)), Outcome::UnknownCall);
    desk.goes(&mut first);
    desk.rest();
}

/// Nobody wants to hear the music of a phone that holds.
#[test]
fn who_holds_is_not_heard_until_the_call_is_taken_back() {
    let Scene { mut desk, sari, budi, .. } = scene();
    let mut first = desk.enter(&sari, "8000");
    let mut second = desk.enter(&budi, "8000");
    for (direction, is_muted) in [("sendonly", true), ("sendrecv", false)] {
        let reinvite = first.request("INVITE", "", Some(&sari.sdp_with(direction)));
        desk.from(&sari, &reinvite);
        desk.expect(&sari, "SIP/2.0 100");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = first.ack(&ok, None);
        desk.from(&sari, &ack);
        assert_eq!(seat(&desk, 0), Some((room(OPEN), is_muted)), "{direction}");
    }
    desk.goes(&mut first);
    desk.goes(&mut second);
    desk.rest();
}

#[test]
fn a_full_room_is_busy_and_whoever_had_to_press_the_pin_is_told_so() {
    let Scene { mut desk, sari, budi, citra } = scene();
    let phones: Vec<Phone> = [("1002-mobile", "198.51.100.4:5060"), ("callee", "198.51.100.5:5060")]
        .map(|(user, at)| desk.phone(user, at))
        .into();
    let mut late = desk.enter(&phones[0], "8001");
    let mut members = [sari, budi, citra].map(|phone| desk.enter(&phone, "8001"));
    (1..=3).for_each(|lease| desk.press(lease, "4711#"));
    // A bare account reads status codes; nobody is answered only to hear this.
    let caller = desk.dial(&phones[1], "8001", Some(&phones[1].sdp()));
    let refusal = desk.expect(&phones[1], "SIP/2.0 486");
    desk.from(&phones[1], &caller.ack_refusal(&refusal));
    assert_eq!((desk.detail("busy"), desk.detail("ended")), ("conference_full/486".into(), "-/486".into()));
    // Who had been asked for the PIN while there was a seat left.
    desk.press(0, "4711#");
    assert_eq!((heard(&desk, 0).as_str(), seat(&desk, 0)), ("id/conference-full id/goodbye", None));
    desk.goes(&mut late);
    members.iter_mut().for_each(|member| desk.goes(member));
    desk.rest();
}

#[test]
fn a_conference_that_is_gone_lets_nobody_in_and_keeps_who_is_there() {
    let Scene { mut desk, sari, budi, citra } = scene();
    let mut members = [sari, budi].map(|phone| desk.enter(&phone, "8000"));
    desk.enter(&citra, "8001");
    desk.tell(Input::Plan(plan(&with_trunk(true))));
    desk.press(2, "4711#");
    assert_eq!(heard(&desk, 2), "id/not-available id/goodbye");
    desk.wait(Duration::from_secs(15));
    let bye = desk.expect(&citra, "BYE");
    desk.from(&citra, &citra.respond(&bye, 200, None));
    assert_eq!(desk.detail("failed"), "conference_gone/-");
    desk.press(0, "*6");
    assert_eq!(seat(&desk, 0), Some((room(OPEN), true)));
    members.iter_mut().for_each(|member| desk.goes(member));
    desk.rest();
}

/// Decision 0014: members are in their room, who was muted is, and nobody is told that somebody came or went.
#[test]
fn members_are_in_their_room_in_the_next_life() {
    let Scene { mut desk, sari, budi, citra } = scene();
    let mut first = desk.enter(&sari, "8000");
    let mut second = desk.enter(&budi, "8000");
    let mut asking = desk.enter(&citra, "8001");
    desk.press(1, "*6");
    desk.press(2, "47");
    let before = desk.media.len();
    desk.die();
    desk.tell(Input::Plan(plan(&rows())));
    assert_eq!(desk.media.len(), before, "the relay has its own memory");
    let shown = desk.board.live_conferences();
    let muted: Vec<bool> = shown[0].members.iter().map(|member| member.is_muted).collect();
    assert_eq!(muted, [false, true]);
    desk.press(2, "11#");
    assert_eq!(seat(&desk, 2), Some((room(CLOSED), false)), "what was pressed before counts");
    desk.goes(&mut first);
    assert_eq!(heard(&desk, 1), "*music/default");
    desk.goes(&mut second);
    desk.goes(&mut asking);
    desk.rest();
}

#[test]
fn a_call_that_was_forgotten_ends_after_a_day() {
    let Scene { mut desk, sari, .. } = scene();
    let caller = desk.enter(&sari, "8000");
    for _ in 0..24 * 60 * 60 {
        desk.wait(Duration::from_secs(1));
        // The phone is there and says so.
        if desk.sent.first().is_some_and(|(_, message)| start_line(message).starts_with("INVITE")) {
            let refresh = desk.expect(&sari, "INVITE");
            let answer = caller.respond(&refresh, 200, Some(&sari.sdp()));
            desk.from(&sari, &answer);
            desk.expect(&sari, "ACK");
        }
    }
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "time_limit/-");
    desk.rest();
}
