//! What the switch does at providers of its own accord: registers with them, asks whether they are there, and takes the calls
//! that come of it. RFC 3261 §10.2, §11; RFC 5626 §4.4.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use calls::{ClockMark, Continuity, Input, Switchboard, SwitchboardConfig, TrunkNews};
use contract::{
    id::TrunkId,
    live::{LiveTrunk, TargetState, TrunkState},
    outside::{Credentials, Registering, Trunk},
    snapshot::Snapshot,
    time::Timestamp,
};
use sip::{
    Flow, OwnedMessage, Transport, Uri,
    digest::Credentials as Proof,
    locate::{Choice, Target},
};

use crate::{
    desk::{Caller, Desk, Phone, SWITCH, header, id, plan},
    trunks::with_trunk,
};

pub const ONE: &str = "203.0.113.5:5060";
pub const OTHER: &str = "203.0.113.6:5060";
/// The number of the extension 100, and the user that the provider knows us by.
pub const NUMBER: &str = "+62215550100";

/// The rows with a trunk that registers for ten minutes.
pub fn rows(change: impl FnOnce(&mut Trunk)) -> Snapshot {
    let mut rows = with_trunk(true);
    let trunk = &mut rows.organisations[0].outside.trunks[0];
    trunk.sources = vec!["192.0.2.99".into()];
    trunk.targets = vec!["sip:203.0.113.5".into(), "sip:203.0.113.6".into()];
    trunk.credentials =
        Some(Credentials { username: "62215550100".into(), password: "secret".into(), realm: None });
    trunk.registration = Some(Registering { expiry_secs: 600 });
    change(trunk);
    rows
}

pub struct Scene {
    pub desk: Desk,
    pub one: Phone,
    pub other: Phone,
    began: Instant,
}

fn config() -> SwitchboardConfig {
    let at = SWITCH.parse().unwrap();
    SwitchboardConfig {
        listeners: vec![(Transport::Udp, at), (Transport::Tcp, at)],
        ..SwitchboardConfig::default()
    }
}

impl Scene {
    pub fn new(change: impl FnOnce(&mut Trunk)) -> Self {
        let mut desk = Desk::mortal_with(config());
        let began = desk.now;
        desk.tell(Input::Plan(plan(&rows(change))));
        Self { began, desk, one: Phone::new("one", ONE), other: Phone::new("other", OTHER) }
    }

    /// The next request of this method to the first target, which is waited for no longer than this.
    #[track_caller]
    pub fn next(&mut self, method: &str, secs: u64) -> OwnedMessage {
        next(&mut self.desk, &self.one, method, secs)
    }

    /// The first target answers.
    pub fn say(&mut self, request: &OwnedMessage, status: u16, headers: &str) {
        say(&mut self.desk, &self.one, request, status, headers);
    }

    /// A REGISTER is granted for so long.
    pub fn grant(&mut self, request: &OwnedMessage, secs: u32) {
        let contact = header(request, "Contact").unwrap();
        self.say(request, 200, &format!("Contact: {contact};expires={secs}\r\n"));
    }

    /// The trunk is registered.
    pub fn registered(change: impl FnOnce(&mut Trunk)) -> (Self, OwnedMessage) {
        let mut scene = Self::new(change);
        let register = scene.next("REGISTER", 9);
        scene.grant(&register, 600);
        scene.desk.trunks.clear();
        (scene, register)
    }

    pub fn shown(&self) -> LiveTrunk {
        self.desk.board.live_trunks().remove(0)
    }

    /// Nothing is wanted at providers any more.
    pub fn end(mut self) {
        self.desk.tell(Input::Plan(plan(&crate::desk::rows())));
        self.desk.sent.clear();
        self.desk.rest_of_trunks();
    }
}

impl Desk {
    fn rest_of_trunks(&mut self) {
        self.wait(Duration::from_secs(40));
        self.sent.clear();
        self.rest();
    }
}

#[track_caller]
pub fn next(desk: &mut Desk, at: &Phone, method: &str, secs: u64) -> OwnedMessage {
    for _ in 0..secs * 10 {
        if desk.sent.iter().any(|(flow, _)| flow.remote == at.flow.remote) {
            break;
        }
        desk.wait(Duration::from_millis(100));
    }
    desk.expect(at, method)
}

