//! Where rules send a call on (H-055), in which order it is written down (H-060), and what everybody is told of it.

use std::time::Duration;

use calls::{Input, SwitchboardConfig};
use contract::{
    id::{ExtensionId, RuleId, UserId},
    journal::{ParticipantKind, ParticipantRole},
    rules::{Action, Condition, Rule, Span, Timescope, Window},
    snapshot::{RecordingPolicy, Snapshot},
};
use uuid::Uuid;

use crate::desk::{
    Caller, Desk, Phone, header, plan, rows,
    sound::{formats, heard, voice},
};

const RING: Duration = Duration::from_secs(60);

/// The clock of the desk stands at Friday 2027-01-15 15:00 in Jakarta: `closed` is a window of another day.
fn window(is_open: bool) -> Window {
    Window { day: if is_open { 5 } else { 6 }, span: Span { start: 480, end: 1020 } }
}

fn rule(n: u16, timescope: Timescope, condition: Condition, action: Action) -> Rule {
    Rule {
        id: RuleId(Uuid::from_u128(n.into())),
        position: n,
        is_enabled: true,
        timescope,
        condition,
        action,
    }
}

fn to(extension: u128) -> Action {
    Action::ForwardExtension(ExtensionId(Uuid::from_u128(extension)))
}

/// Extensions 100 of Budi, 200 of Citra and 300 of both, with these rules of the first two.
fn ruled(of_100: Vec<Rule>, of_200: Vec<Rule>) -> Snapshot {
    let mut rows = rows();
    let user = |n: u128| UserId(Uuid::from_u128(n));
    let extensions = &mut rows.organisations[0].extensions;
    for (extension, staff) in extensions.iter_mut().zip([vec![12], vec![13], vec![12, 13]]) {
        extension.staff = staff.into_iter().map(user).collect();
        extension.is_active = true;
    }
    extensions[0].rules = of_100;
    extensions[1].rules = of_200;
    rows.revision = 2;
    rows
}

struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    citra: Phone,
    rows: Snapshot,
}

fn scene(rows: Snapshot) -> Scene {
    scene_of(
        Desk::mortal_with(SwitchboardConfig { announcements: true, ..SwitchboardConfig::default() }),
        rows,
    )
}

fn scene_of(mut desk: Desk, rows: Snapshot) -> Scene {
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(Input::Plan(plan(&rows)));
    Scene { desk, sari, budi, citra, rows }
}

impl Scene {
    fn dial(&mut self, number: &str) -> Caller {
        self.desk.dial(&self.sari, number, Some(&self.sari.sdp()))
    }

    /// A phone that is asked answers, and both talk and hang up.
    #[track_caller]
    fn answered_by(&mut self, phone: &Phone, invite: &sip::OwnedMessage, caller: &mut Caller) {
        self.answered_with(&phone.sdp(), phone, invite, caller);
    }

