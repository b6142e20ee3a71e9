//! Calls to the telephone network: by which trunk, as whom, what sends a call on to the next way and what is an answer, and who
//! pays (how much they may is `budgets`). H-057, decision 0040.

use std::time::Duration;

use calls::{Command, Input, Notice, Redirects, SwitchboardConfig};
use contract::{
    command::Outcome,
    id::{BudgetId, DidId, ExtensionId, MenuId, OutboundRouteId, RuleId, TrunkId, UserId},
    journal::{Direction, Fact, ParticipantKind, ParticipantRole, Payer},
    menus::{Menu, MenuChoice, MenuKey},
    outside::{Allowance, Budget, Credentials, Did, NumberFormat, OutboundRoute, Outside, Trunk},
    rules::{Action, Condition, Rule, Timescope},
    snapshot::Snapshot,
};
use sip::{OwnedMessage, Transport};

use crate::{
    desk::{Caller, DOMAIN, Desk, Phone, SWITCH, header, id, plan, rows},
    redirects::moved,
};

const FIRST: &str = "203.0.113.5:5060";
const SECOND: &str = "203.0.113.20:5080";
/// What Sari dials, and what it is by E.164.
pub(crate) const DIALLED: &str = "0812-3456-789";
const NUMBER: &str = "+628123456789";

fn trunk(n: u128, target: &str) -> Trunk {
    Trunk {
        id: TrunkId(id(n)),
        name: format!("trunk {n}"),
        sources: Vec::new(),
        targets: vec![target.into()],
        credentials: None,
        registration: None,
        options_interval_secs: 0,
        number_format: NumberFormat::E164,
        from_number: Some("+62215550100".into()),
        channels_max: 2,
        is_trusted: true,
        is_active: true,
    }
}

pub(crate) fn budget(user: Option<u128>, allowance: Allowance) -> Budget {
    Budget {
        id: BudgetId(id(90 + user.unwrap_or_default())),
        user: user.map(|user| UserId(id(user))),
        account: None,
        allowance,
        hours_of: None,
    }
}

pub(crate) fn everywhere() -> Allowance {
    Allowance { destinations: vec!["international".into()], ..Allowance::default() }
}

/// The desk's rows with two trunks, one route for all numbers, and Sari's own number.
pub(crate) fn outside(change: impl FnOnce(&mut Outside)) -> Snapshot {
    let mut rows = rows();
    let organisation = &mut rows.organisations[0];
    let did = |n, number: &str, extension: Option<u128>, user: Option<u128>| Did {
        id: DidId(id(n)),
        number: number.into(),
        extension: extension.map(|n| ExtensionId(id(n))),
        user: user.map(|n| UserId(id(n))),
    };
    organisation.outside = Outside {
        trunks: vec![trunk(61, "sip:203.0.113.5"), trunk(62, "sip:203.0.113.20:5080")],
        dids: vec![did(71, "+62215550110", Some(21), None), did(72, "+62215550101", None, Some(11))],
        routes: vec![OutboundRoute {
            id: OutboundRouteId(id(81)),
            name: "all".into(),
            prefix: String::new(),
            strip_digits: 0,
            prepend_digits: String::new(),
            trunks: vec![TrunkId(id(61)), TrunkId(id(62))],
            is_active: true,
        }],
        budgets: vec![budget(None, everywhere())],
        ..Outside::default()
    };
    change(&mut organisation.outside);
    rows
}

fn config() -> SwitchboardConfig {
    let listeners = vec![(Transport::Udp, SWITCH.parse().unwrap())];
    SwitchboardConfig { listeners, ..SwitchboardConfig::default() }
}

pub(crate) struct Scene {
    pub(crate) desk: Desk,
    pub(crate) sari: Phone,
    pub(crate) budi: Phone,
    pub(crate) first: Phone,
    pub(crate) second: Phone,
}

impl Scene {
    pub(crate) fn new(rows: &Snapshot) -> Self {
        Self::of(Desk::mortal_with(config()), rows)
    }

    pub(crate) fn of(mut desk: Desk, rows: &Snapshot) -> Self {
        let [sari, budi] = desk.two();
        desk.tell(Input::Plan(plan(rows)));
        let [first, second] = [FIRST, SECOND].map(|at| Phone::new("gateway", at));
        Self { desk, sari, budi, first, second }
    }

