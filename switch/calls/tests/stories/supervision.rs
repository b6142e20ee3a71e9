//! A supervisor listens, whispers and barges in (decision 0049): who may, where everybody sits, and that the call goes on as it was.

mod ordered;
mod several;

use calls::{Command, Input, SwitchboardConfig};
use contract::{
    command::{Outcome, SupervisionMode},
    id::{CallId, UserId},
    journal::Fact,
};
use sip::OwnedMessage;
use streams::{
    conference::{HeardBy, Place, Sitting},
    media::{LeaseId, MediaCommand},
};

use crate::{
    codecs::transcoding,
    desk::{Caller, Desk, Phone, id, plan, rows, sound::heard},
    entrants::replaces,
};

const MUSIC: &str = "*music/default";
const OVERHEARD: Option<Sitting> = beside(false);
const SPOKEN_TO: Option<Sitting> = beside(true);

const fn beside(hears_room: bool) -> Option<Sitting> {
    Some(Sitting { heard_by: HeardBy::Everyone, place: Place::Beside { hears_room } })
}

const fn supervisor(heard_by: HeardBy) -> Option<Sitting> {
    Some(Sitting { heard_by, place: Place::Inside })
}

/// How a lease sits in a room now.
fn seat(desk: &Desk, of: u32) -> Option<Sitting> {
    let told = |command: &MediaCommand| match command {
        MediaCommand::Meet { lease, sitting, .. } if lease.0 == of => Some(Some(*sitting)),
        MediaCommand::Leave { lease } | MediaCommand::Close { lease } | MediaCommand::Part { lease }
            if lease.0 == of =>
        {
            Some(None)
        }
        MediaCommand::Join { a, b } if a.0 == of || b.0 == of => Some(None),
        _ => None,
    };
    desk.media.iter().rev().find_map(told).flatten()
}

/// Budi's line, the other one's, and the supervisor's.
fn seats(desk: &Desk) -> [Option<Sitting>; 3] {
    [1, 0, 2].map(|lease| seat(desk, lease))
}

const LISTENS: [Option<Sitting>; 3] = [OVERHEARD, OVERHEARD, supervisor(HeardBy::Nobody)];
const WHISPERS: [Option<Sitting>; 3] = [SPOKEN_TO, OVERHEARD, supervisor(HeardBy::Only(LeaseId(1)))];
const BARGES: [Option<Sitting>; 3] = [SPOKEN_TO, SPOKEN_TO, supervisor(HeardBy::Everyone)];

/// The steps of Sari, who listens to Budi, with their reasons.
fn steps(desk: &Desk) -> Vec<String> {
    let told = |entry: &contract::journal::Entry| match &entry.fact {
        Fact::Supervision(step) if step.supervisor == UserId(id(11)) => {
            assert_eq!(step.supervised, UserId(id(12)));
            Some(format!("{} {} {}", step.no, step.step(), step.reason))
        }
        _ => None,
    };
    desk.journal.iter().filter_map(told).collect()
}

/// Citra (lease 0) talks to Budi (lease 1).
struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    citra: Phone,
    caller: Caller,
    to_budi: OwnedMessage,
}

fn desk() -> Desk {
    Desk::mortal_with(SwitchboardConfig { hold_music: true, ..transcoding() })
}

impl Scene {
    fn talking() -> Self {
        Self::speaking([Phone::sdp, Phone::sdp])
    }