pub fn say(desk: &mut Desk, from: &Phone, request: &OwnedMessage, status: u16, headers: &str) {
    let text = from.respond(request, status, None);
    desk.from(from, &text.replacen("\r\n\r\n", &format!("\r\n{headers}\r\n"), 1));
}

pub fn text(message: &OwnedMessage, name: &str) -> String {
    header(message, name).unwrap_or_default()
}

#[test]
fn rfc_3261_10_2_a_trunk_registers_proves_who_it_is_and_is_refreshed_in_time() {
    let mut scene = Scene::new(|_| {});
    assert_eq!(scene.shown().state, TrunkState::Registering);
    let first = scene.next("REGISTER", 9);
    assert_eq!(first.view().request_uri(), "sip:203.0.113.5");
    assert!(text(&first, "To").starts_with("<sip:62215550100@203.0.113.5>"));
    assert_eq!((text(&first, "Expires"), text(&first, "Contact")), ("600".into(), contact()));
    scene.say(&first, 401, "WWW-Authenticate: Digest realm=\"p\", nonce=\"n1\", qop=\"auth\"\r\n");
    let second = scene.next("REGISTER", 0);
    let proof = text(&second, "Authorization");
    assert_eq!(Proof::parse(&proof).unwrap().username, "62215550100");
    assert_eq!(
        (text(&second, "CSeq"), text(&second, "Call-ID")),
        ("2 REGISTER".into(), text(&first, "Call-ID"))
    );
    scene.grant(&second, 300);
    assert_eq!(scene.desk.trunks, [TrunkNews::Registered]);
    let shown = scene.shown();
    assert_eq!((shown.state, shown.answer.map(|answer| answer.status)), (TrunkState::Registered, Some(200)));
    let wall = |scene: &Scene| {
        1_800_000_000_000_000 + i64::try_from((scene.desk.now - scene.began).as_micros()).unwrap()
    };
    let left = |scene: &Scene| scene.shown().registered_until.unwrap().0 - wall(scene);
    assert!((299_000_000..=300_000_000).contains(&left(&scene)));

    // A quarter of 300 s before the end, and up to as much earlier.
    scene.desk.wait(Duration::from_secs(149));
    scene.desk.silent(&scene.one);
    let third = scene.next("REGISTER", 77);
    assert_eq!(
        (text(&third, "CSeq"), text(&third, "Call-ID")),
        ("3 REGISTER".into(), text(&first, "Call-ID"))
    );
    assert!(header(&third, "Authorization").is_none(), "nobody has asked");
    scene.grant(&third, 300);
    assert!(left(&scene) > 299_000_000);
    assert_eq!(scene.desk.trunks, [TrunkNews::Registered], "a refresh is no news");
    scene.end();
}

/// Our Contact: the user is the trunk.
fn contact() -> String {
    format!("<sip:{}@{SWITCH}>", id(61).simple())
}

#[test]
fn a_refusal_is_not_asked_again_before_a_time_that_grows_and_is_bounded() {
    for (status, first, longest) in [(403, 30..=60, 3_600), (404, 30..=60, 3_600), (503, 5..=10, 300)] {
        let mut scene = Scene::new(|trunk| trunk.targets.truncate(1));
        let mut waits = Vec::new();
        for _ in 0..12 {
            let from = scene.desk.now;
            let register = scene.next("REGISTER", 4_000);
            waits.push((scene.desk.now - from).as_secs());
            scene.say(&register, status, "");
        }
        assert!(first.contains(&waits[1]), "{status}: {waits:?}");
        assert!(waits[2] > waits[1] && waits[4] > waits[3], "{status}: {waits:?}");
        let last = &waits[8..];
        assert!(last.iter().all(|wait| (longest / 2..=longest).contains(wait)), "{status}: {waits:?}");
        assert!(last.iter().collect::<BTreeSet<_>>().len() > 1, "{status}: drawn by lot: {waits:?}");
        assert_eq!(scene.desk.trunks, [TrunkNews::NotRegistered { status, is_still: false }], "told once");
        let shown = scene.shown();
        assert_eq!((shown.state, shown.answer.unwrap().status), (TrunkState::Unregistered, status));
        scene.end();
    }
}