    #[track_caller]
    fn answered_with(&mut self, sdp: &str, phone: &Phone, invite: &sip::OwnedMessage, caller: &mut Caller) {
        self.desk.from(phone, &phone.respond(invite, 200, Some(sdp)));
        self.desk.expect(phone, "ACK");
        let ok = self.desk.expect(&self.sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        self.desk.from(&self.sari, &ack);
        self.desk.hang_up(caller, phone);
    }

    /// A phone is told that the call is taken back, and agrees.
    #[track_caller]
    fn given_up(&mut self, phone: &Phone, invite: &sip::OwnedMessage) {
        let cancel = self.desk.expect(phone, "CANCEL");
        self.desk.from(phone, &phone.respond(&cancel, 200, None));
        self.desk.from(phone, &phone.respond(invite, 487, None));
        self.desk.expect(phone, "ACK");
    }

    /// Budi's phone comes to `condition`; whether it has rung before is part of that.
    #[track_caller]
    fn budi_comes_to(&mut self, condition: Condition) {
        let budi = self.budi.clone();
        let invite = self.desk.expect(&budi, "INVITE sip:1002@");
        match condition {
            Condition::Busy | Condition::Unreachable => {
                let status = if condition == Condition::Busy { 486 } else { 480 };
                self.desk.from(&budi, &budi.respond(&invite, status, None));
                self.desk.expect(&budi, "ACK");
            }
            _ => {
                self.desk.from(&budi, &budi.respond(&invite, 180, None));
                self.desk.expect(&self.sari, "SIP/2.0 180");
                self.desk.wait(RING);
                self.given_up(&budi, &invite);
            }
        }
    }
}

#[test]
fn each_condition_sends_the_call_on_and_says_so() {
    for (condition, diversion, cause, reason) in [
        (Condition::Busy, "user-busy", 486, "486"),
        (Condition::NoAnswer, "no-answer", 408, "408"),
        (Condition::Unreachable, "unavailable", 503, "480"),
    ] {
        let mut scene = scene(ruled(vec![rule(1, Timescope::Any, condition, to(22))], vec![]));
        let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
        let mut caller = scene.dial("100");
        scene.budi_comes_to(condition);
        scene.desk.expect(&sari, "SIP/2.0 181");
        let invite = scene.desk.expect(&citra, "INVITE sip:1003@198.51.100.3:5060");
        assert_eq!(header(&invite, "To").unwrap(), "<sip:200@demo.sambung.test>");
        assert_eq!(
            header(&invite, "From").unwrap().split(';').next(),
            Some("\"Sari\" <sip:1001@demo.sambung.test>")
        );
        assert_eq!(header(&invite, "Max-Forwards").unwrap(), "68");
        assert_eq!(
            header(&invite, "Diversion").unwrap(),
            format!("<sip:100@demo.sambung.test>;reason={diversion};counter=1")
        );
        assert_eq!(
            header(&invite, "History-Info").unwrap(),
            format!(
                "<sip:100@demo.sambung.test?Reason=SIP%3Bcause%3D{reason}>;index=1, \
                 <sip:200@demo.sambung.test;cause={cause}>;index=1.1;mp=1"
            )
        );
        scene.desk.from(&citra, &citra.respond(&invite, 180, None));
        if condition != Condition::NoAnswer {
            scene.desk.expect(&sari, "SIP/2.0 180");
        }
        scene.answered_by(&citra, &invite, &mut caller);
        let rang = if condition == Condition::NoAnswer { vec!["ringing"] } else { vec![] };
        let forwarded = ["forward", "forward_ringing", "forward_answered(3)", "answered(3)", "ended"];
        assert_eq!(scene.desk.events(), [&["created"], &rang[..], &forwarded].concat(), "{condition:?}");
        assert_eq!(scene.desk.number_of("forward").as_deref(), Some("200"));
        assert_eq!(scene.desk.detail("forward"), format!("{}/-", condition.as_str()));
        let roles: Vec<_> =
            scene.desk.participants().into_iter().map(|one| (one.role, one.reference)).collect();
        let id = Uuid::from_u128;
        assert_eq!(
            roles,
            [
                (ParticipantRole::Host, id(21)),
                (ParticipantRole::Caller, id(11)),
                (ParticipantRole::Recipient, id(13))
            ],
            "the host is what was called, the recipient who answered (H-066)"
        );
        scene.desk.rest();
    }
}

#[test]
fn other_conditions_than_the_rule_s_end_the_call_as_without_it() {
    for (has, comes_to, event, status) in [
        (Condition::NoAnswer, Condition::Busy, "busy", 486),
        (Condition::Busy, Condition::Unreachable, "failed", 480),
        (Condition::Unreachable, Condition::Busy, "busy", 486),
    ] {
        let rows = ruled(vec![rule(1, Timescope::Any, has, to(22))], vec![]);
        let mut scene = scene_of(Desk::new(), rows);
        let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
        let caller = scene.dial("100");
        scene.budi_comes_to(comes_to);
        let refusal = scene.desk.expect(&sari, &format!("SIP/2.0 {status}"));
        scene.desk.from(&sari, &caller.ack_refusal(&refusal));
        scene.desk.silent(&citra);
        assert_eq!(scene.desk.events(), ["created", event, "ended"]);
        scene.desk.rest();
    }
}

#[test]
fn whoever_declines_is_busy_for_the_rules() {
    let mut scene = scene(ruled(vec![rule(1, Timescope::Any, Condition::Busy, to(22))], vec![]));
    let (sari, budi, citra) = (scene.sari.clone(), scene.budi.clone(), scene.citra.clone());
    let mut caller = scene.dial("100");
    let invite = scene.desk.expect(&budi, "INVITE");
    scene.desk.from(&budi, &budi.respond(&invite, 603, None));
    scene.desk.expect(&budi, "ACK");
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.answered_by(&citra, &invite, &mut caller);
    let events = ["created", "rejected(3)", "forward", "forward_answered(4)", "answered(4)", "ended"];
    assert_eq!(scene.desk.events(), events);
    scene.desk.rest();
}

#[test]
fn before_anybody_rings_the_hours_decide() {
    let night = || vec![rule(1, Timescope::OffHours, Condition::Always, to(22))];
    for is_open in [true, false] {
        let mut rows = ruled(night(), vec![]);
        rows.organisations[0].extensions[0].hours = vec![window(is_open)];
        let mut scene = scene(rows);
        let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
        let mut caller = scene.dial("100");
        let phone = if is_open { budi } else { citra };
        let invite = scene.desk.expect(&phone, "INVITE");
        let diversion = header(&invite, "Diversion");
        scene.answered_by(&phone, &invite, &mut caller);
        if is_open {
            assert_eq!(diversion, None);
            assert_eq!(scene.desk.events(), ["created", "answered(3)", "ended"]);
        } else {
            let expected = "<sip:100@demo.sambung.test>;reason=time-of-day;counter=1";
            assert_eq!(diversion.as_deref(), Some(expected));
            let events = ["created", "forward", "forward_answered(3)", "answered(3)", "ended"];
            assert_eq!(scene.desk.events(), events);
            assert_eq!(scene.desk.detail("forward"), "always/-");
        }
        scene.desk.rest();
    }
}

/// The caller hears this early, whoever it is, and is refused then.
#[track_caller]
fn hears(desk: &mut Desk, caller: &Caller, sound: &str, status: u16) {
    let phone = caller.phone.clone();
    let progress = desk.expect(&phone, "SIP/2.0 183");
    assert_eq!((formats(&progress).as_str(), voice(desk, 0).as_str()), ("0", "Pcmu 0/0"));
    assert_eq!(heard(desk, 0), sound);
    desk.wait(Duration::from_secs(30));
    desk.silent(&phone);
    desk.played(0);
    let refusal = desk.expect(&phone, &format!("SIP/2.0 {status}"));
    desk.from(&phone, &caller.ack_refusal(&refusal));
}

#[test]
fn a_closed_extension_without_a_rule_says_so() {
    let mut rows = ruled(vec![], vec![]);
    rows.organisations[0].extensions[0].hours = vec![window(false)];
    let mut scene = scene(rows);
    let sari = scene.sari.clone();
    let caller = scene.dial("100");
    scene.desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(heard(&scene.desk, 0), "id/closed");
    scene.desk.played(0);
    let refusal = scene.desk.expect(&sari, "SIP/2.0 480");
    scene.desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(scene.desk.events(), ["created", "failed", "ended"]);
    assert_eq!(scene.desk.detail("failed"), "closed/480");
    let host = scene.desk.participants().remove(0);
    assert_eq!((host.role, host.kind), (ParticipantRole::Host, ParticipantKind::Extension));
    scene.desk.rest();
}

#[test]
fn an_announcement_by_rule_is_heard_by_anybody_and_for_as_long_as_it_takes() {
    // Without `calls.announcements`, and by a bare account too: it is the organisation's own order.
    for user in ["1001", "u0"] {
        let say = Action::AnnounceHangup("holiday_greeting".into());
        let mut scene =
            scene_of(Desk::new(), ruled(vec![rule(1, Timescope::Any, Condition::Always, say)], vec![]));
        let phone = scene.desk.phone(user, "198.51.100.7:5060");
        let caller = scene.desk.dial(&phone, "100", Some(&phone.sdp()));
        hears(&mut scene.desk, &caller, "id/holiday_greeting", 480);
        assert_eq!(scene.desk.events(), ["created", "failed", "ended"]);
        assert_eq!(scene.desk.detail("failed"), "announced/480");
        scene.desk.silent(&scene.budi);
        scene.desk.rest();
    }
}

#[test]
fn a_chain_goes_on_until_nothing_is_left_and_every_step_is_written() {
    let nobody =
        rule(2, Timescope::Any, Condition::NoAnswer, Action::ForwardStaff(UserId(Uuid::from_u128(12))));
    let say = Action::AnnounceHangup("not-available".into());
    let mut scene = scene_of(
        Desk::new(),
        ruled(
            vec![
                rule(1, Timescope::Any, Condition::NoAnswer, to(22)),
                rule(3, Timescope::Any, Condition::NoAnswer, say),
            ],
            vec![nobody, rule(4, Timescope::Any, Condition::NoAnswer, to(21))],
        ),
    );
    let (sari, budi, citra) = (scene.sari.clone(), scene.budi.clone(), scene.citra.clone());
    let caller = scene.dial("100");
    scene.budi_comes_to(Condition::NoAnswer);
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 180, None));
    scene.desk.wait(RING);
    scene.given_up(&citra, &invite);
    scene.desk.expect(&sari, "SIP/2.0 181");
    // Budi again, by his own number now.
    let invite = scene.desk.expect(&budi, "INVITE");
    assert_eq!(header(&invite, "To").unwrap(), "<sip:1002@demo.sambung.test>");
    assert_eq!(
        header(&invite, "Diversion").unwrap(),
        "<sip:200@demo.sambung.test>;reason=no-answer;counter=1, \
         <sip:100@demo.sambung.test>;reason=no-answer;counter=1"
    );
    assert_eq!(
        header(&invite, "History-Info").unwrap(),
        "<sip:100@demo.sambung.test?Reason=SIP%3Bcause%3D408>;index=1, \
         <sip:200@demo.sambung.test;cause=408?Reason=SIP%3Bcause%3D408>;index=1.1;mp=1, \
         <sip:1002@demo.sambung.test;cause=408>;index=1.1.1;mp=1.1"
    );
    scene.desk.from(&budi, &budi.respond(&invite, 180, None));
    scene.desk.wait(RING);
    scene.given_up(&budi, &invite);
    hears(&mut scene.desk, &caller, "id/not-available", 480);
    let rings_in_vain = ["forward", "forward_ringing", "forward_no_answer"];
    let end = ["timeout", "missed", "ended"];
    let expected = [&["created", "ringing"][..], &rings_in_vain, &rings_in_vain, &end].concat();
    assert_eq!(scene.desk.events(), expected);
    scene.desk.rest();
}