    /// The two describe themselves like this.
    fn speaking([of_citra, of_budi]: [fn(&Phone) -> String; 2]) -> Self {
        let mut desk = desk();
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        let mut caller = desk.dial(&citra, "1002", Some(&of_citra(&citra)));
        let to_budi = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&to_budi, 200, Some(&of_budi(&budi))));
        desk.expect(&budi, "ACK");
        desk.answered(&mut caller);
        desk.wait(std::time::Duration::from_secs(5));
        Self { desk, sari, budi, citra, caller, to_budi }
    }

    /// Sari (lease 2) listens.
    fn listened_to() -> (Self, Caller) {
        let mut scene = Self::talking();
        let sari = scene.sari.clone();
        let listener = scene.listens(&sari);
        (scene, listener)
    }

    #[track_caller]
    fn listens(&mut self, phone: &Phone) -> Caller {
        self.listens_to(phone, "1002")
    }

    #[track_caller]
    fn listens_to(&mut self, phone: &Phone, number: &str) -> Caller {
        let mut caller = self.desk.dial(phone, &format!("*33{number}"), Some(&phone.sdp()));
        let ok = self.desk.expect(phone, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        self.desk.from(phone, &ack);
        caller
    }

    /// What somebody is answered who dials this.
    #[track_caller]
    fn refused(&mut self, phone: &Phone, number: &str, line: &str) {
        let caller = self.desk.dial(phone, number, Some(&phone.sdp()));
        let refusal = self.desk.expect(phone, line);
        self.desk.from(phone, &caller.ack_refusal(&refusal));
    }

    /// The supervisor's own call.
    fn own(&self) -> CallId {
        self.desk.live.values().find(|call| call.dialled.starts_with("*33")).expect("somebody listens").call
    }

    fn orders(&mut self, command: Command) -> Outcome {
        self.desk.tell(Input::Command(command));
        self.desk.outcomes.pop().expect("an outcome")
    }

    #[track_caller]
    fn stops(&mut self, mut listener: Caller) {
        let bye = listener.request("BYE", "", None);
        let phone = listener.phone.clone();
        self.desk.from(&phone, &bye);
        self.desk.expect(&phone, "SIP/2.0 200");
    }

    /// The switch ends it.
    #[track_caller]
    fn is_let_go(&mut self, listener: &Caller, reason: &str) {
        let phone = listener.phone.clone();
        let bye = self.desk.expect(&phone, "BYE");
        self.desk.from(&phone, &listener.respond(&bye, 200, None));
        assert_eq!(
            steps(&self.desk).last().unwrap().split(' ').skip(1).collect::<Vec<_>>(),
            ["ended", reason]
        );
    }

    /// Citra holds, or goes on.
    #[track_caller]
    fn citra_says(&mut self, way: &str) {
        let citra = self.citra.clone();
        let reinvite = self.caller.request("INVITE", "", Some(&citra.sdp_with(way)));
        self.desk.from(&citra, &reinvite);
        self.desk.expect(&citra, "SIP/2.0 100");
        let ok = self.desk.expect(&citra, "SIP/2.0 200");
        let ack = self.caller.ack(&ok, None);
        self.desk.from(&citra, &ack);
    }

    #[track_caller]
    fn ends(mut self) {
        let budi = self.budi.clone();
        self.desk.hang_up(&mut self.caller, &budi);
        self.desk.rest();
    }
}

#[test]
fn a_supervisor_listens_whispers_and_barges_in_by_keys_and_the_two_are_asked_nothing() {
    let (mut scene, listener) = Scene::listened_to();
    assert_eq!(seats(&scene.desk), LISTENS);
    for (key, expected) in [("5", WHISPERS), ("6", BARGES), ("6", BARGES), ("9", BARGES), ("4", LISTENS)] {
        scene.desk.press(2, key);
        assert_eq!(seats(&scene.desk), expected, "{key}");
    }
    scene.desk.press(2, "6");
    scene.stops(listener);
    assert_eq!([seat(&scene.desk, 0), seat(&scene.desk, 1)], [None, None]);
    scene.desk.silent(&scene.budi);
    scene.desk.silent(&scene.citra);
    assert_eq!(
        steps(&scene.desk),
        [
            "1 listen dialled",
            "2 whisper key",
            "3 barge key",
            "4 listen key",
            "5 barge key",
            "6 ended hung_up"
        ]
    );
    assert_eq!(scene.desk.detail("answered"), "listen/-");
    assert_eq!(scene.desk.number_of("answered").as_deref(), Some("1002"));
    scene.ends();
}

