//! Whose word holds where an extension and its organisation say different things of recording, wherever rules and people
//! send the call (H-052, HX-22; decision 0037).

use std::time::Duration;

use calls::{Input, Outcome, SwitchboardConfig};
use contract::{
    command::RecordingOrder as Wish,
    id::{ExtensionId, RuleId, UserId},
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{
        RecordingPolicy::{self, Always, Never, OnDemand},
        Snapshot,
    },
};
use sip::OwnedMessage;
use uuid::Uuid;

use crate::{
    codecs::transcoding,
    desk::{
        Caller, DOMAIN, Desk, Phone, id, plan, rows,
        sound::{heard, is_joined},
    },
    queues::queue,
    recording::{order, tapped, words},
    redirects::moved,
};

const RING: Duration = Duration::from_secs(60);

/// The organisation's word, and those of the extensions 100 of Budi and 200 of Citra.
fn said(organisation: RecordingPolicy, of: [Option<RecordingPolicy>; 2]) -> Snapshot {
    let mut rows = rows();
    rows.organisations[0].recording = organisation;
    let extensions = &mut rows.organisations[0].extensions;
    for ((extension, said), user) in extensions.iter_mut().zip(of).zip([12, 13]) {
        extension.staff = vec![UserId(id(user))];
        extension.is_active = true;
        extension.recording = said;
    }
    rows
}

/// What becomes of calls to 100 that nobody answers.
fn forwarded(mut rows: Snapshot, action: Action) -> Snapshot {
    rows.organisations[0].extensions[0].rules = vec![Rule {
        id: RuleId(Uuid::from_u128(1)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition: Condition::NoAnswer,
        action,
    }];
    rows
}

fn to_200() -> Action {
    Action::ForwardExtension(ExtensionId(id(22)))
}

struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    citra: Phone,
    cseq: u32,
}

impl Scene {
    fn of(rows: &Snapshot) -> Self {
        let mut desk = Desk::mortal_with(SwitchboardConfig { hold_music: true, ..transcoding() });
        desk.tell(Input::Plan(plan(rows)));
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        Self { desk, sari, budi, citra, cseq: 0 }
    }

    /// Sari talks to Budi.
    #[track_caller]
    fn talk(&mut self, number: &str) -> (Caller, OwnedMessage) {
        self.desk.talk(&self.sari, &self.budi, number)
    }

    /// Nobody answers at 100.
    #[track_caller]
    fn budi_does_not_answer(&mut self) -> Caller {
        let caller = self.desk.dial(&self.sari, "100", Some(&self.sari.sdp()));
        let invite = self.desk.expect(&self.budi, "INVITE");
        self.desk.from(&self.budi, &self.budi.respond(&invite, 180, None));
        self.desk.expect(&self.sari, "SIP/2.0 180");
        self.desk.wait(RING);
        self.given_up(&self.budi.clone(), &invite);
        caller
    }

    #[track_caller]
    fn given_up(&mut self, phone: &Phone, invite: &OwnedMessage) {
        let cancel = self.desk.expect(phone, "CANCEL");
        self.desk.from(phone, &phone.respond(&cancel, 200, None));
        self.desk.from(phone, &phone.respond(invite, 487, None));
        self.desk.expect(phone, "ACK");
    }

    /// The called one sends the caller on, and wants to hear nothing of how it goes.
    #[track_caller]
    fn sends_on(&mut self, phone: &Phone, its: &OwnedMessage, number: &str) {
        self.cseq += 1;
        let headers = format!("Refer-To: <sip:{number}@{DOMAIN}>\r\nRefer-Sub: false\r\n");
        self.desk.from(phone, &phone.request("REFER", self.cseq, its, &headers, None));
        self.desk.expect(phone, "SIP/2.0 202");
    }

    #[track_caller]
    fn takes(&mut self, phone: &Phone) -> OwnedMessage {
        let invite = self.desk.expect(phone, "INVITE");
        self.desk.from(phone, &phone.respond(&invite, 200, Some(&phone.sdp())));
        self.desk.expect(phone, "ACK");
        invite
    }

    #[track_caller]
    fn is_let_go(&mut self, phone: &Phone) {
        let bye = self.desk.expect(phone, "BYE");
        self.desk.from(phone, &phone.respond(&bye, 200, None));
    }

