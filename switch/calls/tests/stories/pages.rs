//! Pages (decision 0047): who hears whom, who is let come later, who is left alone, and how it ends.

use std::time::Duration;

use calls::Input;
use contract::{
    id::{ExtensionId, MenuId, PageGroupId, RuleId, UserId},
    journal::{Entry, Fact},
    live::LegStage,
    menus::{Menu, MenuChoice, MenuKey},
    paging::PageGroup,
    queues::Queue,
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{Extension, Snapshot},
};
use sip::OwnedMessage;
use streams::{
    conference::RoomId,
    media::{MediaCommand, SoundName},
};

use crate::{
    conferences::seat,
    desk::{Caller, Desk, Phone, body, header, id, plan, rows, sound::heard},
    queues::queue,
    redirects::moved,
};

/// Heard, and not heard, in the room.
const HEARD: Option<bool> = Some(false);
const MUTED: Option<bool> = Some(true);
/// What phones are given to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The desk's rows with the page group 8500 of all three, and 8501 whose listeners are heard.
pub fn groups() -> Snapshot {
    let mut rows = rows();
    let extensions = &mut rows.organisations[0].extensions;
    let nobody = extensions[2].clone();
    let group = |n: u128, number: &str, is_duplex| Extension {
        id: ExtensionId(id(n)),
        number: number.into(),
        name: format!("page {number}"),
        staff: [11, 12, 13].map(|user| UserId(id(user))).to_vec(),
        page_group: Some(PageGroup { id: PageGroupId(id(n + 100)), is_duplex }),
        ..nobody.clone()
    };
    extensions.extend([group(24, "8500", false), group(25, "8501", true)]);
    rows.revision = 2;
    rows
}

/// Sari speaks on lease 0, Budi's phone has lease 1 and Citra's lease 2.
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
    desk.tell(Input::Plan(plan(&groups())));
    Scene { desk, sari, budi, citra }
}

/// A phone answers.
#[track_caller]
fn answers(desk: &mut Desk, phone: &Phone, invite: &OwnedMessage) {
    desk.from(phone, &phone.respond(invite, 200, Some(&phone.sdp())));
    desk.expect(phone, "ACK");
}

/// A phone is asked no longer.
#[track_caller]
fn is_given_up(desk: &mut Desk, phone: &Phone, invite: &OwnedMessage) {
    let cancel = desk.expect(phone, "CANCEL");
    desk.from(phone, &phone.respond(&cancel, 200, None));
    desk.from(phone, &phone.respond(invite, 487, None));
    desk.expect(phone, "ACK");
}

#[track_caller]
fn is_let_go(desk: &mut Desk, phone: &Phone) {
    let bye = desk.expect(phone, "BYE");
    desk.from(phone, &phone.respond(&bye, 200, None));
}

/// Whether these leases sit in the call's room, and are muted there.
fn seats<const N: usize>(desk: &Desk, leases: [u32; N]) -> [Option<bool>; N] {
    let room = desk.live.keys().next().map(|call| RoomId(call.0.as_u128()));
    leases.map(|lease| seat(desk, lease).filter(|(of, _)| Some(*of) == room).map(|(_, is_muted)| is_muted))
}

impl Scene {
    /// Sari pages, both phones answer, and she speaks.
    #[track_caller]
    fn speaking(number: &str) -> (Self, Caller, [OwnedMessage; 2]) {
        let mut scene = scene();
        let mut caller = scene.desk.dial(&scene.sari, number, Some(&scene.sari.sdp()));
        let invites = [&scene.budi, &scene.citra].map(|phone| scene.desk.expect(phone, "INVITE"));
        answers(&mut scene.desk, &scene.budi, &invites[0]);
        scene.desk.answered(&mut caller);
        answers(&mut scene.desk, &scene.citra, &invites[1]);
        (scene, caller, invites)
    }

