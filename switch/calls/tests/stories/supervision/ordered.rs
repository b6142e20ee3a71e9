//! A supervisor listens by order: their own phones ring first, and it is looked up again to whom when one has answered.

use super::*;
use crate::desk::{DOMAIN, header, lease};
use contract::{
    id::{AccountId, OrgId},
    time::Timestamp,
};
use sip::digest;
use streams::media::MediaEvent;

/// An order for whoever has that number to listen to the call between Citra and Budi.
fn order(scene: &Scene, from: &str) -> Command {
    let subject = scene.desk.live.values().find(|call| call.dialled == "1002").map(|call| call.call);
    let subject = subject.unwrap_or(CallId(id(9)));
    let mode = SupervisionMode::Listen;
    Command::Listen { org: None, call: None, subject, from: from.into(), mode, auto_answer: false }
}

impl Scene {
    /// Sari is to listen, and her phone rings.
    #[track_caller]
    fn is_to_listen(&mut self) -> OwnedMessage {
        let order = order(self, "1001");
        let Outcome::Called(call) = self.orders(order) else { panic!("it is refused") };
        assert!(self.desk.live.contains_key(&call));
        let invite = self.desk.expect(&self.sari, "INVITE");
        self.desk.from(&self.sari, &self.sari.respond(&invite, 180, None));
        invite
    }

    #[track_caller]
    fn sari_answers(&mut self, invite: &OwnedMessage) {
        self.desk.from(&self.sari, &self.sari.respond(invite, 200, Some(&self.sari.sdp())));
        self.desk.expect(&self.sari, "ACK");
    }

    #[track_caller]
    fn sari_hangs_up(&mut self, invite: &OwnedMessage) {
        self.desk.from(&self.sari, &self.sari.request("BYE", 90, invite, "", None));
        self.desk.expect(&self.sari, "SIP/2.0 200");
    }

    /// Sari hears that there is nobody to listen to, and is let go.
    #[track_caller]
    fn sari_is_told(&mut self, line: u32, reason: &str) {
        assert_eq!(heard(&self.desk, line), "id/not-available");
        self.desk.played(line);
        let bye = self.desk.expect(&self.sari, "BYE");
        self.desk.from(&self.sari, &self.sari.respond(&bye, 200, None));
        let told = format!("{reason}/-");
        assert_eq!((self.desk.detail("failed"), self.desk.detail("ended")), (told.clone(), told));
    }
}

#[test]
fn whoever_answers_listens_in_the_mode_that_was_ordered_and_the_two_are_asked_nothing() {
    use SupervisionMode::{Barge, Listen, Whisper};
    for (wanted, sits) in [(Listen, LISTENS), (Whisper, WHISPERS), (Barge, BARGES)] {
        let mut scene = Scene::talking();
        let Command::Listen { subject, from, .. } = order(&scene, "1001") else { panic!("an order") };
        let own = Some(OrgId(id(1)));
        let command =
            Command::Listen { org: own, call: None, subject, from, mode: wanted, auto_answer: true };
        assert!(matches!(scene.orders(command), Outcome::Called(_)));
        let invite = scene.desk.expect(&scene.sari, "INVITE");
        assert!(header(&invite, "From").unwrap().contains("<sip:*331002@"), "what could be dialled for it");
        assert!(header(&invite, "Alert-Info").unwrap().contains("alert-autoanswer"));
        assert_eq!(seats(&scene.desk), [None; 3]);
        scene.sari_answers(&invite);
        assert_eq!(seats(&scene.desk), sits);
        assert_eq!(steps(&scene.desk), [format!("1 {} ordered", wanted.as_str())]);
        assert_eq!(scene.desk.detail("answered"), "listen/-");
        assert_eq!(scene.desk.number_of("answered").as_deref(), Some("1002"));
        // The keys are those of who has dialled the code.
        scene.desk.press(2, "5");
        assert_eq!(seats(&scene.desk), WHISPERS);
        scene.desk.press(2, "4");
        assert_eq!(seats(&scene.desk), LISTENS);
        scene.sari_hangs_up(&invite);
        assert_eq!([seat(&scene.desk, 0), seat(&scene.desk, 1)], [None, None]);
        assert!(steps(&scene.desk).last().unwrap().ends_with("ended hung_up"));
        scene.desk.silent(&scene.budi);
        scene.desk.silent(&scene.citra);
        scene.ends();
    }
}

