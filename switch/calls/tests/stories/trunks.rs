//! Calls from the telephone network: who is let in by an address and a number alone, whom the desk sees calling, and how many
//! there may be. H-057, H-058, H-066.

use calls::{Input, Notice};
use contract::{
    command::{Command, Outcome},
    id::{CallId, DidId, ExtensionId, OrgId, TrunkId, UserId},
    journal::{Direction, Fact, ParticipantKind, ParticipantRole},
    outside::{Did, Outside, Trunk},
    snapshot::Snapshot,
};

use crate::desk::{Caller, DOMAIN, Desk, Phone, body, header, id, plan, rows};

/// Where the provider sends from; its number is asserted.
const PROVIDER: &str = "203.0.113.5:5060";
/// The extension 100.
const DESK_NUMBER: &str = "+62215550100";
/// Budi.
const BUDI_NUMBER: &str = "+62215550102";

/// The desk's rows with a trunk of two channels and two numbers.
pub fn with_trunk(is_trusted: bool) -> Snapshot {
    let mut rows = rows();
    let trunk = Trunk {
        id: TrunkId(id(61)),
        name: "provider".into(),
        sources: vec!["203.0.113.0/29".into()],
        targets: Vec::new(),
        credentials: None,
        registration: None,
        options_interval_secs: 0,
        number_format: Default::default(),
        from_number: None,
        channels_max: 2,
        is_trusted,
        is_active: true,
    };
    let did = |n, number: &str, extension: Option<u128>, user: Option<u128>| Did {
        id: DidId(id(n)),
        number: number.into(),
        extension: extension.map(|n| ExtensionId(id(n))),
        user: user.map(|n| UserId(id(n))),
    };
    rows.organisations[0].outside = Outside {
        trunks: vec![trunk],
        dids: vec![did(71, DESK_NUMBER, Some(21), None), did(72, BUDI_NUMBER, None, Some(12))],
        ..Outside::default()
    };
    rows
}

/// The provider, as a caller of `number` for whoever is outside.
pub fn outside(number: &str, from: &str) -> Caller {
    let mut caller = Caller::new(&Phone::new("gateway", PROVIDER), number);
    caller.from = from.into();
    caller
}

struct Scene {
    desk: Desk,
    provider: Phone,
    budi: Phone,
    citra: Phone,
}

impl Scene {
    fn new() -> Self {
        Self::of(Desk::new(), true)
    }

    fn of(mut desk: Desk, is_trusted: bool) -> Self {
        desk.tell(Input::Plan(plan(&with_trunk(is_trusted))));
        let [budi, citra] = [("1002", "198.51.100.2:5060"), ("1003", "198.51.100.3:5060")]
            .map(|(user, at)| desk.phone(user, at));
        Self { desk, provider: Phone::new("gateway", PROVIDER), budi, citra }
    }