    /// Sari hangs up, and all are let go.
    #[track_caller]
    fn ends(mut self, caller: &mut Caller, listeners: &[&Phone]) {
        self.desk.goes(caller);
        for phone in listeners {
            is_let_go(&mut self.desk, phone);
        }
        assert_eq!(self.desk.detail("ended"), "caller_hung_up/-");
        self.desk.rest();
    }
}

#[test]
fn all_phones_hear_the_one_who_speaks_and_are_not_heard() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let mut caller = desk.dial(sari, "8500", Some(&sari.sdp()));
    let invites = [&*budi, &*citra].map(|phone| desk.expect(phone, "INVITE"));
    for invite in &invites {
        assert_eq!(header(invite, "Call-Info").as_deref(), Some("<sip:demo.sambung.test>;answer-after=0"));
        assert!(body(invite).contains("opus"), "the switch itself offers: {}", body(invite));
    }
    desk.silent(sari);
    answers(desk, budi, &invites[0]);
    assert_eq!(seats(desk, [0, 1, 2]), [None, MUTED, None]);
    desk.answered(&mut caller);
    let begun = |command: &MediaCommand| match command {
        MediaCommand::Announce { sounds, .. } => sounds[..] == [SoundName::new("tone/joined")],
        _ => false,
    };
    assert!(desk.media.iter().any(begun), "a tone says that somebody listens");
    answers(desk, citra, &invites[1]);
    assert_eq!(seats(desk, [0, 1, 2]), [HEARD, MUTED, MUTED]);
    let call = *desk.live.keys().next().unwrap();
    let legs = desk.board.live_legs(call);
    assert!(legs.iter().all(|leg| leg.stage == LegStage::Answered) && legs.len() == 3, "{legs:?}");
    assert_eq!(
        (desk.events(), desk.detail("answered")),
        (vec!["created".into(), "answered(3)".into()], "page/-".into())
    );
    let (budi, citra) = (budi.clone(), citra.clone());
    scene.ends(&mut caller, &[&budi, &citra]);
}

#[test]
fn a_page_goes_on_in_the_next_life() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let mut caller = desk.dial(sari, "8500", Some(&sari.sdp()));
    let invites = [&*budi, &*citra].map(|phone| desk.expect(phone, "INVITE"));
    desk.die();
    answers(desk, budi, &invites[0]);
    desk.die();
    desk.answered(&mut caller);
    desk.die();
    answers(desk, citra, &invites[1]);
    assert_eq!(seats(desk, [0, 1, 2]), [HEARD, MUTED, MUTED]);
    desk.die();
    let (budi, citra) = (budi.clone(), citra.clone());
    scene.ends(&mut caller, &[&budi, &citra]);
}

#[test]
fn whoever_hangs_up_leaves_the_others_and_the_last_one_ends_it() {
    let (mut scene, mut caller, invites) = Scene::speaking("8500");
    let Scene { desk, sari, budi, citra } = &mut scene;
    let bye = budi.request("BYE", 1, &invites[0], "", None);
    desk.from(budi, &bye);
    desk.expect(budi, "SIP/2.0 200");
    desk.silent(sari);
    assert_eq!(seats(desk, [0, 2]), [HEARD, MUTED]);
    let bye = citra.request("BYE", 1, &invites[1], "", None);
    desk.from(citra, &bye);
    desk.expect(citra, "SIP/2.0 200");
    let bye = desk.expect(sari, "BYE");
    desk.from(sari, &caller.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "callee_hung_up/-");
    caller.cseq += 1;
    desk.rest();
}