#[test]
fn who_may_not_listen_or_to_nobody_is_refused_before_any_phone_rings() {
    let mut scene = Scene::talking();
    scene.desk.phone("u0", "198.51.100.4:5060");
    for (from, outcome) in [
        ("1003", Outcome::NotAllowed),
        ("1002", Outcome::NotAllowed),
        ("u0", Outcome::NotAllowed),
        ("1009", Outcome::UnknownCaller),
        ("100", Outcome::UnknownCaller),
    ] {
        let order = order(&scene, from);
        assert_eq!(scene.orders(order), outcome, "{from}");
    }
    let Command::Listen { subject, from, mode, .. } = order(&scene, "1001") else { panic!("an order") };
    let to = |org, call, subject| Command::Listen {
        org,
        call,
        subject,
        from: from.clone(),
        mode,
        auto_answer: false,
    };
    assert_eq!(scene.orders(to(Some(OrgId(id(2))), None, subject)), Outcome::UnknownCall);
    assert_eq!(scene.orders(to(None, None, CallId(id(9)))), Outcome::UnknownCall);
    assert_eq!(scene.orders(to(None, Some(CallId(id(9))), subject)), Outcome::UnusableId);
    scene.desk.silent(&scene.sari);
    // A repeat is known by its id, whatever has become of the first.
    let own = CallId::new(Timestamp(1_800_000_000_000_000), [7; 10]);
    assert_eq!(scene.orders(to(None, Some(own), subject)), Outcome::Called(own));
    let invite = scene.desk.expect(&scene.sari, "INVITE");
    assert_eq!(scene.orders(to(None, Some(own), subject)), Outcome::AlreadySo);
    scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 603, None));
    scene.desk.expect(&scene.sari, "ACK");
    assert_eq!(scene.desk.detail("ended"), "caller_declined/603");
    assert_eq!(scene.orders(to(None, Some(own), subject)), Outcome::AlreadySo);
    let sari = scene.sari.clone();
    let listener = scene.listens(&sari);
    assert_eq!(scene.orders(to(None, None, subject)), Outcome::Busy);
    scene.stops(listener);
    scene.desk.tell(Input::JournalPressure(true));
    assert_eq!(scene.orders(to(None, None, subject)), Outcome::NotNow);
    scene.desk.tell(Input::JournalPressure(false));
    let citra = scene.citra.clone();
    scene.citra_says("sendonly");
    scene.citra_says("sendrecv");
    scene.desk.silent(&citra);
    scene.ends();
}