#[test]
fn a_forward_that_ends_in_an_announcement_is_written_too() {
    let say = Action::AnnounceHangup("holiday_greeting".into());
    let mut scene = scene_of(
        Desk::new(),
        ruled(
            vec![rule(1, Timescope::Any, Condition::NoAnswer, to(22))],
            vec![rule(2, Timescope::Any, Condition::Always, say)],
        ),
    );
    let caller = scene.dial("100");
    scene.budi_comes_to(Condition::NoAnswer);
    hears(&mut scene.desk, &caller, "id/holiday_greeting", 480);
    assert_eq!(scene.desk.events(), ["created", "ringing", "forward", "timeout", "missed", "ended"]);
    assert_eq!(scene.desk.number_of("forward").as_deref(), Some("200"));
    scene.desk.silent(&scene.citra);
    scene.desk.rest();
}

#[test]
fn a_busy_target_is_written_as_such() {
    let mut scene =
        scene_of(Desk::new(), ruled(vec![rule(1, Timescope::Any, Condition::Unreachable, to(22))], vec![]));
    let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
    let caller = scene.dial("100");
    scene.budi_comes_to(Condition::Unreachable);
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 486, None));
    scene.desk.expect(&citra, "ACK");
    let refusal = scene.desk.expect(&sari, "SIP/2.0 486");
    scene.desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(scene.desk.events(), ["created", "forward", "forward_busy", "busy", "ended"]);
    scene.desk.rest();
}