    #[track_caller]
    pub(crate) fn dial(&mut self, number: &str) -> Caller {
        let mut caller = Caller::new(&self.sari, number);
        caller.call_id = format!("call-{number}-{}", self.desk.journal.len());
        let caller = self.desk.dial_as(caller, "", Some(&self.sari.sdp()));
        self.desk.expect(&self.sari, "SIP/2.0 100");
        caller
    }

    /// Sari is told this, and nothing of the call is left.
    #[track_caller]
    pub(crate) fn refused(&mut self, caller: &Caller, status: u16) {
        let refusal = self.desk.expect(&self.sari, &format!("SIP/2.0 {status}"));
        self.desk.from(&self.sari, &caller.ack_refusal(&refusal));
    }

    /// A provider refuses.
    #[track_caller]
    pub(crate) fn refuses(&mut self, provider: &Phone, status: u16) {
        let invite = self.desk.expect(provider, "INVITE");
        self.desk.from(provider, &provider.respond(&invite, status, None));
        self.desk.expect(provider, "ACK");
    }

    /// A provider answers Sari, who talks.
    #[track_caller]
    pub(crate) fn answers(&mut self, provider: &Phone, caller: &mut Caller) -> OwnedMessage {
        let invite = self.desk.expect(provider, "INVITE");
        self.desk.from(provider, &provider.respond(&invite, 200, Some(&provider.sdp())));
        self.desk.expect(provider, "ACK");
        let ok = self.desk.expect(&self.sari, "SIP/2.0 200");
        self.desk.from(&self.sari, &caller.ack(&ok, None));
        invite
    }

    #[track_caller]
    pub(crate) fn talks(&mut self, number: &str) -> Caller {
        let mut caller = self.dial(number);
        let first = self.first.clone();
        self.answers(&first, &mut caller);
        caller
    }
}

fn from(invite: &OwnedMessage) -> String {
    header(invite, "From").unwrap().split(";tag").next().unwrap().to_owned()
}

#[test]
fn a_number_outside_is_called_by_a_trunk_as_a_number_that_can_be_called_back() {
    let mut scene = Scene::new(&outside(|_| {}));
    let mut caller = scene.dial(DIALLED);
    let Scene { desk, sari, first, second, .. } = &mut scene;
    let invite = desk.expect(first, &format!("INVITE sip:{NUMBER}@203.0.113.5;user=phone"));
    assert_eq!(header(&invite, "To").unwrap(), format!("<sip:{NUMBER}@203.0.113.5;user=phone>"));
    assert_eq!(from(&invite), format!("<sip:+62215550101@{DOMAIN}>"));
    assert_eq!(header(&invite, "P-Asserted-Identity").unwrap(), format!("<sip:+62215550101@{DOMAIN}>"));
    desk.from(first, &first.respond(&invite, 180, None));
    desk.expect(sari, "SIP/2.0 180");
    let live = desk.live.values().next().unwrap();
    assert_eq!((live.direction, &*live.caller, &*live.dialled), (Direction::Outbound, "1001", NUMBER));
    desk.from(first, &first.respond(&invite, 200, Some(&first.sdp())));
    desk.expect(first, "ACK");
    let ok = desk.expect(sari, "SIP/2.0 200");
    desk.from(sari, &caller.ack(&ok, None));
    desk.hang_up(&mut caller, first);
    assert_eq!(desk.events(), ["created", "ringing", "answered(2)", "ended"]);
    let told: Vec<_> = desk.participants().iter().map(|one| (one.role, one.kind, one.reference)).collect();
    use {ParticipantKind as Kind, ParticipantRole as Role};
    assert_eq!(told, [(Role::Caller, Kind::User, id(11)), (Role::Recipient, Kind::Guest, id(61))]);
    let opened = desk.journal.iter().find_map(|entry| match &entry.fact {
        Fact::Call(call) => Some((call.direction, call.dialled.clone())),
        _ => None,
    });
    assert_eq!(opened, Some((Direction::Outbound, NUMBER.into())));
    let payers: Vec<_> = desk.legs().iter().map(|leg| (leg.no, leg.payer)).collect();
    assert_eq!(payers, [(1, None), (2, Some(Payer::User(UserId(id(11)))))]);
    desk.silent(second);
    desk.rest();
}