    /// Sari is told where she is now.
    #[track_caller]
    fn is_moved(&mut self, caller: &Caller) {
        let reinvite = self.desk.expect(&self.sari, "INVITE");
        self.desk.from(&self.sari, &caller.respond(&reinvite, 200, Some(&self.sari.sdp())));
        self.desk.expect(&self.sari, "ACK");
    }

    #[track_caller]
    fn answered_by_citra(&mut self, caller: &mut Caller) {
        self.takes(&self.citra.clone());
        let ok = self.desk.expect(&self.sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        self.desk.from(&self.sari, &ack);
    }
}

#[test]
fn what_an_extension_says_goes_before_what_its_organisation_says() {
    for organisation in [Never, OnDemand, Always] {
        for extension in [None, Some(Never), Some(OnDemand), Some(Always)] {
            let mut scene = Scene::of(&said(organisation, [extension, None]));
            let (mut caller, _) = scene.talk("100");
            let outcome = order(&mut scene.desk, Wish::Start);
            let expected = match extension.unwrap_or(organisation) {
                Never => Outcome::NotAllowed,
                OnDemand => Outcome::Done,
                Always => Outcome::AlreadySo,
            };
            assert_eq!(outcome, expected, "{organisation:?} {extension:?}");
            scene.desk.hang_up(&mut caller, &scene.budi);
            scene.desk.rest();
        }
    }
    // Budi by his own number is nobody's extension.
    let mut scene = Scene::of(&said(Always, [Some(Never), None]));
    scene.talk("1002");
    assert_eq!(words(&scene.desk), ["1 started policy"]);
}

#[test]
fn a_forwarded_call_is_recorded_as_whoever_answers_it_is() {
    for (of, organisation, expected) in [
        ([Some(Always), Some(Never)], Always, Outcome::NotAllowed),
        ([Some(Never), None], Always, Outcome::AlreadySo),
        ([Some(Never), Some(OnDemand)], Never, Outcome::Done),
    ] {
        let mut scene = Scene::of(&forwarded(said(organisation, of), to_200()));
        let mut caller = scene.budi_does_not_answer();
        scene.desk.expect(&scene.sari, "SIP/2.0 181");
        assert!(words(&scene.desk).is_empty());
        scene.answered_by_citra(&mut caller);
        assert_eq!(order(&mut scene.desk, Wish::Start), expected, "{of:?}");
        scene.desk.hang_up(&mut caller, &scene.citra);
        scene.desk.rest();
    }
}

#[test]
fn who_stands_in_for_an_extension_is_recorded_as_it_is() {
    let rows = forwarded(said(Always, [Some(Never), None]), Action::ForwardStaff(UserId(id(13))));
    let mut scene = Scene::of(&rows);
    let mut caller = scene.budi_does_not_answer();
    scene.desk.expect(&scene.sari, "SIP/2.0 181");
    scene.answered_by_citra(&mut caller);
    assert!(words(&scene.desk).is_empty());
    scene.desk.hang_up(&mut caller, &scene.citra);
    scene.desk.rest();
    // So is who a phone of the extension says to be elsewhere at.
    let mut scene = Scene::of(&rows);
    let mut caller = scene.desk.dial(&scene.sari, "100", Some(&scene.sari.sdp()));
    let invite = scene.desk.expect(&scene.budi, "INVITE");
    let contact = format!("<sip:1003@{DOMAIN}>");
    scene.desk.from(&scene.budi, &moved(&scene.budi, &invite, 302, &contact));
    scene.desk.expect(&scene.budi, "ACK");
    scene.answered_by_citra(&mut caller);
    assert!(words(&scene.desk).is_empty());
    scene.desk.hang_up(&mut caller, &scene.citra);
    scene.desk.rest();
}

#[test]
fn one_recording_goes_through_hold_and_transfer_where_nobody_forbids_it() {
    let mut scene = Scene::of(&said(OnDemand, [Some(Always), None]));
    let (mut caller, to_budi) = scene.talk("100");
    let (budi, citra, sari) = (scene.budi.clone(), scene.citra.clone(), scene.sari.clone());
    for direction in ["sendonly", "sendrecv"] {
        let hold = caller.request("INVITE", "", Some(&sari.sdp_with(direction)));
        scene.desk.from(&sari, &hold);
        scene.desk.expect(&sari, "SIP/2.0 100");
        let ok = scene.desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        scene.desk.from(&sari, &ack);
    }
    scene.sends_on(&budi, &to_budi, "1003");
    scene.takes(&citra);
    scene.is_let_go(&budi);
    scene.is_moved(&caller);
    assert!(is_joined(&scene.desk, 0, 2) && tapped(&scene.desk).len() == 2);
    scene.desk.hang_up(&mut caller, &citra);
    assert_eq!(words(&scene.desk), ["1 started policy", "2 stopped call_ended"]);
    scene.desk.rest();
}

#[test]
fn a_recording_ends_where_the_call_is_sent_to_an_extension_that_forbids_it_and_another_begins_behind_it() {
    let mut scene = Scene::of(&said(OnDemand, [Some(Always), Some(Never)]));
    let (mut caller, to_budi) = scene.talk("100");
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    scene.sends_on(&budi, &to_budi, "200");
    assert_eq!(words(&scene.desk), ["1 started policy"], "as long as nobody has answered");
    let to_citra = scene.takes(&citra);
    scene.is_let_go(&budi);
    scene.is_moved(&caller);
    assert_eq!(words(&scene.desk), ["1 started policy", "2 stopped forbidden"]);
    assert!(tapped(&scene.desk).is_empty());
    assert_eq!(order(&mut scene.desk, Wish::Start), Outcome::NotAllowed);
    scene.sends_on(&citra, &to_citra, "100");
    assert!(tapped(&scene.desk).is_empty());
    scene.takes(&budi);
    scene.is_let_go(&citra);
    scene.is_moved(&caller);
    assert_eq!(tapped(&scene.desk).len(), 2);
    scene.desk.hang_up(&mut caller, &budi);
    let all = ["1 started policy", "2 stopped forbidden", "1 started policy", "2 stopped call_ended"];
    assert_eq!(words(&scene.desk), all);
    scene.desk.rest();
}

/// What a person has ordered holds for all of the call.
#[test]
fn what_was_stopped_stays_stopped_at_the_next_extension() {
    let mut scene = Scene::of(&said(Never, [Some(Always), Some(Always)]));
    let (mut caller, to_budi) = scene.talk("100");
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    assert_eq!(order(&mut scene.desk, Wish::Stop), Outcome::Done);
    scene.sends_on(&budi, &to_budi, "200");
    scene.takes(&citra);
    scene.is_let_go(&budi);
    scene.is_moved(&caller);
    scene.desk.hang_up(&mut caller, &citra);
    assert_eq!(words(&scene.desk), ["1 started policy", "2 stopped command"]);
    scene.desk.rest();
}

#[test]
fn who_is_not_to_be_recorded_is_not_whoever_comes_in_place_of_the_other_one() {
    let mut scene = Scene::of(&said(Always, [Some(Never), Some(Always)]));
    let (mut caller, _) = scene.talk("100");
    let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
    let headers = format!("Refer-To: <sip:200@{DOMAIN}>\r\nRefer-Sub: false\r\n");
    let refer = caller.request("REFER", &headers, None);
    scene.desk.from(&sari, &refer);
    scene.desk.expect(&sari, "SIP/2.0 202");
    scene.takes(&citra);
    scene.is_let_go(&sari);
    assert!(is_joined(&scene.desk, 1, 2));
    assert!(words(&scene.desk).is_empty() && tapped(&scene.desk).is_empty());
    assert_eq!(order(&mut scene.desk, Wish::Start), Outcome::NotAllowed);
}

/// Also through the death of the switch, while nobody but the caller is there.
#[test]
fn a_call_that_comes_back_is_recorded_as_it_was() {
    for (of, expected) in [(Never, &[][..]), (Always, &["1 started policy", "2 stopped call_ended"][..])] {
        let mut scene = Scene::of(&said(if of == Never { Always } else { Never }, [Some(of), Some(Never)]));
        let (mut caller, to_budi) = scene.talk("100");
        let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
        scene.sends_on(&budi, &to_budi, "200");
        let to_citra = scene.desk.expect(&citra, "INVITE");
        scene.cseq += 1;
        scene.desk.from(&budi, &budi.request("BYE", scene.cseq, &to_budi, "", None));
        scene.desk.expect(&budi, "SIP/2.0 200");
        scene.desk.die();
        // Contacts and ports that are free come to the next process from elsewhere.
        scene.desk.register(&budi, 11);
        scene.desk.tell(Input::Media(streams::media::MediaEvent::Stock(vec![crate::desk::lease(9)])));
        scene.desk.from(&citra, &citra.respond(&to_citra, 486, None));
        scene.desk.expect(&citra, "ACK");
        scene.takes(&budi);
        scene.is_moved(&caller);
        scene.desk.hang_up(&mut caller, &budi);
        assert_eq!(words(&scene.desk), expected, "{of:?}");
        scene.desk.rest();
    }
}

/// HX-22: at the extension that wants it, not at the one before.
#[test]
fn a_caller_is_told_before_those_ring_whose_calls_are_recorded() {
    let mut rows = forwarded(said(OnDemand, [None, Some(Always)]), to_200());
    rows.organisations[0].has_recording_notice = true;
    let mut scene = Scene::of(&rows);
    let mut caller = scene.budi_does_not_answer();
    let citra = scene.citra.clone();
    scene.desk.expect(&scene.sari, "SIP/2.0 181");
    scene.desk.expect(&scene.sari, "SIP/2.0 183");
    assert_eq!(heard(&scene.desk, 0), "id/recording-notice");
    scene.desk.silent(&citra);
    scene.desk.played(0);
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 180, None));
    scene.desk.expect(&scene.sari, "SIP/2.0 180");
    scene.desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    scene.desk.expect(&citra, "ACK");
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    scene.desk.from(&scene.sari, &ack);
    scene.desk.hang_up(&mut caller, &citra);
    assert_eq!(words(&scene.desk), ["1 started policy_after_notice", "2 stopped call_ended"]);
    scene.desk.rest();
    // An extension whose calls are not recorded has nothing to say, whatever its organisation does.
    let mut rows = said(Always, [Some(OnDemand), None]);
    rows.organisations[0].has_recording_notice = true;
    let mut scene = Scene::of(&rows);
    scene.desk.dial(&scene.sari, "100", Some(&scene.sari.sdp()));
    scene.desk.expect(&scene.budi, "INVITE");
}