#[test]
fn nobody_registered_goes_on_at_once_and_targets_that_cannot_be_reached_are_tried_in_turn() {
    let rules = vec![
        rule(1, Timescope::Any, Condition::Unreachable, Action::ForwardStaff(UserId(Uuid::from_u128(12)))),
        rule(2, Timescope::Any, Condition::Unreachable, to(22)),
    ];
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.tell(Input::Plan(plan(&ruled(rules, vec![]))));
    let mut caller = desk.dial(&sari, "100", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 181");
    desk.expect(&sari, "SIP/2.0 181");
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.hang_up(&mut caller, &citra);
    assert_eq!(
        desk.events(),
        ["created", "forward", "forward", "forward_answered(3)", "answered(3)", "ended"]
    );
    desk.rest();
}

#[test]
fn a_caller_who_gives_up_while_a_forward_rings_ends_it() {
    let mut scene = scene(ruled(vec![rule(1, Timescope::Any, Condition::NoAnswer, to(22))], vec![]));
    let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
    let caller = scene.dial("100");
    scene.budi_comes_to(Condition::NoAnswer);
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 180, None));
    scene.desk.from(&sari, &caller.cancel(""));
    scene.desk.expect(&sari, "SIP/2.0 200");
    let refusal = scene.desk.expect(&sari, "SIP/2.0 487");
    scene.desk.from(&sari, &caller.ack_refusal(&refusal));
    scene.given_up(&citra, &invite);
    let events = ["created", "ringing", "forward", "forward_ringing", "canceled", "ended"];
    assert_eq!(scene.desk.events(), events);
    scene.desk.rest();
}

