//! Menus: what a caller hears and presses, where each key leads, what happens when it leads to nobody, and the record of it
//! (decision 0039).

mod called;
mod entering;
mod recorded;
mod ringing;

use std::time::Duration;

use calls::Input;
use contract::{
    command::{Command, Outcome},
    id::{DidId, ExtensionId, MenuId, QueueId, RuleId, UserId},
    menus::{Menu, MenuChoice, MenuKey},
    outside::Did,
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{Extension, Mailbox, RecordingPolicy, Snapshot},
};
use sip::OwnedMessage;
use streams::media::MediaEvent;

use crate::{
    desk::{
        Caller, DOMAIN, Desk, Phone, body, header, id, lease, plan, rows,
        sound::{heard, is_joined},
    },
    queues::queue,
    recording::words,
    trunks::with_trunk,
};

/// The menu's extension, and that of the second one.
const MENU: u128 = 24;
const SECOND: u128 = 25;
const BUDI: u128 = 12;
const TIMEOUT: Duration = Duration::from_secs(5);
const RING: Duration = Duration::from_secs(60);

fn menu(of: u128, choices: Vec<MenuChoice>) -> Menu {
    Menu { tries_max: 2, choices, ..Menu::plain(MenuId(id(of + 100))) }
}

fn choice(key: MenuKey, action: Action) -> MenuChoice {
    MenuChoice { key, action }
}

/// What can be chosen in the first menu.
fn choices() -> Vec<MenuChoice> {
    vec![
        choice(MenuKey::Zero, Action::ForwardExtension(ExtensionId(id(21)))),
        choice(MenuKey::One, Action::ForwardStaff(UserId(id(BUDI)))),
        choice(MenuKey::Two, Action::Queue { queue: QueueId(id(70)), priority: 0 }),
        choice(MenuKey::Three, Action::Voicemail(UserId(id(13)))),
        choice(MenuKey::Four, Action::Ivr(MenuId(id(SECOND + 100)))),
        // It is switched off.
        choice(MenuKey::Five, Action::ForwardExtension(ExtensionId(id(22)))),
        choice(MenuKey::Star, Action::Ivr(MenuId(id(MENU + 100)))),
        choice(MenuKey::Hash, Action::AnnounceHangup("closed".into())),
    ]
}

/// The desk's rows with the extensions 400 and 500, which have menus and nobody; 300 has a queue that Budi answers, and Citra a
/// mailbox.
fn rows_with(first: Menu) -> Snapshot {
    let mut rows = with_trunk(true);
    let organisation = &mut rows.organisations[0];
    let nobody = organisation.extensions[2].clone();
    let of = |n: u128, number: &str, menu: Menu| Extension {
        id: ExtensionId(id(n)),
        number: number.into(),
        name: format!("extension {number}"),
        menu: Some(menu),
        ..nobody.clone()
    };
    let back = vec![choice(MenuKey::Nine, Action::Ivr(MenuId(id(MENU + 100))))];
    organisation.extensions.extend([of(MENU, "400", first), of(SECOND, "500", menu(SECOND, back))]);
    organisation.extensions[2].staff = vec![UserId(id(BUDI))];
    organisation.extensions[2].queue = Some(queue());
    organisation.staff[2].mailbox = Some(Mailbox::default());
    organisation.outside.dids.push(Did {
        id: DidId(id(73)),
        number: "+62215550400".into(),
        extension: Some(ExtensionId(id(MENU))),
        user: None,
    });
    rows.revision = 2;
    rows
}

/// Sari, on the first lease, calls menus; Budi is there to be reached.
struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    rows: Snapshot,
}

fn scene_of(rows: Snapshot) -> Scene {
    let mut desk = Desk::speaking();
    let [sari, budi] = desk.two();
    desk.tell(Input::Plan(plan(&rows)));
    Scene { desk, sari, budi, rows }
}

fn scene() -> Scene {
    scene_of(rows_with(menu(MENU, choices())))
}

impl Scene {
    /// Sari has the answer of the menu and hears it.
    #[track_caller]
    fn enter(&mut self) -> Caller {
        self.desk.enter(&self.sari, "400")
    }

    fn press(&mut self, keys: &str) {
        self.desk.press(0, keys);
    }

    fn hears(&self) -> String {
        heard(&self.desk, 0)
    }

    /// Budi's phone rings.
    #[track_caller]
    fn rings(&mut self) -> OwnedMessage {
        let invite = self.desk.expect(&self.budi, "INVITE");
        self.desk.from(&self.budi, &self.budi.respond(&invite, 180, None));
        invite
    }