/// Citra, who is of no extension that is rung, answers for Budi by a code.
#[test]
fn who_picks_a_call_up_is_recorded_as_whom_it_rings_for() {
    let mut rows = said(Always, [Some(Never), None]);
    // Colleagues, by 300.
    rows.organisations[0].extensions[2].staff = vec![UserId(id(12)), UserId(id(13))];
    let mut scene = Scene::of(&rows);
    let mut caller = scene.desk.dial(&scene.sari, "100", Some(&scene.sari.sdp()));
    let invite = scene.desk.expect(&scene.budi, "INVITE");
    scene.desk.from(&scene.budi, &scene.budi.respond(&invite, 180, None));
    scene.desk.expect(&scene.sari, "SIP/2.0 180");
    let mut citra = scene.desk.dial(&scene.citra, "**1002", Some(&scene.citra.sdp()));
    let ok = scene.desk.expect(&scene.citra, "SIP/2.0 200");
    let ack = citra.ack(&ok, None);
    scene.desk.from(&scene.citra, &ack);
    scene.given_up(&scene.budi.clone(), &invite);
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    scene.desk.from(&scene.sari, &ack);
    assert!(words(&scene.desk).is_empty() && tapped(&scene.desk).is_empty());
    assert_eq!(order(&mut scene.desk, Wish::Start), Outcome::NotAllowed);
}

/// A queue is its extension's, so whoever comes through it is recorded as the extension says.
#[test]
fn who_has_waited_in_a_queue_is_recorded_as_its_extension_says() {
    for (organisation, extension, expected) in
        [(OnDemand, Always, &["1 started policy", "2 stopped call_ended"][..]), (Always, Never, &[])]
    {
        let mut rows = said(organisation, [Some(extension), None]);
        rows.organisations[0].extensions[0].queue = Some(queue());
        let mut scene = Scene::of(&rows);
        let mut caller = scene.desk.dial(&scene.sari, "100", Some(&scene.sari.sdp()));
        scene.desk.expect(&scene.sari, "SIP/2.0 180");
        let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        scene.desk.from(&scene.sari, &ack);
        assert!(scene.desk.recordings.is_empty(), "nobody talks");
        scene.takes(&scene.budi.clone());
        scene.is_moved(&caller);
        scene.desk.hang_up(&mut caller, &scene.budi);
        assert_eq!(words(&scene.desk), expected);
        scene.desk.rest();
    }
}