#[test]
fn a_speaker_who_holds_is_not_heard_and_a_listener_who_does_changes_nothing() {
    let (mut scene, mut caller, invites) = Scene::speaking("8500");
    let Scene { desk, sari, budi, citra } = &mut scene;
    let hold = caller.request("INVITE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(sari, &hold);
    desk.expect(sari, "SIP/2.0 100");
    let ok = desk.expect(sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(sari, &ack);
    let hold = budi.request("INVITE", 1, &invites[0], "", Some(&budi.sdp_with("sendonly")));
    desk.from(budi, &hold);
    desk.expect(budi, "SIP/2.0 100");
    assert!(body(&desk.expect(budi, "SIP/2.0 200")).contains("recvonly"));
    desk.from(budi, &budi.request("ACK", 1, &invites[0], "", None));
    assert_eq!(seats(desk, [0, 1, 2]), [MUTED; 3]);
    assert_eq!(desk.events(), ["created", "answered(3)", "hold(2)"]);
    let (budi, citra) = (budi.clone(), citra.clone());
    scene.ends(&mut caller, &[&budi, &citra]);
}

#[test]
fn listeners_are_heard_where_the_group_says_so_unless_they_hold() {
    let (mut scene, mut caller, invites) = Scene::speaking("8501");
    let Scene { desk, budi, citra, .. } = &mut scene;
    assert_eq!(seats(desk, [0, 1, 2]), [HEARD; 3]);
    let hold = budi.request("INVITE", 1, &invites[0], "", Some(&budi.sdp_with("sendonly")));
    desk.from(budi, &hold);
    desk.expect(budi, "SIP/2.0 100");
    desk.expect(budi, "SIP/2.0 200");
    desk.from(budi, &budi.request("ACK", 1, &invites[0], "", None));
    assert_eq!(seats(desk, [0, 1, 2]), [HEARD, MUTED, HEARD]);
    let (budi, citra) = (budi.clone(), citra.clone());
    scene.ends(&mut caller, &[&budi, &citra]);
}

#[test]
fn phones_that_do_not_answer_in_time_are_given_up_and_it_goes_on_without_them() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let mut caller = desk.dial(sari, "8500", Some(&sari.sdp()));
    let invites = [&*budi, &*citra].map(|phone| desk.expect(phone, "INVITE"));
    for (phone, invite) in [&*budi, &*citra].into_iter().zip(&invites) {
        desk.from(phone, &phone.respond(invite, 180, None));
    }
    desk.expect(sari, "SIP/2.0 180");
    answers(desk, budi, &invites[0]);
    desk.answered(&mut caller);
    desk.wait(PATIENCE);
    is_given_up(desk, citra, &invites[1]);
    assert_eq!(seats(desk, [0, 1]), [HEARD, MUTED]);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)"]);
    let budi = budi.clone();
    scene.ends(&mut caller, &[&budi]);
}

#[test]
fn a_page_that_nobody_answers_is_refused_when_the_time_is_up() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let caller = desk.dial(sari, "8500", Some(&sari.sdp()));
    let invites = [&*budi, &*citra].map(|phone| desk.expect(phone, "INVITE"));
    for (phone, invite) in [&*budi, &*citra].into_iter().zip(&invites) {
        desk.from(phone, &phone.respond(invite, 180, None));
    }
    desk.expect(sari, "SIP/2.0 180");
    desk.wait(PATIENCE);
    is_given_up(desk, budi, &invites[0]);
    is_given_up(desk, citra, &invites[1]);
    desk.expect(sari, "SIP/2.0 183");
    assert_eq!(heard(desk, 0), "id/not-available");
    desk.played(0);
    let refusal = desk.expect(sari, "SIP/2.0 480");
    desk.from(sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "ringing", "timeout", "missed", "ended"]);
    desk.rest();
}

#[test]
fn who_declines_or_is_busy_is_left_out() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let other = desk.phone("u0", "198.51.100.9:5060");
    let (mut busy, _) = desk.talk(&other, citra, "1003");
    let mobile = desk.phone("1002-mobile", "198.51.100.7:5060");
    let mut caller = desk.dial(&other, "8500", Some(&other.sdp()));
    desk.silent(citra);
    // Budi has two phones.
    let invites = [&*sari, &*budi, &mobile].map(|phone| desk.expect(phone, "INVITE"));
    for (phone, invite, status) in [(&*sari, &invites[0], 603), (&*budi, &invites[1], 480)] {
        desk.from(phone, &phone.respond(invite, status, None));
        desk.expect(phone, "ACK");
    }
    answers(desk, &mobile, &invites[2]);
    desk.answered(&mut caller);
    let citra = citra.clone();
    desk.hang_up(&mut busy, &citra);
    scene.ends(&mut caller, &[&mobile]);
}