    #[track_caller]
    fn refuses(&mut self, invite: &OwnedMessage, status: u16) {
        self.desk.from(&self.budi, &self.budi.respond(invite, status, None));
        self.desk.expect(&self.budi, "ACK");
    }

    /// Budi takes the call, and Sari's phone is told what his says.
    #[track_caller]
    fn takes(&mut self, invite: &OwnedMessage, caller: &mut Caller) {
        let Self { desk, budi, .. } = self;
        let phone = caller.phone.clone();
        desk.from(budi, &budi.respond(invite, 200, Some(&budi.sdp())));
        desk.expect(budi, "ACK");
        let told = desk.expect(&phone, "INVITE");
        desk.from(&phone, &caller.respond(&told, 200, Some(&phone.sdp())));
        desk.expect(&phone, "ACK");
        caller.cseq = caller.cseq.max(10);
    }

    /// The caller goes, and nothing is left of it.
    #[track_caller]
    fn goes(mut self, mut caller: Caller) -> Desk {
        self.desk.goes(&mut caller);
        self.desk.rest();
        self.desk
    }

    /// The caller is let go when it has heard this.
    #[track_caller]
    fn let_go(mut self, hears: &str) -> Desk {
        assert_eq!(self.hears(), hears);
        self.desk.played(0);
        let bye = self.desk.expect(&self.sari, "BYE");
        self.desk.from(&self.sari, &self.sari.respond(&bye, 200, None));
        self.desk.rest();
        self.desk
    }
}

#[test]
fn a_key_rings_somebody_while_the_caller_hears_a_tone_and_then_both_talk() {
    let mut scene = scene();
    let mut caller = scene.enter();
    assert_eq!(scene.hears(), "id/menu");
    assert!(scene.desk.is_listened_to(0));
    assert_eq!(scene.desk.events(), ["created"], "a menu is nobody who answers");
    // Before all is said.
    scene.press("1");
    let invite = scene.rings();
    assert_eq!(scene.hears(), "*tone/ringing");
    assert!(!scene.desk.is_listened_to(0), "nobody is to hear keys of two who talk");
    assert!(
        header(&invite, "Diversion").unwrap().starts_with("<sip:400@"),
        "{:?}",
        header(&invite, "Diversion")
    );
    scene.takes(&invite, &mut caller);
    assert!(scene.hears().is_empty() && is_joined(&scene.desk, 0, 1));
    let told = (scene.desk.detail("forward"), scene.desk.number_of("forward"));
    assert_eq!(told, ("menu/-".into(), Some("1002".into())));
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    let events = ["created", "forward", "forward_ringing", "forward_answered(3)", "answered(3)", "ended"];
    assert_eq!(desk.events(), events);
    desk.rest();
}

#[test]
fn a_key_leads_to_a_desk_with_all_its_people() {
    let mut scene = scene();
    let citra = scene.desk.phone("1003", "198.51.100.3:5060");
    let mut caller = scene.enter();
    scene.press("0");
    let other = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&other, 180, None));
    let invite = scene.rings();
    scene.takes(&invite, &mut caller);
    let cancel = scene.desk.expect(&citra, "CANCEL");
    scene.desk.from(&citra, &citra.respond(&cancel, 200, None));
    scene.desk.from(&citra, &citra.respond(&other, 487, None));
    scene.desk.expect(&citra, "ACK");
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    desk.rest();
}

#[test]
fn a_key_leads_into_a_queue_where_the_caller_waits_with_music() {
    let mut scene = scene();
    let citra = scene.desk.phone("1003", "198.51.100.3:5060");
    // Budi talks to somebody else.
    let (mut other, _) = scene.desk.talk(&citra, &scene.budi, "1002");
    let mut caller = scene.enter();
    scene.desk.press(2, "2");
    assert_eq!(heard(&scene.desk, 2), "id/queue-welcome id/queue-next");
    scene.desk.played(2);
    assert_eq!(heard(&scene.desk, 2), "*music/default");
    scene.desk.hang_up(&mut other, &scene.budi);
    let invite = scene.rings();
    scene.takes(&invite, &mut caller);
    let events = scene.desk.events();
    let begun = events.iter().rposition(|event| event == "created").unwrap();
    assert_eq!(
        events[begun..],
        [
            "created",
            "forward",
            "forward_ringing",
            "queued",
            // The other call.
            "ended",
            "queue_updated",
            "forward_ringing",
            "forward_answered(3)",
            "answered(3)"
        ]
    );
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    desk.rest();
}