#[test]
fn a_switch_that_dies_while_it_rings_still_follows_the_rules() {
    let rules = vec![rule(1, Timescope::Any, Condition::NoAnswer, to(22))];
    let of_200 = vec![rule(2, Timescope::Any, Condition::Busy, to(23))];
    let mut scene = scene_of(Desk::mortal(), ruled(rules, of_200));
    let (sari, budi, citra) = (scene.sari.clone(), scene.budi.clone(), scene.citra.clone());
    let mut caller = scene.dial("100");
    let invite = scene.desk.expect(&budi, "INVITE");
    scene.desk.from(&budi, &budi.respond(&invite, 180, None));
    scene.desk.expect(&sari, "SIP/2.0 180");
    let again = |scene: &mut Scene| {
        scene.desk.die();
        scene.desk.tell(Input::Plan(plan(&scene.rows)));
        for phone in [&sari, &budi, &citra] {
            scene.desk.register(phone, 11);
        }
        let stock = (100..110).map(|n| streams::media::PortLease {
            id: streams::media::LeaseId(n),
            address: format!("192.0.2.20:{}", 30_000 + 2 * n).parse().unwrap(),
        });
        scene.desk.tell(Input::Media(streams::media::MediaEvent::Stock(stock.collect())));
    };
    again(&mut scene);
    scene.desk.wait(RING);
    scene.given_up(&budi, &invite);
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    // Where the call has been is not forgotten either: the next forward knows both.
    again(&mut scene);
    scene.desk.from(&citra, &citra.respond(&invite, 486, None));
    scene.desk.expect(&citra, "ACK");
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&budi, "INVITE");
    let diversion = header(&invite, "Diversion").unwrap();
    assert!(diversion.starts_with("<sip:200@demo.sambung.test>;reason=user-busy"), "{diversion}");
    assert!(diversion.ends_with("<sip:100@demo.sambung.test>;reason=no-answer;counter=1"), "{diversion}");
    let to_citra = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&to_citra, 180, None));
    scene.desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    scene.desk.expect(&budi, "ACK");
    scene.given_up(&citra, &to_citra);
    let ok = scene.desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    scene.desk.from(&sari, &ack);
    scene.desk.hang_up(&mut caller, &budi);
    assert_eq!(scene.desk.events().last().unwrap(), "ended");
}

#[test]
fn a_caller_who_allows_no_further_hop_is_not_forwarded() {
    let rows = ruled(vec![rule(1, Timescope::Any, Condition::Busy, to(22))], vec![]);
    let mut scene = scene_of(Desk::new(), rows);
    let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
    let mut caller = Caller::new(&sari, "100");
    scene.desk.from(&sari, &caller.invite(Some(&sari.sdp()), ""));
    let challenge = scene.desk.expect(&sari, "SIP/2.0 401");
    scene.desk.from(&sari, &caller.ack_refusal(&challenge));
    let authorization = sari.authorization(&challenge, "INVITE", &caller.uri());
    caller.cseq += 1;
    let invite = caller.invite(Some(&sari.sdp()), &authorization);
    scene.desk.from(&sari, &invite.replace("Max-Forwards: 70", "Max-Forwards: 1"));
    scene.desk.expect(&sari, "SIP/2.0 100");
    scene.budi_comes_to(Condition::Busy);
    let refusal = scene.desk.expect(&sari, "SIP/2.0 486");
    scene.desk.from(&sari, &caller.ack_refusal(&refusal));
    scene.desk.silent(&citra);
    scene.desk.rest();
}