#[test]
fn a_supervisor_is_ordered_to_be_heard_by_others() {
    let (mut scene, listener) = Scene::listened_to();
    let call = scene.own();
    let order = |mode| Command::Supervise { call, mode };
    assert_eq!(scene.orders(order(SupervisionMode::Whisper)), Outcome::Done);
    assert_eq!(seats(&scene.desk), WHISPERS);
    assert_eq!(scene.orders(order(SupervisionMode::Whisper)), Outcome::AlreadySo);
    let other = *scene.desk.live.keys().next().unwrap();
    let other = Command::Supervise { call: other, mode: SupervisionMode::Barge };
    assert_eq!(scene.orders(other), Outcome::NotNow);
    let nobody = Command::Supervise { call: CallId(id(9)), mode: SupervisionMode::Barge };
    assert_eq!(scene.orders(nobody), Outcome::UnknownCall);
    assert_eq!(scene.orders(Command::HangUp { call }), Outcome::Done);
    assert_eq!(steps(&scene.desk)[1], "2 whisper command");
    scene.is_let_go(&listener, "operator");
    assert_eq!([seat(&scene.desk, 0), seat(&scene.desk, 1)], [None, None]);
    scene.ends();
}

/// Nobody hears more than what they may, and who may hear nothing is not told whether there is anything.
#[test]
fn who_supervises_nobody_hears_nobody() {
    let mut scene = Scene::talking();
    let bare = scene.desk.phone("u0", "198.51.100.4:5060");
    let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
    for (phone, number) in [(&bare, "*331002"), (&citra, "*331002"), (&citra, "*331001"), (&sari, "*331001")]
    {
        scene.refused(phone, number, "SIP/2.0 403 Not A Supervisor");
        assert_eq!(scene.desk.detail("failed"), "not_supervisor/403");
    }
    // 200 and 300 have nobody, 9 is no number at all.
    scene.refused(&sari, "*33300", "SIP/2.0 403");
    scene.refused(&sari, "*339", "SIP/2.0 404");
    assert!(steps(&scene.desk).is_empty());
    scene.ends();
}

#[test]
fn there_is_somebody_to_listen_to_or_the_supervisor_is_told_so() {
    let mut scene = Scene::talking();
    let sari = scene.sari.clone();
    let budi = scene.budi.clone();
    scene.desk.hang_up(&mut scene.caller, &budi);
    scene.refused(&sari, "*331002", "SIP/2.0 480");
    assert_eq!(scene.desk.detail("failed"), "nobody_talks/480");
    scene.refused(&sari, "*33100", "SIP/2.0 480");
    scene.desk.rest();
}

/// By the number of a desk it is the newest call of its people; and one supervisor is enough.
#[test]
fn the_newest_call_of_a_desk_is_listened_to_by_one() {
    let mut scene = Scene::talking();
    let mut rows = rows();
    rows.revision = 2;
    rows.organisations[0].extensions[0].supervisors.push(UserId(id(13)));
    scene.desk.tell(Input::Plan(plan(&rows)));
    let sari = scene.sari.clone();
    let mut listener = scene.desk.dial(&sari, "*33100", Some(&sari.sdp()));
    let ok = scene.desk.expect(&sari, "SIP/2.0 200");
    let citra = scene.citra.clone();
    scene.refused(&citra, "*331002", "SIP/2.0 486");
    assert_eq!(scene.desk.detail("failed"), "supervised/486");
    let ack = listener.ack(&ok, None);
    scene.desk.from(&sari, &ack);
    assert_eq!(seats(&scene.desk), LISTENS);
    scene.stops(listener);
    scene.ends();
}