#[test]
fn a_key_leads_to_a_mailbox() {
    let mut scene = scene();
    let caller = scene.enter();
    scene.press("3");
    assert_eq!(scene.hears(), "id/voicemail-greeting tone/beep");
    scene.desk.played(0);
    assert_eq!(words(&scene.desk), ["1 started voicemail"]);
    let desk = scene.goes(caller);
    assert_eq!(desk.events(), ["created", "forward", "forward_answered", "answered", "ended"]);
    assert_eq!((desk.detail("forward"), desk.number_of("forward")), ("menu/-".into(), Some("1003".into())));
}

#[test]
fn a_key_leads_to_another_menu_and_back_and_another_says_it_again() {
    let mut scene = scene();
    let mut caller = scene.enter();
    scene.press("*");
    assert_eq!(scene.hears(), "id/menu");
    scene.press("4");
    assert_eq!(
        (scene.desk.detail("forward"), scene.desk.number_of("forward")),
        ("menu/-".into(), Some("500".into()))
    );
    scene.press("9");
    assert_eq!(scene.desk.number_of("forward"), Some("400".into()));
    scene.press("1");
    let invite = scene.rings();
    // Whoever hangs up meanwhile has not been answered.
    scene.desk.goes(&mut caller);
    let cancel = scene.desk.expect(&scene.budi, "CANCEL");
    scene.desk.from(&scene.budi, &scene.budi.respond(&cancel, 200, None));
    scene.refuses(&invite, 487);
    scene.desk.rest();
    let events = ["created", "forward", "forward", "forward", "forward_ringing", "canceled", "ended"];
    assert_eq!(scene.desk.events(), events);
}

#[test]
fn a_key_says_something_and_that_is_the_end() {
    let mut scene = scene();
    scene.enter();
    scene.press("#");
    let desk = scene.let_go("id/closed");
    assert_eq!(desk.events(), ["created", "failed", "ended"]);
    assert_eq!((desk.detail("failed"), desk.detail("ended")), ("announced/-".into(), "announced/-".into()));
}

#[test]
fn who_chose_in_vain_hears_why_and_chooses_again() {
    let mut scene = scene();
    let mut caller = scene.enter();
    scene.press("1");
    let invite = scene.rings();
    scene.refuses(&invite, 486);
    assert_eq!(scene.hears(), "id/busy id/menu");
    assert!(scene.desk.is_listened_to(0));
    assert_eq!(scene.desk.number_of("forward_busy"), Some("1002".into()));
    // Nobody answers in time.
    scene.press("1");
    let invite = scene.rings();
    scene.desk.wait(RING);
    let cancel = scene.desk.expect(&scene.budi, "CANCEL");
    scene.desk.from(&scene.budi, &scene.budi.respond(&cancel, 200, None));
    scene.refuses(&invite, 487);
    assert_eq!(scene.hears(), "id/not-available id/menu");
    // What is switched off cannot be rung at all.
    scene.press("5");
    assert_eq!(scene.hears(), "id/not-available id/menu");
    scene.press("1");
    let invite = scene.rings();
    scene.takes(&invite, &mut caller);
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    assert_eq!(
        desk.events(),
        [
            "created",
            "forward",
            "forward_ringing",
            "forward_busy",
            "forward",
            "forward_ringing",
            "forward_no_answer",
            "forward",
            "forward_ringing",
            "forward_answered(3)",
            "answered(3)",
            "ended"
        ]
    );
    desk.rest();
}