/// A bug: what counted for silence counted for refusals too, so that the first 403 after an outage shut the trunk out for an hour.
#[test]
fn the_first_refusal_after_an_outage_waits_no_longer_than_any_first_one() {
    let mut scene = Scene::new(|trunk| trunk.targets.truncate(1));
    for _ in 0..6 {
        let register = scene.next("REGISTER", 301);
        scene.say(&register, 503, "");
    }
    let refused = scene.next("REGISTER", 301);
    scene.say(&refused, 403, "");
    let again = scene.next("REGISTER", 61);
    // Somebody is there, so silence begins anew as well; how often it was refused is not forgotten over it.
    scene.say(&again, 503, "");
    let third = scene.next("REGISTER", 11);
    scene.say(&third, 403, "");
    scene.desk.wait(Duration::from_secs(59));
    scene.desk.silent(&scene.one);
    scene.next("REGISTER", 62);
    scene.end();
}

#[test]
fn rfc_3261_20_33_the_provider_says_when_to_come_again() {
    let mut scene = Scene::new(|trunk| trunk.targets.truncate(1));
    let register = scene.next("REGISTER", 9);
    scene.say(&register, 503, "Retry-After: 120 (maintenance)\r\n");
    scene.desk.wait(Duration::from_secs(119));
    scene.desk.silent(&scene.one);
    scene.next("REGISTER", 8);
    scene.end();
}

#[test]
fn rfc_3263_4_3_another_target_is_asked_when_one_is_not_there() {
    for way in ["503", "silence", "unreachable"] {
        let mut scene = Scene::new(|_| {});
        let register = scene.next("REGISTER", 9);
        match way {
            "503" => scene.say(&register, 503, "Retry-After: 600\r\n"),
            "silence" => {
                scene.desk.wait(Duration::from_secs(33));
                let one = scene.one.flow.remote;
                scene.desk.sent.retain(|(flow, _)| flow.remote != one);
            }
            _ => scene.desk.tell(Input::Unreachable { flow: scene.one.flow }),
        }
        let Scene { desk, other, .. } = &mut scene;
        let again = next(desk, other, "REGISTER", 0);
        assert_eq!(again.view().request_uri(), "sip:203.0.113.6", "{way}");
        say(desk, other, &again, 200, "");
        assert_eq!(desk.trunks, [TrunkNews::Registered], "{way}");
        assert_eq!(scene.shown().state, TrunkState::Registered);
        scene.end();
    }
}

#[test]
fn rfc_3261_10_2_8_a_time_that_is_too_brief_is_made_longer_once() {
    let mut scene = Scene::new(|trunk| trunk.targets.truncate(1));
    let brief = scene.next("REGISTER", 9);
    scene.say(&brief, 423, "Min-Expires: 1800\r\n");
    let longer = scene.next("REGISTER", 0);
    assert_eq!((text(&longer, "Expires"), text(&longer, "CSeq")), ("1800".into(), "2 REGISTER".into()));
    scene.say(&longer, 423, "Min-Expires: 3600\r\n");
    scene.desk.wait(Duration::from_secs(29));
    scene.desk.silent(&scene.one);
    assert_eq!(scene.desk.trunks, [TrunkNews::NotRegistered { status: 423, is_still: false }]);
    let patient = scene.next("REGISTER", 32);
    assert_eq!(text(&patient, "Expires"), "1800");
    scene.end();
}

#[test]
fn what_was_granted_stands_while_a_refresh_fails_and_is_over_when_its_time_is() {
    let (mut scene, _) = Scene::registered(|trunk| trunk.targets.truncate(1));
    let refresh = scene.next("REGISTER", 600);
    scene.say(&refresh, 500, "");
    assert_eq!(scene.shown().state, TrunkState::Registered);
    assert_eq!(scene.desk.trunks, [TrunkNews::NotRegistered { status: 500, is_still: true }]);
    scene.desk.wait(Duration::from_secs(160));
    scene.desk.sent.clear();
    assert_eq!(scene.shown().state, TrunkState::Unregistered);
    assert_eq!(scene.desk.trunks.last(), Some(&TrunkNews::NotRegistered { status: 408, is_still: false }));
    let Scene { desk, .. } = &scene;
    let counts = desk.board.trunk_counts();
    assert_eq!((counts.registered, counts.unregistered), (0, 1));
    scene.end();
}