#[test]
fn while_a_side_holds_nobody_is_overheard_and_the_supervisor_hears_music() {
    let (mut scene, listener) = Scene::listened_to();
    scene.desk.press(2, "5");
    for (way, heard_there) in [("sendonly", MUSIC), ("sendrecv", "")] {
        scene.citra_says(way);
        assert_eq!([heard(&scene.desk, 1), heard(&scene.desk, 2)], [heard_there; 2], "{way}");
        let sits = if way == "sendonly" { [None, None, supervisor(HeardBy::Nobody)] } else { WHISPERS };
        assert_eq!(seats(&scene.desk), sits);
    }
    scene.stops(listener);
    scene.ends();
}

/// A bug: who dialled the code while there was nothing to be heard heard dead silence.
#[test]
fn a_supervisor_who_comes_while_a_side_holds_hears_music_until_they_talk() {
    let mut scene = Scene::talking();
    scene.citra_says("sendonly");
    let sari = scene.sari.clone();
    let listener = scene.listens(&sari);
    assert_eq!(heard(&scene.desk, 2), MUSIC);
    assert_eq!(seats(&scene.desk), [None, None, supervisor(HeardBy::Nobody)]);
    scene.citra_says("sendrecv");
    assert_eq!((heard(&scene.desk, 2).as_str(), seats(&scene.desk)), ("", LISTENS));
    scene.stops(listener);
    scene.ends();
}

/// The same where the two speak what the switch cannot.
#[test]
fn a_supervisor_of_two_who_speak_no_codec_of_ours_hears_music() {
    let mut scene = Scene::speaking([|phone| phone.sdp_of(18); 2]);
    let sari = scene.sari.clone();
    let listener = scene.listens(&sari);
    assert_eq!(
        (heard(&scene.desk, 2).as_str(), [seat(&scene.desk, 0), seat(&scene.desk, 1)]),
        (MUSIC, [None; 2])
    );
    scene.stops(listener);
    scene.ends();
}

/// A key is told to the other one as in any call, and those of the supervisor to nobody.
#[test]
fn keys_of_a_supervised_call_go_on_and_mean_nothing_to_the_supervisor() {
    let with_events: fn(&Phone) -> String =
        |phone| phone.sdp_speaking(&[(0, "PCMU/8000"), (101, "telephone-event/8000")], "sendrecv");
    let mut scene = Scene::speaking([with_events, Phone::sdp]);
    let sari = scene.sari.clone();
    let listener = scene.listens(&sari);
    scene.desk.press(0, "5");
    scene.desk.press(1, "6");
    assert_eq!(seats(&scene.desk), LISTENS);
    scene.desk.press(2, "5");
    assert_eq!(seats(&scene.desk), WHISPERS);
    let pressed = |command: &MediaCommand| match command {
        MediaCommand::Press { lease, key, .. } => Some((lease.0, key.sign())),
        _ => None,
    };
    assert_eq!(scene.desk.media.iter().filter_map(pressed).collect::<Vec<_>>(), [(1, '5'), (0, '6')]);
    scene.stops(listener);
    scene.ends();
}

/// A supervisor who holds has music of their own phone's, which is for nobody to hear.
#[test]
fn who_listens_and_holds_is_not_heard() {
    let (mut scene, mut listener) = Scene::listened_to();
    scene.desk.press(2, "6");
    for (way, expected) in [("sendonly", HeardBy::Nobody), ("sendrecv", HeardBy::Everyone)] {
        let sari = scene.sari.clone();
        let reinvite = listener.request("INVITE", "", Some(&sari.sdp_with(way)));
        scene.desk.from(&sari, &reinvite);
        scene.desk.expect(&sari, "SIP/2.0 100");
        let ok = scene.desk.expect(&sari, "SIP/2.0 200");
        let ack = listener.ack(&ok, None);
        scene.desk.from(&sari, &ack);
        assert_eq!(seat(&scene.desk, 2), supervisor(expected));
    }
    scene.stops(listener);
    scene.ends();
}