#[test]
fn who_declines_a_page_that_is_on_is_not_in_its_record() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let mut caller = desk.dial(sari, "8500", Some(&sari.sdp()));
    let invites = [&*budi, &*citra].map(|phone| desk.expect(phone, "INVITE"));
    answers(desk, budi, &invites[0]);
    desk.answered(&mut caller);
    desk.from(citra, &citra.respond(&invites[1], 603, None));
    desk.expect(citra, "ACK");
    let budi = budi.clone();
    assert_eq!(desk.events(), ["created", "answered(3)"]);
    assert_eq!(desk.participants().len(), 3);
    scene.ends(&mut caller, &[&budi]);
}

#[test]
fn a_page_to_nobody_who_is_free_is_refused_as_busy() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let other = desk.phone("u0", "198.51.100.9:5060");
    let (mut first, _) = desk.talk(sari, budi, "1002");
    let (mut second, _) = desk.talk(&other, citra, "1003");
    let mut again = Caller::new(&other, "8500");
    again.call_id = "page".into();
    let again = desk.dial_as(again, "", Some(&other.sdp()));
    desk.expect(&other, "SIP/2.0 100");
    // An account of nobody's is a device, which reads status codes.
    let refusal = desk.expect(&other, "SIP/2.0 486");
    desk.from(&other, &again.ack_refusal(&refusal));
    assert_eq!((desk.detail("busy"), desk.detail("ended")), ("busy/-".into(), "-/486".into()));
    desk.hang_up(&mut first, budi);
    desk.hang_up(&mut second, citra);
    desk.rest();
}

/// Whoever listens is in a call, and is shown so.
#[test]
fn whoever_listens_is_paged_by_nobody_else() {
    let (mut scene, mut caller, _) = Scene::speaking("8500");
    let Scene { desk, budi, citra, .. } = &mut scene;
    let other = desk.phone("u0", "198.51.100.9:5060");
    let again = desk.dial(&other, "8501", Some(&other.sdp()));
    let refusal = desk.expect(&other, "SIP/2.0 486");
    desk.from(&other, &again.ack_refusal(&refusal));
    desk.silent(budi);
    let (budi, citra) = (budi.clone(), citra.clone());
    desk.goes(&mut caller);
    is_let_go(desk, &budi);
    is_let_go(desk, &citra);
    desk.rest();
}

#[test]
fn a_speaker_who_gives_up_has_nobody_asked_any_more() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let caller = desk.dial(sari, "8500", Some(&sari.sdp()));
    let invites = [&*budi, &*citra].map(|phone| desk.expect(phone, "INVITE"));
    for (phone, invite) in [&*budi, &*citra].into_iter().zip(&invites) {
        desk.from(phone, &phone.respond(invite, 180, None));
    }
    desk.expect(sari, "SIP/2.0 180");
    desk.from(sari, &caller.cancel(""));
    desk.expect(sari, "SIP/2.0 200");
    let refusal = desk.expect(sari, "SIP/2.0 487");
    desk.from(sari, &caller.ack_refusal(&refusal));
    is_given_up(desk, budi, &invites[0]);
    is_given_up(desk, citra, &invites[1]);
    assert_eq!(desk.events(), ["created", "ringing", "canceled", "ended"]);
    desk.rest();
}

#[test]
fn a_page_that_has_been_forgotten_ends_and_a_speaker_without_a_codec_of_ours_is_refused() {
    let (mut scene, caller, _) = Scene::speaking("8500");
    let Scene { desk, sari, budi, citra } = &mut scene;
    desk.wait(Duration::from_secs(10 * 60));
    let bye = desk.expect(sari, "BYE");
    desk.from(sari, &caller.respond(&bye, 200, None));
    is_let_go(desk, budi);
    is_let_go(desk, citra);
    assert_eq!(desk.detail("ended"), "time_limit/-");
    let mut second = Caller::new(sari, "8500");
    second.call_id = "strange".into();
    let second = desk.dial_as(second, "", Some(&sari.sdp_of(18)));
    desk.expect(sari, "SIP/2.0 100");
    let refusal = desk.expect(sari, "SIP/2.0 488");
    desk.from(sari, &second.ack_refusal(&refusal));
    desk.rest();
}