#[test]
fn rfc_3261_10_2_2_a_trunk_that_is_taken_away_is_ended_at_its_provider() {
    let gone: [fn(&mut Trunk); 2] = [|trunk| trunk.is_active = false, |trunk| trunk.registration = None];
    for change in gone {
        let (mut scene, register) = Scene::registered(|_| {});
        scene.desk.tell(Input::Plan(plan(&rows(change))));
        let last = scene.next("REGISTER", 0);
        assert_eq!((text(&last, "Expires"), text(&last, "CSeq")), ("0".into(), "2 REGISTER".into()));
        assert_eq!(text(&last, "Call-ID"), text(&register, "Call-ID"));
        scene.say(&last, 401, "WWW-Authenticate: Digest realm=\"p\", nonce=\"n\"\r\n");
        let proven = scene.next("REGISTER", 0);
        assert!(header(&proven, "Authorization").is_some(), "by who it was");
        scene.say(&proven, 200, "");
        scene.desk.wait(Duration::from_secs(9));
        scene.desk.silent(&scene.one);
        scene.end();
    }
}

#[test]
fn a_plan_that_says_the_same_of_a_trunk_changes_nothing_at_its_provider() {
    let (mut scene, _) = Scene::registered(|_| {});
    scene.desk.tell(Input::Plan(plan(&rows(|trunk| trunk.channels_max = 30))));
    scene.desk.wait(Duration::from_secs(100));
    scene.desk.silent(&scene.one);
    assert_eq!((scene.shown().state, scene.shown().channels_max), (TrunkState::Registered, 30));
    scene.end();
}

#[test]
fn the_next_life_registers_anew_under_the_same_contact() {
    let (mut scene, register) = Scene::registered(|_| {});
    let desk = &mut scene.desk;
    let mark = ClockMark { instant: desk.now, unix: Timestamp(1_800_000_000_000_000) };
    // The plan that was kept on disk, before there is another.
    let board = Switchboard::new(config(), plan(&rows(|_| {})), [8; 32], mark);
    desk.board = board.with_images(Continuity { origin: desk.now, secrets: [9; 32] });
    let again = scene.next("REGISTER", 9);
    assert_eq!(text(&again, "Contact"), text(&register, "Contact"));
    assert_ne!(text(&again, "Call-ID"), text(&register, "Call-ID"));
    scene.grant(&again, 600);
    scene.end();
}

#[test]
fn many_trunks_do_not_begin_together() {
    let mut desk = Desk::mortal_with(config());
    let mut many = rows(|trunk| trunk.targets.truncate(1));
    let trunks = &mut many.organisations[0].outside.trunks;
    let first = trunks[0].clone();
    trunks.extend((1..32).map(|n| Trunk {
        id: TrunkId(id(600 + n)),
        name: format!("provider {n}"),
        ..first.clone()
    }));
    desk.tell(Input::Plan(plan(&many)));
    let mut most = 0;
    let mut all = 0;
    for _ in 0..80 {
        desk.wait(Duration::from_millis(100));
        let new = desk.sent.iter().filter(|(_, message)| text(message, "CSeq") == "1 REGISTER");
        let new: BTreeSet<String> = new.map(|(_, message)| text(message, "Call-ID")).collect();
        most = most.max(new.len().saturating_sub(all));
        all = new.len();
    }
    assert_eq!(all, 32);
    assert!(most <= 8, "{most} in a tenth of a second");
    desk.tell(Input::Plan(plan(&crate::desk::rows())));
    desk.sent.clear();
    desk.rest_of_trunks();
}

#[test]
fn a_name_that_is_not_located_yet_is_asked_when_it_is() {
    let mut scene = Scene::new(|trunk| trunk.targets = vec!["sip:provider.example".into()]);
    scene.desk.wait(Duration::from_secs(20));
    assert_eq!(scene.desk.trunks, [TrunkNews::NotRegistered { status: 0, is_still: false }]);
    scene.desk.tell(found("sip:provider.example", &[ONE, OTHER]));
    let register = scene.next("REGISTER", 1);
    assert_eq!(register.view().request_uri(), "sip:provider.example");
    scene.grant(&register, 600);
    assert_eq!(scene.desk.trunks.last(), Some(&TrunkNews::Registered));
    scene.end();
}

/// What DNS says of a name.
pub fn found(uri: &str, addresses: &[&str]) -> Input<'static> {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let choice = Choice { transport: Transport::Udp, rank: 0, weight: 0, addresses };
    Input::Located(Target::of(&Uri::parse(uri).unwrap()).unwrap(), vec![choice])
}