#[test]
fn it_is_over_when_the_call_is() {
    let (mut scene, listener) = Scene::listened_to();
    let budi = scene.budi.clone();
    scene.desk.hang_up(&mut scene.caller, &budi);
    scene.is_let_go(&listener, "left");
    scene.desk.rest();
}

/// Budi has Citra ring somewhere else: for as long as he may have her back the supervisor waits with him.
#[test]
fn who_sends_the_call_on_is_left_with_it() {
    let (mut scene, listener) = Scene::listened_to();
    let callee = scene.desk.phone("callee", "198.51.100.5:5060");
    let call = *scene.desk.live.keys().next().unwrap();
    let order = Command::Transfer { call, leg: None, to: "callee".into() };
    assert_eq!(scene.orders(order), Outcome::Done);
    let invite = scene.desk.expect(&callee, "INVITE");
    assert_eq!(heard(&scene.desk, 2), MUSIC);
    assert_eq!(seats(&scene.desk), [None, None, supervisor(HeardBy::Nobody)]);
    scene.desk.from(&callee, &callee.respond(&invite, 486, None));
    scene.desk.expect(&callee, "ACK");
    assert_eq!(seats(&scene.desk), LISTENS, "it has come back");
    assert_eq!(heard(&scene.desk, 2), "");
    scene.stops(listener);
    scene.ends();
}

/// Who may listen is the newest plan's word, in the middle of it too.
#[test]
fn a_supervisor_who_is_none_any_more_is_let_go_and_the_call_goes_on() {
    let (mut scene, listener) = Scene::listened_to();
    scene.desk.press(2, "6");
    let mut rows = rows();
    rows.revision = 2;
    rows.organisations[0].extensions[0].supervisors.clear();
    scene.desk.tell(Input::Plan(plan(&rows)));
    scene.is_let_go(&listener, "not_supervisor");
    assert_eq!([seat(&scene.desk, 0), seat(&scene.desk, 1)], [None, None]);
    scene.ends();
}

/// Budi goes on at his mobile (RFC 3891).
#[test]
fn it_follows_the_person_and_not_the_phone() {
    let (mut scene, listener) = Scene::listened_to();
    let (budi, mobile) = (scene.budi.clone(), Phone::new("1002-mobile", "198.51.100.9:5060"));
    let headers = replaces(&scene.to_budi, &budi, "");
    let mut moved = scene.desk.dial_with(&mobile, "1002", &headers, Some(&mobile.sdp()));
    scene.desk.expect(&mobile, "SIP/2.0 100");
    let ok = scene.desk.expect(&mobile, "SIP/2.0 200");
    let ack = moved.ack(&ok, None);
    scene.desk.from(&mobile, &ack);
    let bye = scene.desk.expect(&budi, "BYE");
    scene.desk.from(&budi, &budi.respond(&bye, 200, None));
    let citra = scene.citra.clone();
    let told = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &scene.caller.respond(&told, 200, Some(&citra.sdp())));
    scene.desk.expect(&citra, "ACK");
    assert_eq!([seat(&scene.desk, 3), seat(&scene.desk, 0)], [OVERHEARD; 2]);
    scene.desk.press(2, "5");
    assert_eq!(seat(&scene.desk, 2), supervisor(HeardBy::Only(LeaseId(3))));
    scene.desk.hang_up(&mut scene.caller, &mobile);
    scene.is_let_go(&listener, "left");
    scene.desk.rest();
}

/// Decision 0014: the supervisor comes back with the call, and is where they were.
#[test]
fn a_supervisor_goes_on_after_a_crash() {
    let (mut scene, listener) = Scene::listened_to();
    scene.desk.press(2, "5");
    scene.desk.die();
    assert_eq!(seats(&scene.desk), WHISPERS);
    scene.desk.press(2, "6");
    assert_eq!(seats(&scene.desk), BARGES);
    assert_eq!(steps(&scene.desk).last().unwrap(), "3 barge key");
    scene.stops(listener);
    scene.ends();
}