/// Who calls, as the provider is told it: From, what is asserted, and whether privacy is wanted.
fn shown(change: impl FnOnce(&mut Outside), number: &str, headers: &str) -> (String, Option<String>, bool) {
    let mut scene = Scene::new(&outside(|outside| {
        change(outside);
        outside.routes[0].trunks.truncate(1);
        outside.trunks.truncate(1);
    }));
    let caller = scene.desk.dial_with(&scene.sari.clone(), number, headers, Some(&scene.sari.sdp()));
    scene.desk.expect(&scene.sari, "SIP/2.0 100");
    let invite = scene.desk.expect(&scene.first, "INVITE");
    scene.desk.from(&scene.first, &scene.first.respond(&invite, 486, None));
    scene.desk.expect(&scene.first, "ACK");
    scene.refused(&caller, 486);
    scene.desk.rest();
    (from(&invite), header(&invite, "P-Asserted-Identity"), header(&invite, "Privacy").is_some())
}

#[test]
fn who_calls_is_told_as_far_as_the_trunk_is_trusted_and_the_caller_wants_it() {
    let own = format!("<sip:+62215550101@{DOMAIN}>");
    assert_eq!(shown(|_| {}, DIALLED, ""), (own.clone(), Some(own.clone()), false));
    let untrusted = |outside: &mut Outside| outside.trunks[0].is_trusted = false;
    assert_eq!(shown(untrusted, DIALLED, ""), (own.clone(), None, false));
    let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned();
    assert_eq!(shown(|_| {}, DIALLED, "Privacy: id\r\n"), (anonymous.clone(), Some(own.clone()), true));
    assert_eq!(shown(untrusted, DIALLED, "Privacy: id\r\n"), (anonymous.clone(), None, false));
    // The emergency services see who calls.
    assert_eq!(shown(|_| {}, "112", "Privacy: id\r\n"), (own.clone(), Some(own), false));
    // Without a number of one's own it is the trunk's, and nobody's number inside is any outside.
    let without = |outside: &mut Outside| drop(outside.dids.pop());
    let trunks = format!("<sip:+62215550100@{DOMAIN}>");
    assert_eq!(shown(without, DIALLED, ""), (trunks.clone(), Some(trunks), false));
    let nothing = |outside: &mut Outside| {
        outside.dids.pop();
        outside.trunks[0].from_number = None;
    };
    assert_eq!(shown(nothing, DIALLED, "").0, anonymous);
}

#[test]
fn numbers_are_written_as_the_trunk_wants_them() {
    let mut scene = Scene::new(&outside(|outside| outside.trunks[0].number_format = NumberFormat::National));
    let mut caller = scene.dial(DIALLED);
    let first = scene.first.clone();
    let invite = scene.answers(&first, &mut caller);
    assert_eq!(invite.view().request_uri(), "sip:08123456789@203.0.113.5");
    assert_eq!(from(&invite), format!("<sip:0215550101@{DOMAIN}>"));
    scene.desk.hang_up(&mut caller, &first);
    scene.desk.rest();
}

#[test]
fn a_way_that_says_nothing_of_the_number_sends_the_call_on_to_the_next() {
    for status in [401, 407, 408, 500, 502, 503, 504] {
        let mut scene = Scene::new(&outside(|_| {}));
        let mut caller = scene.dial(DIALLED);
        let (first, second) = (scene.first.clone(), scene.second.clone());
        scene.refuses(&first, status);
        let invite = scene.answers(&second, &mut caller);
        assert_eq!(
            invite.view().request_uri(),
            format!("sip:{NUMBER}@203.0.113.20:5080;user=phone"),
            "{status}"
        );
        scene.desk.hang_up(&mut caller, &second);
        assert_eq!(scene.desk.events(), ["created", "answered(2)", "ended"], "{status}");
        scene.desk.rest();
    }
}

#[test]
fn a_target_that_is_silent_is_waited_for_no_longer_than_six_seconds() {
    let mut scene = Scene::new(&outside(|_| {}));
    let mut caller = scene.dial(DIALLED);
    let (first, second) = (scene.first.clone(), scene.second.clone());
    scene.desk.expect(&first, "INVITE");
    scene.desk.wait(Duration::from_millis(5_900));
    scene.desk.silent(&second);
    scene.desk.wait(Duration::from_millis(200));
    scene.answers(&second, &mut caller);
    scene.desk.hang_up(&mut caller, &second);
    scene.desk.sent.clear();
    scene.desk.rest();
}