/// A bug: names of trunks' targets were among those that phones may write, so that any phone had calls sent to a provider that
/// knows its customers by address.
#[test]
fn a_phone_s_path_that_names_a_trunk_s_target_goes_where_the_phone_was_heard() {
    let mut config = config();
    config.trusted_proxies = [Target::of(&Uri::parse("sip:edge.example").unwrap()).unwrap()].into();
    let mut desk = Desk::mortal_with(config);
    desk.tell(Input::Plan(plan(&rows(|trunk| trunk.targets = vec!["sip:provider.example".into()]))));
    desk.tell(found("sip:provider.example", &[ONE]));
    desk.tell(found("sip:edge.example", &[OTHER]));
    let [one, other] = [Phone::new("one", ONE), Phone::new("other", OTHER)];
    next(&mut desk, &one, "REGISTER", 9);
    let [sari, budi] = desk.two();
    for (at, (path, way)) in [("provider.example", &budi), ("edge.example", &other)].into_iter().enumerate() {
        let contact =
            format!("Contact: <{}>\r\nSupported: path\r\nPath: <sip:{path};lr>\r\n", budi.contact());
        desk.registers(&budi, 10 + 2 * u32::try_from(at).unwrap(), &contact);
        let mut caller = Caller::new(&sari, "1002");
        caller.call_id = path.into();
        let caller = desk.dial_as(caller, "", Some(&sari.sdp()));
        desk.expect(&sari, "SIP/2.0 100");
        let invite = desk.expect(way, "INVITE");
        assert_eq!(text(&invite, "Route"), format!("<sip:{path};lr>"));
        desk.from(way, &budi.respond(&invite, 603, None));
        desk.expect(way, "ACK");
        let refusal = desk.expect(&sari, "SIP/2.0 603");
        desk.from(&sari, &caller.ack_refusal(&refusal));
    }
    desk.tell(Input::Plan(plan(&crate::desk::rows())));
    desk.sent.clear();
    desk.rest_of_trunks();
}

/// Budi's phone rings for a call that the provider sends.
pub fn rings(scene: &mut Scene, from: &str, number: &str, headers: &str, to: &str) -> bool {
    let citra = Phone::new("1003", "198.51.100.3:5060");
    let provider = Phone::new("gateway", from);
    let mut caller = Caller::new(&provider, number);
    caller.from = "<sip:08123456789@provider.example>".into();
    caller.call_id =
        format!("{from} {number} {headers} {to}").replace(|letter: char| !letter.is_alphanumeric(), "");
    let invite = caller.invite(Some(&provider.sdp()), headers);
    let line = invite.lines().find(|line| line.starts_with("To: ")).unwrap().to_owned();
    scene.desk.from(&provider, &invite.replace(&line, &format!("To: {to}")));
    let is_let_in = match scene.desk.sent.iter().position(|(flow, _)| flow.remote == provider.flow.remote) {
        Some(at) => scene.desk.sent.remove(at).1.view().status() == Some(100),
        None => false,
    };
    if !is_let_in {
        return false;
    }
    let invite = scene.desk.expect(&citra, "INVITE");
    scene.desk.from(&citra, &citra.respond(&invite, 603, None));
    scene.desk.expect(&citra, "ACK");
    let refusal = scene.desk.expect(&provider, "SIP/2.0 603");
    scene.desk.from(&provider, &caller.ack_refusal(&refusal));
    true
}

#[test]
fn a_call_to_our_contact_is_the_trunk_s_where_it_comes_from_the_provider() {
    let ours = id(61).simple().to_string();
    let (mut scene, _) = Scene::registered(|_| {});
    scene.desk.phone("1003", "198.51.100.3:5060");
    let to = |user: &str| format!("<sip:{user}@provider.example>");
    // By the number, the contact with the number told, and the contact alone: the account is a number.
    assert!(rings(&mut scene, ONE, NUMBER, "", &to("x")));
    assert!(rings(&mut scene, OTHER, &ours, "", &to("0215550100")));
    let called = "P-Called-Party-ID: <sip:+62215550100@provider.example>\r\n";
    assert!(rings(&mut scene, ONE, &ours, called, &to("nobody")));
    assert!(rings(&mut scene, "203.0.113.5:40000", &ours, "", &to(&ours)));
    assert!(rings(&mut scene, "192.0.2.99:5060", &ours, "", &to("x")), "a source of the trunk");
    // Not from elsewhere, not for what is dialled inside, not for another trunk's contact.
    assert!(!rings(&mut scene, "203.0.113.7:5060", &ours, "", &to("0215550100")));
    assert!(!rings(&mut scene, ONE, "1003", "", &to("0215550100")));
    assert!(!rings(&mut scene, ONE, &id(62).simple().to_string(), "", &to("0215550100")));
    scene.end();
}