#[test]
fn the_rules_of_what_was_chosen_come_before_the_menu_again() {
    let mut rows = rows_with(menu(MENU, choices()));
    let rule = |n, action| Rule {
        id: RuleId(id(n)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition: Condition::Busy,
        action,
    };
    let extensions = &mut rows.organisations[0].extensions;
    extensions[0].staff = vec![UserId(id(BUDI))];
    extensions[0].rules = vec![rule(91, Action::Voicemail(UserId(id(13))))];
    let mut scene = scene_of(rows);
    let caller = scene.enter();
    scene.press("0");
    let invite = scene.rings();
    scene.refuses(&invite, 486);
    assert_eq!(scene.hears(), "id/voicemail-greeting tone/beep");
    scene.goes(caller);
}

#[test]
fn who_presses_nothing_or_no_choice_is_asked_again_and_then_let_go() {
    let mut scene = scene();
    scene.enter();
    scene.desk.played(0);
    scene.desk.wait(TIMEOUT);
    assert_eq!(scene.hears(), "id/no-input id/menu");
    scene.desk.played(0);
    // A relay that has come back tells this of every leg that hears nothing.
    scene.desk.played(0);
    scene.press("7");
    let desk = scene.let_go("id/invalid id/goodbye");
    assert_eq!(desk.events(), ["created", "failed", "ended"]);
    assert_eq!(
        (desk.detail("failed"), desk.detail("ended")),
        ("menu_invalid/-".into(), "menu_invalid/-".into())
    );
}

#[test]
fn nothing_and_no_choice_have_targets_of_their_own_which_lead_nowhere_back() {
    let mut with = choices();
    with.push(choice(MenuKey::Timeout, Action::ForwardStaff(UserId(id(BUDI)))));
    with.push(choice(MenuKey::Invalid, Action::Ivr(MenuId(id(SECOND + 100)))));
    let rows = rows_with(Menu { tries_max: 1, ..menu(MENU, with) });
    let mut scene = scene_of(rows.clone());
    scene.enter();
    scene.desk.played(0);
    scene.desk.wait(TIMEOUT);
    assert_eq!(scene.desk.detail("forward"), "menu_timeout/-");
    let invite = scene.rings();
    scene.refuses(&invite, 486);
    let desk = scene.let_go("id/busy");
    assert_eq!(desk.events(), ["created", "forward", "forward_ringing", "forward_busy", "busy", "ended"]);
    let mut scene = scene_of(rows);
    let caller = scene.enter();
    scene.press("8");
    let told = (scene.desk.detail("forward"), scene.desk.number_of("forward"));
    assert_eq!(told, ("menu_invalid/-".into(), Some("500".into())));
    scene.goes(caller);
}

/// Nobody presses anything, and each menu leads to the other: the call ends all the same.
#[test]
fn menus_that_lead_to_each_other_without_a_key_let_a_machine_go() {
    let with = vec![choice(MenuKey::Timeout, Action::Ivr(MenuId(id(MENU + 100))))];
    let mut scene = scene_of(rows_with(Menu { tries_max: 1, ..menu(MENU, with) }));
    scene.enter();
    for _ in 0..32 {
        assert_eq!(scene.hears(), "id/menu");
        scene.desk.played(0);
        scene.desk.wait(TIMEOUT);
    }
    let desk = scene.let_go("id/goodbye");
    assert_eq!(desk.detail("ended"), "too_many_menus/-");
}

/// A menu that lets its callers dial, with 1 as a key and as the beginning of numbers.
fn exchange() -> Scene {
    scene_of(rows_with(Menu { has_direct_dialling: true, ..menu(MENU, choices()) }))
}

#[test]
fn numbers_are_dialled_in_a_menu_and_a_key_alone_is_a_key() {
    for (keys, waits, number) in
        [("1002", 0, "1002"), ("1", 3, "1002"), ("100#", 0, "100"), ("100", 3, "100")]
    {
        let mut scene = exchange();
        let caller = scene.enter();
        scene.press(keys);
        if waits > 0 {
            scene.desk.silent(&scene.budi);
            scene.desk.wait(Duration::from_secs(waits));
        }
        assert_eq!(scene.desk.number_of("forward").as_deref(), Some(number), "{keys}");
        let invite = scene.rings();
        scene.refuses(&invite, 603);
        assert_eq!(scene.hears(), "id/not-available id/menu", "{keys}");
        scene.goes(caller);
    }
    let mut scene = exchange();
    scene.enter();
    // No such number, and a code is none.
    scene.press("1009");
    scene.desk.wait(Duration::from_secs(3));
    assert_eq!(scene.hears(), "id/invalid id/menu");
    scene.press("10*#");
    scene.let_go("id/invalid id/goodbye");
}

/// Its first digit was no choice by itself, and each of the others chose something.
#[test]
fn a_misdialled_number_is_one_failure_and_chooses_nothing() {
    for (keys, waits) in [("9430", true), ("1941#", false)] {
        let mut scene = exchange();
        let caller = scene.enter();
        scene.press(keys);
        if waits {
            assert_eq!(scene.hears(), "", "{keys}");
            scene.desk.wait(Duration::from_secs(3));
        }
        assert_eq!(scene.hears(), "id/invalid id/menu", "{keys}");
        assert_eq!(scene.desk.events(), ["created"], "{keys}");
        scene.goes(caller);
    }
    // Where no numbers are dialled, a key is all there is.
    let mut scene = self::scene();
    scene.enter();
    scene.press("9");
    assert_eq!(scene.hears(), "id/invalid id/menu");
    // Keys without an end have one.
    let mut scene = exchange();
    scene.enter();
    scene.press(&"9".repeat(2 * 32));
    scene.let_go("id/invalid id/goodbye");
}

#[test]
fn keys_told_by_info_choose_and_the_first_way_by_which_one_comes_is_the_way() {
    let mut scene = scene();
    let mut caller = scene.enter();
    let info = caller.request("INFO", "Content-Type: application/dtmf-relay\r\n", Some("Signal=4\r\n"));
    scene.desk.from(&scene.sari, &info);
    scene.desk.expect(&scene.sari, "SIP/2.0 200");
    assert_eq!(scene.desk.number_of("forward"), Some("500".into()));
    // The same key again, in the media: it is not pressed twice.
    scene.press("9");
    assert_eq!(scene.desk.number_of("forward"), Some("500".into()));
    scene.goes(caller);
}

#[test]
fn who_hangs_up_in_a_menu_was_not_answered_and_an_operator_may_end_it() {
    let mut scene = scene();
    let caller = scene.enter();
    let desk = scene.goes(caller);
    assert_eq!(desk.events(), ["created", "canceled", "ended"]);
    assert_eq!(desk.detail("ended"), "caller_hung_up/-");
    let mut scene = self::scene();
    scene.enter();
    let call = *scene.desk.live.keys().next().unwrap();
    scene.desk.tell(Input::Command(Command::HangUp { call }));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    let bye = scene.desk.expect(&scene.sari, "BYE");
    scene.desk.from(&scene.sari, &scene.sari.respond(&bye, 200, None));
    assert_eq!(scene.desk.events(), ["created", "canceled", "ended"]);
    assert_eq!(scene.desk.detail("canceled"), "operator/-");
    scene.desk.rest();
}

#[test]
fn a_menu_has_a_greeting_of_its_own_and_its_language() {
    let own = Menu {
        greeting: Some("sales".into()),
        language: Some(contract::language::Language::En),
        ..menu(MENU, choices())
    };
    let mut scene = scene_of(rows_with(own));
    let caller = scene.enter();
    // The common words are heard where there is no such sound.
    assert_eq!(scene.hears(), "en/sales|en/menu");
    scene.press("5");
    assert_eq!(scene.hears(), "en/not-available en/sales|en/menu");
    scene.goes(caller);
}

/// HX-22: whoever is to be told that the call is recorded is told when it has chosen, before anybody rings.
#[test]
fn who_has_chosen_hears_that_the_call_is_recorded_before_anybody_rings() {
    let mut rows = rows_with(menu(MENU, choices()));
    rows.organisations[0].recording = RecordingPolicy::Always;
    rows.organisations[0].has_recording_notice = true;
    let mut scene = scene_of(rows);
    let mut caller = scene.enter();
    scene.press("1");
    assert_eq!(scene.hears(), "id/recording-notice");
    // No key counts now.
    scene.press("4");
    scene.desk.silent(&scene.budi);
    scene.desk.played(0);
    let invite = scene.rings();
    scene.refuses(&invite, 486);
    // Once is enough.
    scene.press("1");
    let invite = scene.rings();
    assert!(words(&scene.desk).is_empty(), "a menu is not recorded");
    scene.takes(&invite, &mut caller);
    assert_eq!(words(&scene.desk), ["1 started policy_after_notice"]);
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    desk.rest();
}

#[test]
fn a_caller_in_a_menu_outlives_the_process_and_so_does_what_it_has_pressed() {
    let mut scene = exchange();
    let mut caller = scene.enter();
    scene.press("10");
    scene.desk.die();
    scene.desk.tell(Input::Plan(plan(&scene.rows)));
    scene.desk.tell(Input::Media(MediaEvent::Stock((40..48).map(lease).collect())));
    scene.desk.register(&scene.budi.clone(), 10);
    scene.press("02");
    let invite = scene.rings();
    // And while that rings.
    scene.desk.die();
    scene.desk.tell(Input::Plan(plan(&scene.rows)));
    scene.refuses(&invite, 486);
    assert_eq!(scene.hears(), "id/busy id/menu");
    scene.desk.goes(&mut caller);
    scene.desk.quiet();
}

#[test]
fn a_menu_that_is_taken_away_lets_its_caller_go() {
    let mut scene = scene();
    scene.enter();
    let mut without = rows();
    without.revision = 3;
    scene.desk.tell(Input::Plan(plan(&without)));
    scene.press("1");
    let desk = scene.let_go("id/goodbye");
    assert_eq!(desk.detail("ended"), "menu_gone/-");
}