#[test]
fn a_provider_that_finds_its_voice_when_it_was_given_up_is_hung_up_on() {
    for answers in [false, true] {
        let mut scene = Scene::new(&outside(|_| {}));
        let mut caller = scene.dial(DIALLED);
        let (first, second) = (scene.first.clone(), scene.second.clone());
        let late = scene.desk.expect(&first, "INVITE");
        scene.desk.wait(Duration::from_millis(6_100));
        scene.answers(&second, &mut caller);
        scene.desk.sent.clear();
        if answers {
            scene.desk.from(&first, &first.respond(&late, 200, Some(&first.sdp())));
            scene.desk.expect(&first, "ACK");
            let bye = scene.desk.expect(&first, "BYE");
            scene.desk.from(&first, &first.respond(&bye, 200, None));
        } else {
            scene.desk.from(&first, &first.respond(&late, 183, None));
            let cancel = scene.desk.expect(&first, "CANCEL");
            scene.desk.from(&first, &first.respond(&late, 180, None));
            scene.desk.from(&first, &first.respond(&cancel, 200, None));
            scene.desk.from(&first, &first.respond(&late, 487, None));
            scene.desk.expect(&first, "ACK");
        }
        scene.desk.silent(&first);
        scene.desk.silent(&scene.sari);
        scene.desk.hang_up(&mut caller, &second);
        assert_eq!(scene.desk.events(), ["created", "answered(2)", "ended"]);
        scene.desk.rest();
    }
}

#[test]
fn what_a_provider_says_of_an_emergency_number_is_not_the_last_word() {
    for status in [403, 404, 486, 603] {
        let mut scene = Scene::new(&outside(|_| {}));
        let mut caller = scene.dial("112");
        let (first, second) = (scene.first.clone(), scene.second.clone());
        scene.refuses(&first, status);
        scene.answers(&second, &mut caller);
        scene.desk.hang_up(&mut caller, &second);
        scene.desk.rest();
    }
}

#[test]
fn nobody_outside_is_told_a_number_of_the_house() {
    let mut scene = Scene::new(&outside(|_| {}));
    let mut caller = scene.dial(DIALLED);
    let first = scene.first.clone();
    let invite = scene.answers(&first, &mut caller);
    let Scene { desk, sari, budi, .. } = &mut scene;
    let refer =
        caller.request("REFER", &format!("Refer-To: <sip:1002@{DOMAIN}>\r\nRefer-Sub: false\r\n"), None);
    desk.from(sari, &refer);
    desk.expect(sari, "SIP/2.0 202");
    let to_budi = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
    desk.expect(budi, "ACK");
    let reinvite = desk.expect(&first, "INVITE");
    for one in [&invite, &reinvite] {
        for name in ["From", "Contact", "P-Asserted-Identity", "Referred-By", "Diversion", "History-Info"] {
            let told = header(one, name).unwrap_or_default();
            assert!(!told.contains("sip:100"), "{name}: {told}");
        }
    }
    desk.sent.clear();
    desk.wait(Duration::from_secs(1));
}

#[test]
fn a_transport_that_is_broken_sends_the_call_on_at_once_and_one_that_works_is_not_left() {
    let mut scene = Scene::new(&outside(|_| {}));
    let mut caller = scene.dial(DIALLED);
    let (first, second) = (scene.first.clone(), scene.second.clone());
    scene.desk.expect(&first, "INVITE");
    scene.desk.tell(Input::Unreachable { flow: first.flow });
    let invite = scene.desk.expect(&second, "INVITE");
    scene.desk.from(&second, &second.respond(&invite, 100, None));
    scene.desk.wait(Duration::from_secs(20));
    scene.desk.silent(&first);
    scene.desk.from(&second, &second.respond(&invite, 200, Some(&second.sdp())));
    scene.desk.expect(&second, "ACK");
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    scene.desk.from(&scene.sari, &caller.ack(&ok, None));
    scene.desk.hang_up(&mut caller, &second);
    scene.desk.rest();
}