/// A bug: the domain of such a user was taken for a part of the number.
#[test]
fn a_user_with_a_domain_of_its_own_registers_there_and_is_a_number_without_it() {
    let ours = id(61).simple().to_string();
    let mut scene = Scene::new(|trunk| {
        trunk.credentials.as_mut().unwrap().username = "62215550100@ims.provider.example".into();
    });
    let register = scene.next("REGISTER", 9);
    assert_eq!(register.view().request_uri(), "sip:ims.provider.example");
    assert!(text(&register, "To").starts_with("<sip:62215550100@ims.provider.example>"));
    scene.grant(&register, 600);
    scene.desk.phone("1003", "198.51.100.3:5060");
    assert!(rings(&mut scene, ONE, &ours, "", &format!("<sip:{ours}@provider.example>")));
    scene.end();
}

#[test]
fn a_trunk_that_does_not_register_brings_no_calls_from_its_targets() {
    let mut scene = asked();
    scene.desk.phone("1003", "198.51.100.3:5060");
    assert!(!rings(&mut scene, ONE, NUMBER, "", "<sip:x@provider.example>"));
    scene.end();
}

#[test]
fn a_switch_that_is_full_registers_later() {
    let mut config = config();
    config.endpoint.transactions_max = 0;
    let mut desk = Desk::mortal_with(config);
    desk.tell(Input::Plan(plan(&rows(|_| {}))));
    desk.wait(Duration::from_secs(60));
    assert!(desk.sent.is_empty());
    assert_eq!(desk.trunks, [TrunkNews::NotRegistered { status: 503, is_still: false }]);
    assert!(desk.board.deadline().is_some_and(|(at, _)| at > desk.now), "it tries again");
}

#[test]
fn rfc_5626_4_4_behind_a_nat_the_way_is_kept_open() {
    let mut scene = Scene::new(|trunk| trunk.targets.truncate(1));
    let register = scene.next("REGISTER", 9);
    let via = text(&register, "Via");
    let seen = via.replace(";rport", ";received=198.51.100.77;rport=41234");
    let answer = scene.one.respond(&register, 200, None).replace(&via, &seen);
    scene.desk.from(&scene.one, &answer);
    for _ in 0..3 {
        scene.desk.wait(Duration::from_millis(23_900));
        scene.desk.silent(&scene.one);
        let options = scene.next("OPTIONS", 6);
        scene.say(&options, 200, "");
    }
    // The NAT has let us go, or the provider is gone.
    scene.next("OPTIONS", 30);
    scene.desk.wait(Duration::from_secs(33));
    scene.desk.sent.retain(|(_, message)| message.view().method_text() != "OPTIONS");
    scene.next("REGISTER", 11);
    scene.end();
    // Where there is none, nothing is said.
    let (mut scene, _) = Scene::registered(|_| {});
    scene.desk.wait(Duration::from_secs(140));
    scene.desk.silent(&scene.one);
    scene.end();
}

#[test]
fn rfc_5626_4_4_1_a_connection_is_kept_and_made_anew_when_it_is_lost() {
    let mut scene = Scene::new(|trunk| trunk.targets = vec!["sip:203.0.113.5;transport=tcp".into()]);
    scene.one.flow = Flow { transport: Transport::Tcp, connection: 7, ..scene.one.flow };
    let register = scene.next("REGISTER", 9);
    assert!(text(&register, "Contact").ends_with(";transport=tcp>"));
    let via = text(&register, "Via");
    let answer =
        scene.one.respond(&register, 200, None).replace(&via, &format!("{via};received=198.51.100.77"));
    scene.desk.from(&scene.one, &answer);
    scene.desk.wait(Duration::from_secs(94));
    assert!(scene.desk.pings.is_empty());
    scene.desk.wait(Duration::from_secs(27));
    assert_eq!(scene.desk.pings.len(), 1);
    assert_eq!(
        (scene.desk.pings[0].transport, scene.desk.pings[0].remote),
        (Transport::Tcp, ONE.parse().unwrap())
    );
    scene.desk.tell(Input::Unreachable { flow: scene.one.flow });
    let again = scene.next("REGISTER", 11);
    assert_eq!(text(&again, "CSeq"), "2 REGISTER");
    scene.grant(&again, 600);
    scene.end();
}