    /// A call from outside that Budi answers; gives the provider's side and Budi's INVITE.
    #[track_caller]
    fn answered(&mut self, mut caller: Caller, headers: &str) -> (Caller, sip::OwnedMessage) {
        let Self { desk, provider, budi, .. } = self;
        desk.from(provider, &caller.invite(Some(&provider.sdp()), headers));
        desk.expect(provider, "SIP/2.0 100");
        let invite = desk.expect(budi, "INVITE");
        desk.from(budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
        desk.expect(budi, "ACK");
        let ok = desk.expect(provider, "SIP/2.0 200");
        desk.from(provider, &caller.ack(&ok, None));
        (caller, invite)
    }
}

#[test]
fn a_call_from_outside_rings_the_desk_with_the_number_that_the_provider_asserts() {
    let mut scene = Scene::new();
    let caller = outside("0215550100", "\"Toko\" <sip:62215559999@provider.example>");
    let asserted = "P-Asserted-Identity: \"Ibu Rina\" <sip:08123456789@provider.example>\r\n";
    let Scene { desk, provider, budi, citra } = &mut scene;
    desk.from(provider, &caller.invite(Some(&provider.sdp()), asserted));
    desk.expect(provider, "SIP/2.0 100");
    let other = desk.expect(citra, "INVITE");
    assert_eq!(
        header(&other, "From").unwrap().split(";tag").next(),
        Some("\"Ibu Rina\" <sip:+628123456789@demo.sambung.test>")
    );
    assert_eq!(header(&other, "P-Asserted-Identity"), None, "a phone is told no more");
    let invite = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&invite, 180, None));
    desk.expect(provider, "SIP/2.0 180");
    desk.from(citra, &citra.respond(&other, 180, None));
    let live = desk.live.values().next().unwrap();
    assert_eq!(
        (live.direction, &*live.caller, &*live.dialled),
        (Direction::Inbound, "+628123456789", DESK_NUMBER)
    );
    desk.from(budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(budi, "ACK");
    let ok = desk.expect(provider, "SIP/2.0 200");
    assert!(body(&ok).contains("m=audio"));
    let cancel = desk.expect(citra, "CANCEL");
    desk.from(citra, &citra.respond(&cancel, 200, None));
    desk.from(citra, &citra.respond(&other, 487, None));
    desk.expect(citra, "ACK");
    let mut caller = caller;
    desk.from(provider, &caller.ack(&ok, None));
    desk.hang_up(&mut caller, budi);

    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    assert_eq!(desk.number_of("created").as_deref(), Some("+628123456789"));
    let opened = desk.journal.iter().find_map(|entry| match &entry.fact {
        Fact::Call(call) => Some((entry.org, call.direction, call.dialled.clone())),
        _ => None,
    });
    assert_eq!(opened, Some((OrgId(id(1)), Direction::Inbound, DESK_NUMBER.into())));
    let told: Vec<_> = desk.participants().iter().map(|one| (one.role, one.kind, one.reference)).collect();
    use {ParticipantKind as Kind, ParticipantRole as Role};
    let expected = [
        (Role::Host, Kind::Extension, id(21)),
        (Role::Caller, Kind::Guest, id(61)),
        (Role::Recipient, Kind::User, id(12)),
    ];
    assert_eq!(told, expected);
    scene.desk.rest();
}

#[test]
fn an_address_alone_or_a_number_alone_lets_nobody_in() {
    let mut scene = Scene::new();
    let desk = &mut scene.desk;
    let stranger = Phone::new("gateway", "203.0.113.8:5060");
    // From and the asserted identity are the word of whoever sends them.
    let forged = "P-Asserted-Identity: <sip:1001@demo.sambung.test>\r\n";
    let mut forger = Caller::new(&stranger, DESK_NUMBER);
    forger.from = format!("<sip:1001@{DOMAIN}>");
    desk.from(&stranger, &forger.invite(Some(&stranger.sdp()), forged));
    desk.expect(&stranger, "SIP/2.0 401");
    // What is dialled inside is not dialled from outside, and the trunk brings calls for its own numbers only.
    for number in ["100", "1002", "*43", "callee", "+62215550199", "+6598765432"] {
        let caller = outside(number, "<sip:08123456789@provider.example>");
        desk.from(&caller.phone, &caller.invite(Some(&stranger.sdp()), ""));
        desk.expect(&caller.phone, "SIP/2.0 401");
    }
    desk.tell(Input::Plan(plan(&rows())));
    let caller = outside(DESK_NUMBER, "<sip:08123456789@provider.example>");
    desk.from(&caller.phone, &caller.invite(Some(&stranger.sdp()), ""));
    desk.expect(&caller.phone, "SIP/2.0 401");
    assert!(desk.journal.is_empty() && desk.board.counts().calls == 0);
    desk.rest();
}

/// Who the phone shows, and what the record has.
fn shown(is_trusted: bool, from: &str, headers: &str) -> (String, Option<String>) {
    let mut scene = Scene::of(Desk::new(), is_trusted);
    let (mut caller, invite) = scene.answered(outside(BUDI_NUMBER, from), headers);
    scene.desk.hang_up(&mut caller, &scene.budi);
    let number = scene.desk.number_of("created");
    scene.desk.rest();
    (header(&invite, "From").unwrap().split(";tag").next().unwrap().to_owned(), number)
}