#[test]
fn what_is_said_of_the_number_is_the_answer() {
    for (status, told, detail) in [
        (486, 486, "busy/486"),
        (404, 404, "no_such_number/404"),
        (484, 404, "no_such_number/484"),
        (480, 480, "unreachable/480"),
        (403, 480, "refused/403"),
        (603, 603, ""),
    ] {
        let mut scene = Scene::new(&outside(|_| {}));
        let caller = scene.dial(DIALLED);
        let (first, second) = (scene.first.clone(), scene.second.clone());
        scene.refuses(&first, status);
        scene.refused(&caller, told);
        scene.desk.silent(&second);
        let kind = if status == 486 { "busy" } else { "failed" };
        if !detail.is_empty() {
            assert_eq!(scene.desk.detail(kind), detail);
        }
        scene.desk.rest();
    }
}

#[test]
fn what_has_rung_is_tried_nowhere_else_and_neither_is_what_a_provider_sends_elsewhere() {
    let mut scene = Scene::new(&outside(|_| {}));
    let caller = scene.dial(DIALLED);
    let (first, second) = (scene.first.clone(), scene.second.clone());
    let invite = scene.desk.expect(&first, "INVITE");
    scene.desk.from(&first, &first.respond(&invite, 180, None));
    scene.desk.expect(&scene.sari, "SIP/2.0 180");
    scene.desk.from(&first, &first.respond(&invite, 500, None));
    scene.desk.expect(&first, "ACK");
    scene.refused(&caller, 480);
    let caller = scene.dial(DIALLED);
    let invite = scene.desk.expect(&first, "INVITE");
    let to = format!("<sip:+6590000000@{DOMAIN}>, <sip:1002@{DOMAIN}>");
    scene.desk.from(&first, &moved(&first, &invite, 302, &to));
    scene.desk.expect(&first, "ACK");
    scene.refused(&caller, 480);
    scene.desk.silent(&second);
    scene.desk.silent(&scene.budi);
    scene.desk.rest();
}

#[test]
fn all_ways_that_fail_are_told_and_a_call_does_not_try_for_ever() {
    let mut scene = Scene::new(&outside(|_| {}));
    let caller = scene.dial(DIALLED);
    let (first, second) = (scene.first.clone(), scene.second.clone());
    scene.refuses(&first, 503);
    scene.refuses(&second, 500);
    scene.refused(&caller, 480);
    assert_eq!(scene.desk.detail("failed"), "refused/500");
    scene.desk.rest();
    let many = |outside: &mut Outside| {
        outside.trunks[0].targets = (1..=8).map(|n| format!("sip:203.0.113.10{n}")).collect();
    };
    let mut scene = Scene::new(&outside(many));
    let caller = scene.dial(DIALLED);
    for n in 1..=8 {
        scene.refuses(&Phone::new("gateway", &format!("203.0.113.10{n}:5060")), 503);
    }
    scene.refused(&caller, 480);
    scene.desk.silent(&second);
    scene.desk.rest();
}

#[test]
fn a_trunk_without_a_channel_is_passed_over_and_the_emergency_services_need_none() {
    let mut scene = Scene::new(&outside(|outside| outside.trunks[0].channels_max = 1));
    let mut one = scene.talks(DIALLED);
    let (first, second) = (scene.first.clone(), scene.second.clone());
    let mut two = scene.dial("0812000001");
    scene.answers(&second, &mut two);
    let mut three = scene.dial("0812000002");
    scene.answers(&second, &mut three);
    assert!(scene.desk.notices.contains(&Notice::TrunkFull));
    scene.desk.tell(Input::Plan(plan(&outside(|outside| {
        outside.trunks[0].channels_max = 1;
        outside.budgets[0].allowance.calls_at_once_max = 9;
    }))));
    let four = scene.dial("0812000003");
    scene.refused(&four, 503);
    assert_eq!(scene.desk.detail("failed"), "congestion/-");
    let mut five = scene.dial("112");
    let invite = scene.answers(&first, &mut five);
    assert_eq!(invite.view().request_uri(), "sip:112@203.0.113.5");
    for (caller, provider) in
        [(&mut one, &first), (&mut two, &second), (&mut three, &second), (&mut five, &first)]
    {
        scene.desk.hang_up(caller, provider);
    }
    let mut six = scene.talks(DIALLED);
    scene.desk.hang_up(&mut six, &first);
    scene.desk.rest();
}