/// A trunk that is asked every 30 s whether it is there, and does not register.
fn asked() -> Scene {
    Scene::new(|trunk| {
        trunk.registration = None;
        trunk.options_interval_secs = 30;
        trunk.targets.truncate(1);
    })
}

fn target(scene: &Scene) -> (TargetState, u32, Option<u16>) {
    let shown = scene.shown().targets.remove(0);
    (shown.state, shown.failures, shown.answer.map(|answer| answer.status))
}

#[test]
fn a_target_is_down_after_three_failures_and_up_after_one_answer() {
    let mut scene = asked();
    assert_eq!(target(&scene), (TargetState::Unknown, 0, None));
    let first = scene.next("OPTIONS", 9);
    assert_eq!(first.view().request_uri(), "sip:203.0.113.5");
    scene.desk.wait(Duration::from_millis(40));
    scene.say(&first, 200, "");
    assert_eq!(target(&scene), (TargetState::Up, 0, Some(200)));
    let round_trip = scene.shown().targets[0].round_trip_micros.unwrap();
    assert!((40_000..150_000).contains(&round_trip), "{round_trip}");
    // A refusal, silence, and a late 503 of a proxy: each is one failure.
    let second = scene.next("OPTIONS", 31);
    scene.say(&second, 503, "");
    assert_eq!(target(&scene), (TargetState::Up, 1, Some(200)));
    let third = scene.next("OPTIONS", 31);
    scene.desk.wait(Duration::from_secs(5));
    scene.desk.sent.clear();
    assert_eq!(target(&scene).1, 2);
    scene.say(&third, 503, "");
    assert_eq!(target(&scene).1, 2, "it was counted");
    assert!(scene.desk.trunks.is_empty());
    let fourth = scene.next("OPTIONS", 31);
    scene.say(&fourth, 408, "");
    assert_eq!(scene.desk.trunks, [TrunkNews::TargetDown { target: 0 }]);
    assert_eq!(target(&scene), (TargetState::Down, 3, Some(200)));
    let counts = scene.desk.board.trunk_counts();
    assert_eq!((counts.targets_up, counts.targets_down, counts.down), (0, 1, 1));
    // Whatever it thinks of us, it is there.
    let fifth = scene.next("OPTIONS", 31);
    scene.say(&fifth, 405, "");
    assert_eq!(scene.desk.trunks.last(), Some(&TrunkNews::TargetUp { target: 0 }));
    assert_eq!(target(&scene), (TargetState::Up, 0, Some(405)));
    assert_eq!(scene.desk.trunks.len(), 2);
    scene.end();
}

#[test]
fn an_answer_that_comes_late_is_an_answer_all_the_same() {
    let mut scene = asked();
    for _ in 0..3 {
        let options = scene.next("OPTIONS", 31);
        scene.desk.wait(Duration::from_secs(10));
        scene.desk.sent.clear();
        assert_eq!(target(&scene).1, 1);
        scene.say(&options, 200, "");
        assert_eq!(target(&scene).1, 0);
    }
    scene.end();
}

#[test]
fn a_target_that_is_down_is_registered_with_last() {
    let mut scene = Scene::new(|trunk| trunk.options_interval_secs = 10);
    let Scene { desk, one, other, .. } = &mut scene;
    let (first, second) = (one.flow.remote, other.flow.remote);
    let mut registered = Vec::new();
    for _ in 0..6_000 {
        desk.wait(Duration::from_millis(100));
        for (flow, request) in std::mem::take(&mut desk.sent) {
            let is_register = request.view().method_text() == "REGISTER";
            if is_register {
                registered.push(flow.remote);
            }
            // The first one is silent to OPTIONS and yet registers us, once.
            if flow.remote == second {
                say(desk, other, &request, 200, "");
            } else if is_register && registered.len() == 1 {
                say(desk, one, &request, 200, "");
            }
        }
    }
    assert_eq!(registered[0], first);
    assert!(registered.len() > 1 && registered[1..].iter().all(|at| *at == second), "{registered:?}");
    scene.end();
}