/// Listening phones see no more than that they are called, and a phone that sends the call on is not followed.
#[test]
fn a_page_is_not_sent_on() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let caller = desk.dial(sari, "8500", Some(&sari.sdp()));
    let invites = [&*budi, &*citra].map(|phone| desk.expect(phone, "INVITE"));
    for (phone, invite) in [&*budi, &*citra].into_iter().zip(&invites) {
        let elsewhere =
            phone.respond(invite, 302, None).replace(&phone.contact(), "sip:u0@demo.sambung.test");
        desk.from(phone, &elsewhere);
        desk.expect(phone, "ACK");
    }
    desk.expect(sari, "SIP/2.0 183");
    desk.played(0);
    let refusal = desk.expect(sari, "SIP/2.0 480");
    desk.from(sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.detail("failed"), "redirected/302");
    desk.rest();
}

/// A bug (RFC 5393 §5.3.3): a page went to more phones at once than its caller allowed.
#[test]
fn rfc_5393_5_3_the_phones_of_a_page_share_the_breadth_that_the_caller_allows() {
    let mut scene = scene();
    let Scene { desk, sari, budi, citra } = &mut scene;
    let caller = desk.dial_with(sari, "8500", "Max-Breadth: 1\r\n", Some(&sari.sdp()));
    desk.expect(sari, "SIP/2.0 100");
    let refusal = desk.expect(sari, "SIP/2.0 440");
    desk.from(sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.detail("failed"), "too_broad/440");
    desk.wait(Duration::from_secs(60));
    let mut caller = desk.dial_with(sari, "8500", "Max-Breadth: 5\r\n", Some(&sari.sdp()));
    desk.expect(sari, "SIP/2.0 100");
    for (phone, share) in [(&*budi, "3"), (&*citra, "2")] {
        let invite = desk.expect(phone, "INVITE");
        assert_eq!(header(&invite, "Max-Breadth").as_deref(), Some(share));
        answers(desk, phone, &invite);
    }
    desk.answered(&mut caller);
    let (budi, citra) = (budi.clone(), citra.clone());
    scene.ends(&mut caller, &[&budi, &citra]);
}

/// The desk's rows with the page groups, a menu at 400, and a queue of Budi's at 100; a rule of 100 for this case, key 0 of the
/// menu, and a rule of the page group's own lead to the page group.
fn led_there(condition: Condition, queue: Option<Queue>) -> Snapshot {
    let mut rows = groups();
    let extensions = &mut rows.organisations[0].extensions;
    let to_page = Action::ForwardExtension(ExtensionId(id(24)));
    let rule = |n: u128, condition, action| Rule {
        id: RuleId(id(n)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition,
        action,
    };
    extensions[0].rules = vec![rule(91, condition, to_page.clone())];
    extensions[0].staff = vec![UserId(id(12))];
    extensions[0].queue = queue;
    extensions[3].rules = vec![rule(92, Condition::Unreachable, Action::ForwardStaff(UserId(id(11))))];
    let choices = vec![MenuChoice { key: MenuKey::Zero, action: to_page }];
    let menu = Some(Menu { tries_max: 2, choices, ..Menu::plain(MenuId(id(126))) });
    let nobody = extensions[2].clone();
    extensions.push(Extension { id: ExtensionId(id(26)), number: "400".into(), menu, ..nobody });
    rows
}

/// Budi's phone, called at this number, sends the call to the page group or refuses it, and the caller is told so.
#[track_caller]
fn budi_takes_nothing(desk: &mut Desk, other: &Phone, budi: &Phone, (number, refuses): (&str, bool)) {
    let caller = desk.dial(other, number, Some(&other.sdp()));
    let invite = desk.expect(budi, "INVITE");
    let (refusal, status) = if refuses {
        (budi.respond(&invite, 486, None), 486)
    } else {
        (moved(budi, &invite, 302, "<sip:8500@demo.sambung.test>"), 480)
    };
    desk.from(budi, &refusal);
    desk.expect(budi, "ACK");
    let refusal = desk.expect(other, &format!("SIP/2.0 {status}"));
    desk.from(other, &caller.ack_refusal(&refusal));
}

/// A queue whose caller has waited long enough lets them go.
#[track_caller]
fn nobody_of_the_queue_answers(desk: &mut Desk, other: &Phone, budi: &Phone) {
    let caller = desk.line_up(other, "100");
    let invite = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&invite, 180, None));
    desk.wait(Duration::from_secs(20));
    is_given_up(desk, budi, &invite);
    assert_eq!(heard(desk, 0), "id/not-available");
    desk.played(0);
    let bye = desk.expect(other, "BYE");
    desk.from(other, &caller.respond(&bye, 200, None));
}