#[test]
fn a_provider_that_asks_who_we_are_is_told_and_nobody_else_is() {
    let with_login = |outside: &mut Outside| {
        let (username, password) = ("62215550100".into(), "provider secret".into());
        outside.trunks[0].credentials = Some(Credentials { username, password, realm: None });
    };
    let mut scene = Scene::new(&outside(with_login));
    let mut caller = scene.dial(DIALLED);
    let first = scene.first.clone();
    let invite = scene.desk.expect(&first, "INVITE");
    assert_eq!(from(&invite), "<sip:+62215550101@203.0.113.5>", "our address is one of the provider's");
    let asks = "Proxy-Authenticate: Digest realm=\"telkom\", nonce=\"n1\", qop=\"auth\", algorithm=MD5\r\n";
    let challenge = first.respond(&invite, 407, None).replace("Contact:", &format!("{asks}Contact:"));
    scene.desk.from(&first, &challenge);
    scene.desk.expect(&first, "ACK");
    let again = scene.desk.expect(&first, "INVITE");
    let proof = header(&again, "Proxy-Authorization").unwrap();
    assert!(proof.contains("username=\"62215550100\"") && proof.contains("realm=\"telkom\""), "{proof}");
    scene.desk.from(&first, &first.respond(&again, 200, Some(&first.sdp())));
    scene.desk.expect(&first, "ACK");
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    scene.desk.from(&scene.sari, &caller.ack(&ok, None));
    scene.desk.hang_up(&mut caller, &first);
    assert_eq!(scene.desk.events(), ["created", "answered(2)", "ended"]);
    scene.desk.rest();
}

/// Rules of the extension 100 send its calls to a number outside.
pub(crate) fn forwarding(condition: Condition) -> Snapshot {
    let mut rows = outside(|_| {});
    rows.organisations[0].extensions[0].rules = vec![Rule {
        id: RuleId(id(41)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition,
        action: Action::ForwardNumber("+6281999".into()),
    }];
    rows.organisations[0].outside.trunks[0].sources = vec!["203.0.113.5".into()];
    rows
}

#[test]
fn a_rule_sends_a_caller_from_outside_on_outside_on_the_budget_of_its_extension() {
    let mut scene = Scene::new(&forwarding(Condition::Always));
    let Scene { desk, first, .. } = &mut scene;
    let mut caller = Caller::new(first, "+62215550110");
    caller.from = "<sip:08111222333@provider.example>".into();
    desk.from(first, &caller.invite(Some(&first.sdp()), ""));
    desk.expect(first, "SIP/2.0 100");
    let invite = desk.expect(first, "INVITE sip:+6281999@");
    assert_eq!(from(&invite), format!("<sip:+628111222333@{DOMAIN}>"), "who calls stays who they are");
    let asserted = header(&invite, "P-Asserted-Identity").unwrap();
    assert_eq!(asserted, format!("<sip:+62215550110@{DOMAIN}>"), "and who sends them on is known");
    let diversion = header(&invite, "Diversion").unwrap();
    assert!(
        diversion.starts_with(&format!("<sip:+62215550110@{DOMAIN}>;reason=unconditional")),
        "{diversion}"
    );
    desk.from(first, &first.respond(&invite, 200, Some(&first.sdp())));
    desk.expect(first, "ACK");
    let ok = desk.expect(first, "SIP/2.0 200");
    desk.from(first, &caller.ack(&ok, None));
    assert_eq!(desk.events(), ["created", "forward", "forward_answered(3)", "answered(3)"]);
    assert_eq!(desk.number_of("forward").as_deref(), Some("+6281999"));
    // Both legs are on it, and it has two channels.
    let mut second = Caller::new(first, "+62215550110");
    second.call_id = "second".into();
    desk.from(first, &second.invite(Some(&first.sdp()), ""));
    desk.expect(first, "SIP/2.0 100");
    let refusal = desk.expect(first, "SIP/2.0 503");
    desk.from(first, &second.ack_refusal(&refusal));
    desk.hang_up(&mut caller, first);
    let payers: Vec<_> = desk.legs().iter().filter_map(|leg| leg.payer).collect();
    assert_eq!(payers, [Payer::Extension(ExtensionId(id(21)))]);
    desk.rest();
}

#[test]
fn a_key_of_a_menu_leads_outside_on_the_budget_of_its_extension() {
    let choice = MenuChoice { key: MenuKey::One, action: Action::ForwardNumber("+6281999".into()) };
    let mut rows = outside(|_| {});
    let menu = Menu { choices: vec![choice], ..Menu::plain(MenuId(id(101))) };
    rows.organisations[0].extensions[0].menu = Some(menu);
    let mut scene = Scene::new(&rows);
    let Scene { desk, sari, first, .. } = &mut scene;
    let mut caller = desk.dial(sari, "100", Some(&sari.sdp()));
    let ok = desk.expect(sari, "SIP/2.0 200");
    desk.from(sari, &caller.ack(&ok, None));
    desk.press(0, "1");
    let invite = desk.expect(first, "INVITE sip:+6281999@");
    desk.from(first, &first.respond(&invite, 200, Some(&first.sdp())));
    desk.expect(first, "ACK");
    let told = desk.expect(sari, "INVITE");
    desk.from(sari, &caller.respond(&told, 200, Some(&sari.sdp())));
    desk.expect(sari, "ACK");
    caller.cseq = caller.cseq.max(10);
    desk.hang_up(&mut caller, first);
    assert_eq!(desk.number_of("forward").as_deref(), Some("+6281999"));
    let payers: Vec<_> = desk.legs().iter().filter_map(|leg| leg.payer).collect();
    assert_eq!(payers, [Payer::Extension(ExtensionId(id(21)))]);
    desk.rest();
}

#[test]
fn when_nobody_of_a_desk_answers_it_goes_outside_and_when_that_fails_the_caller_is_told() {
    let mut scene = Scene::new(&forwarding(Condition::NoAnswer));
    let Scene { desk, sari, budi, first, second } = &mut scene;
    let caller = desk.dial(sari, "100", Some(&sari.sdp()));
    let invite = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&invite, 180, None));
    desk.expect(sari, "SIP/2.0 180");
    desk.wait(Duration::from_secs(60));
    desk.expect(budi, "CANCEL");
    desk.expect(sari, "SIP/2.0 181");
    let invite = desk.expect(first, "INVITE sip:+6281999@");
    desk.from(first, &first.respond(&invite, 486, None));
    desk.expect(first, "ACK");
    let refusal = desk.expect(sari, "SIP/2.0 486");
    desk.from(sari, &caller.ack_refusal(&refusal));
    desk.silent(second);
    let expected = ["created", "ringing", "forward", "forward_busy", "busy", "ended"];
    assert_eq!(desk.events(), expected);
    desk.sent.clear();
    desk.rest();
}