#[test]
fn rfc_3325_an_asserted_number_is_believed_where_the_trunk_is_and_hidden_where_it_shall_be() {
    let from = "\"Rina\" <sip:+6281111@provider.example>";
    let asserted = "P-Asserted-Identity: <tel:+628123456789>\r\n";
    let of = |number: &str, name: &str| {
        let shown = format!("{name}<sip:{number}@demo.sambung.test>");
        (shown, Some(number.to_owned()))
    };
    assert_eq!(shown(true, from, asserted), of("+628123456789", ""));
    assert_eq!(shown(false, from, asserted), of("+6281111", "\"Rina\" "));
    assert_eq!(shown(true, from, ""), of("+6281111", "\"Rina\" "));
    // A number that is none by E.164 is shown as it came; what would be no number at all is not.
    assert_eq!(shown(true, "<sip:1500@provider.example>", ""), of("1500", ""));
    let smuggling = "P-Asserted-Identity: <sip:%22%3e%0d%0aX@provider.example>\r\n";
    assert_eq!(shown(true, from, smuggling), of("+6281111", "\"Rina\" "));
    let nobody = ("\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(), None);
    assert_eq!(shown(true, from, &format!("{asserted}Privacy: id\r\n")), nobody);
    assert_eq!(shown(true, "<sip:anonymous@anonymous.invalid>", asserted), nobody);
}

#[test]
fn calls_beyond_the_trunk_s_channels_are_refused_and_written_down_in_every_life() {
    let mut scene = Scene::of(Desk::mortal(), true);
    let from = |n: u32| format!("<sip:0812345670{n}@provider.example>");
    let (mut first, _) = scene.answered(outside(BUDI_NUMBER, &from(1)), "");
    let mut second = outside(BUDI_NUMBER, &from(2));
    second.call_id = "second".into();
    let (mut second, _) = scene.answered(second, "");
    let third = |scene: &mut Scene, name: &str| {
        let Scene { desk, provider, .. } = scene;
        let mut caller = outside(BUDI_NUMBER, &from(3));
        caller.call_id = name.into();
        desk.from(provider, &caller.invite(Some(&provider.sdp()), ""));
        desk.expect(provider, "SIP/2.0 100");
        let refusal = desk.expect(provider, "SIP/2.0 503");
        desk.from(provider, &caller.ack_refusal(&refusal));
    };
    third(&mut scene, "third");
    assert!(scene.desk.notices.contains(&Notice::TrunkFull));
    assert_eq!(scene.desk.detail("failed"), "trunk_full/503");
    assert_eq!(scene.desk.number_of("created").as_deref(), Some("+628123456703"), "whom to call back");

    scene.desk.die();
    scene.desk.tell(Input::Plan(plan(&with_trunk(true))));
    let leases = (0..8).map(|n| crate::desk::lease(100 + n)).collect();
    scene.desk.tell(Input::Media(streams::media::MediaEvent::Stock(leases)));
    third(&mut scene, "fourth");
    scene.desk.register(&scene.budi, 50);
    scene.desk.hang_up(&mut first, &scene.budi);
    let mut fifth = outside(BUDI_NUMBER, &from(5));
    fifth.call_id = "fifth".into();
    let (mut fifth, _) = scene.answered(fifth, "");
    scene.desk.hang_up(&mut fifth, &scene.budi);
    scene.desk.hang_up(&mut second, &scene.budi);
    scene.desk.rest();
}

#[test]
fn whoever_writes_a_trunk_s_address_on_datagrams_does_not_cut_it_off() {
    let mut scene = Scene::new();
    let guesser = Phone::new("1001", PROVIDER);
    let uri = format!("sip:{DOMAIN}");
    for cseq in 1..20 {
        scene.desk.from(&guesser, &guesser.register(cseq, "", ""));
        let Some(at) = scene.desk.sent.iter().position(|(flow, _)| flow.remote == guesser.flow.remote) else {
            continue;
        };
        let (_, challenge) = scene.desk.sent.remove(at);
        let wrong = guesser.authorization_with(&challenge, "REGISTER", &uri, "guess");
        scene.desk.from(&guesser, &guesser.register(100 + cseq, "", &wrong));
        scene.desk.sent.clear();
    }
    let security = |notice: &&Notice| matches!(notice, Notice::Security(_));
    assert!(scene.desk.notices.iter().filter(security).count() >= 10, "they were counted");
    let caller = outside(BUDI_NUMBER, "<sip:08123456789@provider.example>");
    let (mut caller, _) = scene.answered(caller, "");
    scene.desk.hang_up(&mut caller, &scene.budi);
    scene.desk.rest();
}

#[test]
fn a_desk_sends_an_outside_caller_on_and_nobody_outside_sends_anybody() {
    let mut scene = Scene::new();
    let from = "\"Rina\" <sip:08123456789@provider.example>";
    let (mut caller, to_budi) = scene.answered(outside(BUDI_NUMBER, from), "");
    let Scene { desk, provider, budi, citra } = &mut scene;
    let refer = caller.request("REFER", "Refer-To: <sip:1003@demo.sambung.test>\r\n", None);
    desk.from(provider, &refer);
    desk.expect(provider, "SIP/2.0 403");

    let headers = "Refer-To: <sip:1003@demo.sambung.test>\r\nRefer-Sub: false\r\n";
    desk.from(budi, &budi.request("REFER", 1, &to_budi, headers, None));
    desk.expect(budi, "SIP/2.0 202");
    let invite = desk.expect(citra, "INVITE");
    let shown = header(&invite, "From").unwrap();
    assert!(shown.starts_with("\"Rina\" <sip:+628123456789@demo.sambung.test>"), "{shown}");
    desk.from(citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(citra, "ACK");
    let bye = desk.expect(budi, "BYE");
    desk.from(budi, &budi.respond(&bye, 200, None));
    let reinvite = desk.expect(provider, "INVITE");
    desk.from(provider, &caller.respond(&reinvite, 200, Some(&provider.sdp())));
    desk.expect(provider, "ACK");
    desk.hang_up(&mut caller, citra);
    assert_eq!(desk.events(), ["created", "answered(3)", "transfer(3)", "transfer_answered(4)", "ended"]);
    scene.desk.rest();
}

/// Two people outside whom the switch cannot tell apart: to it both are the trunk.
#[test]
fn nobody_outside_comes_into_a_call_or_is_taken_for_somebody_in_two() {
    let mut scene = Scene::new();
    let (mut rina, _) = scene.answered(outside(BUDI_NUMBER, "<sip:08123456701@provider.example>"), "");
    let Scene { desk, provider, budi, citra } = &mut scene;
    let mut other = outside(DESK_NUMBER, "<sip:08123456702@provider.example>");
    other.call_id = "other".into();
    desk.from(provider, &other.invite(Some(&provider.sdp()), ""));
    desk.expect(provider, "SIP/2.0 100");
    let (to_budi, to_citra) = (desk.expect(budi, "INVITE"), desk.expect(citra, "INVITE"));
    desk.from(budi, &budi.respond(&to_budi, 486, None));
    desk.expect(budi, "ACK");
    desk.from(citra, &citra.respond(&to_citra, 200, Some(&citra.sdp())));
    desk.expect(citra, "ACK");
    let ok = desk.expect(provider, "SIP/2.0 200");
    desk.from(provider, &other.ack(&ok, None));

    let calls: Vec<CallId> = desk.live.keys().copied().collect();
    desk.tell(Input::Command(Command::Connect { call: calls[0], other: calls[1] }));
    assert_eq!(desk.outcomes.pop(), Some(Outcome::NotThere));
    let (call_id, to_tag) = (&other.call_id, other.to_tag());
    let named = format!("Replaces={call_id}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3Dc");
    let refer = rina.request("REFER", &format!("Refer-To: <sip:1003@{DOMAIN}?{named}>\r\n"), None);
    desk.from(provider, &refer);
    desk.expect(provider, "SIP/2.0 480");
    let mut taking = outside(DESK_NUMBER, "<sip:08123456701@provider.example>");
    taking.call_id = "taking".into();
    let replaces = format!("Replaces: {call_id};to-tag={to_tag};from-tag=c\r\n");
    desk.from(provider, &taking.invite(Some(&provider.sdp()), &replaces));
    let refusal = desk.expect(provider, "SIP/2.0 403");
    desk.from(provider, &taking.ack_refusal(&refusal));
    desk.hang_up(&mut rina, budi);
    desk.hang_up(&mut other, citra);
    scene.desk.rest();
}