#[track_caller]
fn nobody_is_transferred(desk: &mut Desk, other: &Phone, budi: &Phone) {
    let (mut caller, _) = desk.talk(other, budi, "1002");
    let refer = caller.request("REFER", "Refer-To: <sip:8500@demo.sambung.test>\r\n", None);
    desk.from(other, &refer);
    let refusal = desk.expect(other, "SIP/2.0 480");
    assert!(header(&refusal, "Warning").unwrap().contains("not_a_target"));
    desk.hang_up(&mut caller, budi);
}

/// Budi pages, and no phone can be had.
#[track_caller]
fn nobody_can_be_paged(desk: &mut Desk, budi: &Phone, phones: [&Phone; 2]) {
    let caller = desk.dial(budi, "8500", Some(&budi.sdp()));
    for phone in phones {
        let invite = desk.expect(phone, "INVITE");
        desk.from(phone, &phone.respond(&invite, 480, None));
        desk.expect(phone, "ACK");
    }
    desk.expect(budi, "SIP/2.0 183");
    desk.played(0);
    let refusal = desk.expect(budi, "SIP/2.0 480");
    desk.from(budi, &caller.ack_refusal(&refusal));
}

/// Whoever has been answered, or whom others have rung for, did not dial it; and a page itself goes nowhere else.
#[test]
fn no_phone_rule_menu_queue_or_transfer_leads_to_a_page_and_no_rule_from_it() {
    for way in ["phone", "rule", "menu", "queue", "transfer", "page"] {
        let mut scene = scene();
        let Scene { desk, sari, budi, citra } = &mut scene;
        let other = desk.phone("u0", "198.51.100.9:5060");
        let waits = Queue { wait_max_secs: 10, ..queue() };
        desk.tell(Input::Plan(plan(&match way {
            "queue" => led_there(Condition::NoAnswer, Some(waits)),
            _ => led_there(Condition::Busy, None),
        })));
        match way {
            "phone" => budi_takes_nothing(desk, &other, budi, ("1002", false)),
            "rule" => budi_takes_nothing(desk, &other, budi, ("100", true)),
            "menu" => {
                let mut caller = desk.enter(&other, "400");
                desk.press(0, "0");
                assert_eq!(heard(desk, 0), "id/not-available id/menu");
                desk.goes(&mut caller);
            }
            "queue" => nobody_of_the_queue_answers(desk, &other, budi),
            "transfer" => nobody_is_transferred(desk, &other, budi),
            _ => nobody_can_be_paged(desk, budi, [sari, citra]),
        }
        for phone in [&*sari, &*budi, &*citra] {
            desk.silent(phone);
        }
        let is_page = |entry: &Entry| matches!(&entry.fact, Fact::Event(event) if event.detail.reason.as_deref() == Some("page"));
        assert!(!desk.journal.iter().any(is_page), "{way}");
        desk.rest();
    }
}