#[test]
fn a_phone_sends_its_calls_outside_on_the_budget_of_its_owner() {
    for (allowance, redirects, is_followed) in [
        (everywhere(), Redirects::Numbers, true),
        (everywhere(), Redirects::OwnNumbers, false),
        (Allowance { destinations: vec![], ..Allowance::default() }, Redirects::Numbers, false),
    ] {
        let rows = outside(|outside| outside.budgets.push(budget(Some(12), allowance)));
        let mut scene = Scene::of(Desk::with(SwitchboardConfig { redirects, ..config() }, 32), &rows);
        let Scene { desk, sari, budi, first, .. } = &mut scene;
        let caller = desk.dial(sari, "1002", Some(&sari.sdp()));
        let invite = desk.expect(budi, "INVITE");
        desk.from(budi, &moved(budi, &invite, 302, &format!("<sip:{NUMBER}@{DOMAIN}>")));
        desk.expect(budi, "ACK");
        if is_followed {
            let invite = desk.expect(first, &format!("INVITE sip:{NUMBER}@"));
            desk.from(first, &first.respond(&invite, 486, None));
            desk.expect(first, "ACK");
        }
        let refusal = desk.expect(sari, if is_followed { "SIP/2.0 486" } else { "SIP/2.0 480" });
        desk.from(sari, &caller.ack_refusal(&refusal));
        desk.silent(first);
        let payers: Vec<_> = desk.legs().iter().filter_map(|leg| leg.payer).collect();
        assert_eq!(payers, if is_followed { vec![Payer::User(UserId(id(12)))] } else { vec![] });
        desk.rest();
    }
}