#[test]
fn nobody_is_listened_to_where_it_still_rings() {
    let mut desk = desk();
    let [_, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let mut caller = desk.dial(&citra, "1002", Some(&citra.sdp()));
    let to_budi = desk.expect(&budi, "INVITE");
    let subject = *desk.live.keys().next().unwrap();
    let mode = SupervisionMode::Listen;
    let order =
        Command::Listen { org: None, call: None, subject, from: "1001".into(), mode, auto_answer: false };
    desk.tell(Input::Command(order));
    assert_eq!(desk.outcomes.pop(), Some(Outcome::NotNow));
    desk.from(&budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    desk.answered(&mut caller);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

/// The two have gone while the supervisor's phone rang.
#[test]
fn a_supervisor_who_comes_too_late_is_told_and_let_go() {
    for hangs_up in [false, true] {
        let mut scene = Scene::talking();
        let invite = scene.is_to_listen();
        let budi = scene.budi.clone();
        scene.desk.hang_up(&mut scene.caller, &budi);
        scene.sari_answers(&invite);
        if hangs_up {
            scene.sari_hangs_up(&invite);
            assert_eq!(scene.desk.detail("ended"), "caller_hung_up/-");
        } else {
            scene.sari_is_told(2, "nobody_talks");
        }
        assert_eq!(scene.desk.events()[4..], ["ended", "failed", "ended"].map(str::to_owned)[..]);
        assert!(steps(&scene.desk).is_empty());
        scene.desk.rest();
    }
}

#[test]
fn who_supervises_nobody_any_more_when_they_answer_hears_nothing() {
    let mut scene = Scene::talking();
    let invite = scene.is_to_listen();
    let mut rows = rows();
    rows.revision = 2;
    rows.organisations[0].extensions[0].supervisors.clear();
    scene.desk.tell(Input::Plan(plan(&rows)));
    scene.sari_answers(&invite);
    assert_eq!(seats(&scene.desk), [None; 3]);
    scene.sari_is_told(2, "not_supervisor");
    scene.ends();
}

/// One supervisor of a call at a time: who answers first.
#[test]
fn of_two_orders_the_one_that_is_answered_first_listens() {
    let mut scene = Scene::talking();
    let [first, second] = [(); 2].map(|()| scene.is_to_listen());
    scene.sari_answers(&second);
    assert_eq!(seat(&scene.desk, 3), supervisor(HeardBy::Nobody));
    scene.sari_answers(&first);
    scene.sari_is_told(2, "supervised");
    assert_eq!([seat(&scene.desk, 1), seat(&scene.desk, 0)], [OVERHEARD; 2]);
    scene.sari_hangs_up(&second);
    scene.ends();
}

/// Both of her phones answer in the same instant.
#[test]
fn of_two_phones_that_answer_in_one_instant_the_first_listens() {
    let mut scene = Scene::talking();
    let mut rows = rows();
    rows.revision = 2;
    let mut mobile = rows.organisations[0].accounts[0].clone();
    (mobile.id, mobile.username) = (AccountId(id(37)), "1001-mobile".into());
    mobile.ha1_md5 = digest::ha1(digest::Algorithm::Md5, &mobile.username, DOMAIN, "secret");
    mobile.ha1_sha256 = digest::ha1(digest::Algorithm::Sha256, &mobile.username, DOMAIN, "secret");
    rows.organisations[0].accounts.push(mobile);
    scene.desk.tell(Input::Plan(plan(&rows)));
    let other = scene.desk.phone("1001-mobile", "198.51.100.9:5060");
    let invite = scene.is_to_listen();
    let to_other = scene.desk.expect(&other, "INVITE");
    scene.desk.from(&scene.sari, &scene.sari.respond(&invite, 200, Some(&scene.sari.sdp())));
    scene.desk.from(&other, &other.respond(&to_other, 200, Some(&other.sdp())));
    scene.desk.expect(&scene.sari, "ACK");
    scene.desk.expect(&other, "ACK");
    let bye = scene.desk.expect(&other, "BYE");
    scene.desk.from(&other, &other.respond(&bye, 200, None));
    assert_eq!(seats(&scene.desk), LISTENS);
    assert_eq!(steps(&scene.desk), ["1 listen ordered"]);
    scene.sari_hangs_up(&invite);
    scene.ends();
}

/// Budi goes on at his mobile while the supervisor's phone rings.
#[test]
fn whom_it_is_about_is_found_at_the_phone_that_they_are_at_by_then() {
    let mut scene = Scene::talking();
    let invite = scene.is_to_listen();
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
    scene.sari_answers(&invite);
    assert_eq!([seat(&scene.desk, 3), seat(&scene.desk, 0)], [OVERHEARD; 2]);
    scene.sari_hangs_up(&invite);
    scene.desk.hang_up(&mut scene.caller, &mobile);
    scene.desk.rest();
}

/// Decision 0014, before the phone has answered and after.
#[test]
fn an_order_to_listen_outlives_the_process() {
    for is_answered in [false, true] {
        let mut scene = Scene::talking();
        let invite = scene.is_to_listen();
        if is_answered {
            scene.sari_answers(&invite);
        }
        scene.desk.die();
        scene.desk.tell(Input::Media(MediaEvent::Stock(vec![lease(3)])));
        if !is_answered {
            scene.sari_answers(&invite);
        }
        assert_eq!(seats(&scene.desk), LISTENS);
        assert_eq!(steps(&scene.desk), ["1 listen ordered"]);
        scene.sari_hangs_up(&invite);
        scene.ends();
    }
}