#[test]
fn a_caller_who_has_heard_one_desk_early_hears_the_next_one() {
    let mut scene = scene(ruled(vec![rule(1, Timescope::Any, Condition::NoAnswer, to(22))], vec![]));
    let (sari, budi, citra) = (scene.sari.clone(), scene.budi.clone(), scene.citra.clone());
    let mut caller = scene.dial("100");
    let invite = scene.desk.expect(&budi, "INVITE");
    scene.desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp_of(0))));
    scene.desk.expect(&sari, "SIP/2.0 183");
    assert!(crate::desk::sound::is_joined(&scene.desk, 0, 1));
    scene.desk.wait(RING);
    scene.given_up(&budi, &invite);
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 183, Some(&citra.sdp_of(0))));
    assert!(crate::desk::sound::is_joined(&scene.desk, 0, 2), "{:?}", scene.desk.media);
    scene.answered_with(&citra.sdp_of(0), &citra, &invite, &mut caller);
    scene.desk.rest();
}

#[test]
fn a_caller_who_has_heard_one_desk_early_is_told_that_the_next_one_rings() {
    let mut scene = scene(ruled(vec![rule(1, Timescope::Any, Condition::NoAnswer, to(22))], vec![]));
    let (sari, budi, citra) = (scene.sari.clone(), scene.budi.clone(), scene.citra.clone());
    let mut caller = scene.dial("100");
    let invite = scene.desk.expect(&budi, "INVITE");
    scene.desk.from(&budi, &budi.respond(&invite, 180, None));
    scene.desk.expect(&sari, "SIP/2.0 180");
    scene.desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp_of(0))));
    scene.desk.expect(&sari, "SIP/2.0 183");
    scene.desk.wait(RING);
    scene.given_up(&budi, &invite);
    scene.desk.expect(&sari, "SIP/2.0 181");
    // Its phone has stopped to ring by itself, and nobody lets it hear anything now.
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 180, None));
    scene.desk.expect(&sari, "SIP/2.0 180");
    scene.answered_with(&citra.sdp_of(0), &citra, &invite, &mut caller);
    scene.desk.rest();
}

#[test]
fn a_notice_of_recording_is_heard_once_however_far_rules_send_the_call() {
    let mut rows = ruled(vec![rule(1, Timescope::Any, Condition::NoAnswer, to(22))], vec![]);
    rows.organisations[0].recording = RecordingPolicy::Always;
    rows.organisations[0].has_recording_notice = true;
    let mut scene = scene(rows);
    let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
    let mut caller = scene.dial("100");
    scene.desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(heard(&scene.desk, 0), "id/recording-notice");
    scene.desk.played(0);
    scene.budi_comes_to(Condition::NoAnswer);
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 180, None));
    scene.desk.expect(&sari, "SIP/2.0 180");
    scene.answered_with(&citra.sdp_of(0), &citra, &invite, &mut caller);
    let forwarded = ["forward", "forward_ringing", "forward_answered(3)", "answered(3)", "ended"];
    assert_eq!(scene.desk.events(), [&["created", "ringing"][..], &forwarded].concat());
    scene.desk.rest();
}

#[test]
fn every_decision_is_told_to_whoever_asks_why() {
    let mut scene = scene(ruled(vec![rule(1, Timescope::Any, Condition::Busy, to(22))], vec![]));
    let (sari, citra) = (scene.sari.clone(), scene.citra.clone());
    let mut caller = scene.dial("100");
    scene.budi_comes_to(Condition::Busy);
    scene.desk.expect(&sari, "SIP/2.0 181");
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.answered_with(&citra.sdp_of(0), &citra, &invite, &mut caller);
    let decisions = scene.desk.traces.iter().filter_map(|trace| match trace {
        calls::Trace::Routed { revision, decision, .. } => Some((*revision, decision.forwards.len())),
        _ => None,
    });
    assert_eq!(decisions.collect::<Vec<_>>(), [(2, 0), (2, 1)]);
}