/// A bug: what else the call had on the trunk was not counted, and a refusal of one number was one of all behind it.
#[test]
fn phones_that_send_one_call_outside_need_a_channel_each_and_are_answered_each() {
    for channels_max in [1, 2] {
        let rows = outside(|outside| {
            outside.trunks[0].channels_max = channels_max;
            outside.budgets.extend([12, 13].map(|user| budget(Some(user), everywhere())));
        });
        let config = SwitchboardConfig { redirects: Redirects::Numbers, ..config() };
        let mut scene = Scene::of(Desk::with(config, 32), &rows);
        let citra = scene.desk.phone("1003", "198.51.100.3:5060");
        let caller = scene.dial("100");
        let Scene { desk, sari, budi, first, second } = &mut scene;
        let other = if channels_max == 1 { &*second } else { &*first };
        let [one, two] = [(&*budi, NUMBER, &*first), (&citra, "+628999999", other)].map(|(phone, to, by)| {
            let invite = desk.expect(phone, "INVITE");
            desk.from(phone, &moved(phone, &invite, 302, &format!("<sip:{to}@{DOMAIN}>")));
            desk.expect(phone, "ACK");
            (by, desk.expect(by, &format!("INVITE sip:{to}@")))
        });
        desk.from(one.0, &one.0.respond(&one.1, 603, None));
        desk.expect(one.0, "ACK");
        desk.silent(two.0);
        desk.from(two.0, &two.0.respond(&two.1, 486, None));
        desk.expect(two.0, "ACK");
        let refusal = desk.expect(sari, "SIP/2.0 ");
        desk.from(sari, &caller.ack_refusal(&refusal));
        desk.rest();
    }
}

#[test]
fn a_call_is_transferred_outside_by_refer_and_by_order_on_the_budget_of_whoever_does_it() {
    for is_ordered in [false, true] {
        let mut scene = Scene::new(&outside(|_| {}));
        let Scene { desk, sari, budi, first, .. } = &mut scene;
        let (mut caller, to_budi) = desk.talk(sari, budi, "1002");
        if is_ordered {
            let call = *desk.live.keys().next().unwrap();
            desk.tell(Input::Command(Command::Transfer { call, leg: None, to: DIALLED.into() }));
            assert_eq!(desk.outcomes, [Outcome::Done]);
        } else {
            let headers = format!("Refer-To: <sip:{NUMBER}@{DOMAIN}>\r\nRefer-Sub: false\r\n");
            desk.from(budi, &budi.request("REFER", 1, &to_budi, &headers, None));
            let answer = desk.expect(budi, "SIP/2.0");
            assert_eq!(answer.view().status(), Some(202), "{:?}", header(&answer, "Warning"));
        }
        let invite = desk.expect(first, &format!("INVITE sip:{NUMBER}@"));
        assert_eq!(from(&invite), format!("<sip:+62215550101@{DOMAIN}>"), "Sari is who talks there");
        desk.from(first, &first.respond(&invite, 200, Some(&first.sdp())));
        desk.expect(first, "ACK");
        let bye = desk.expect(budi, "BYE");
        desk.from(budi, &budi.respond(&bye, 200, None));
        let reinvite = desk.expect(sari, "INVITE");
        desk.from(sari, &caller.respond(&reinvite, 200, Some(&sari.sdp())));
        desk.expect(sari, "ACK");
        desk.hang_up(&mut caller, first);
        let payers: Vec<_> = desk.legs().iter().filter_map(|leg| leg.payer).collect();
        assert_eq!(payers, [Payer::User(UserId(id(12)))]);
        desk.sent.clear();
        desk.rest();
    }
}

#[test]
fn a_transfer_that_the_budget_does_not_allow_is_refused_and_the_call_stays() {
    let none = Allowance { destinations: vec![], ..Allowance::default() };
    let mut scene = Scene::new(&outside(|outside| outside.budgets.push(budget(Some(12), none))));
    let Scene { desk, sari, budi, first, .. } = &mut scene;
    let (mut caller, to_budi) = desk.talk(sari, budi, "1002");
    let headers = format!("Refer-To: <sip:{NUMBER}@{DOMAIN}>\r\n");
    desk.from(budi, &budi.request("REFER", 1, &to_budi, &headers, None));
    let refusal = desk.expect(budi, "SIP/2.0 403");
    assert!(header(&refusal, "Warning").unwrap().contains("destination_not_allowed"));
    desk.silent(first);
    desk.hang_up(&mut caller, budi);
    desk.rest();
}
