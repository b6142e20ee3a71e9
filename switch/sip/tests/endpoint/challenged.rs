//! RFC 3261 22.2 and 22.3, RFC 7616, RFC 8760: a provider challenges our requests, and others try to.

use std::borrow::Cow;
use std::sync::Arc;

use sip::digest::{
    Algorithm, Challenge, Credentials, Login, NonceKey, Signed, Verdict, challenge, ha1, verify,
};
use sip::{
    Body, Endpoint, Flow, HeaderName, Input, Invite, Outputs, OutsideRequest, OwnedMessage, Party, Refused,
    RequestKey, Way,
};

use crate::world::*;

const KEY: NonceKey = NonceKey::new([42; 32]);
const REALM: &str = "provider.example";
const NOW: u64 = 1_795_234_524;

/// The password as the provider knows it.
fn login() -> Login {
    Login { username: "62215550100".into(), password: "secret".into(), realm: None }
}

/// The headers of a challenge with another nonce for each salt.
fn asks(header: &str, (algorithms, realm): (&[Algorithm], &str), salt: u32, stale: bool) -> String {
    let lines = challenge(&KEY, algorithms, realm, b"A", (NOW, salt), stale);
    lines.iter().map(|line| format!("{header}: {line}\n")).collect()
}

fn asked(salt: u32) -> String {
    asks("WWW-Authenticate", (&[Algorithm::Md5], REALM), salt, false)
}

/// What the provider thinks of the credentials of a request; `None` where it has none.
fn verdict(request: &OwnedMessage, header: HeaderName) -> Option<(Verdict, Algorithm, u32)> {
    let view = request.view();
    let credentials = Credentials::parse(view.first(header)?).unwrap();
    let [md5, sha256] =
        [Algorithm::Md5, Algorithm::Sha256].map(|one| ha1(one, "62215550100", credentials.realm, "secret"));
    let (method, request_uri) = (view.method_text(), view.request_uri());
    let signed = Signed { method, request_uri, body: view.body(), source: b"A" };
    let verdict = verify(&credentials, &KEY, &signed, &md5, &sha256, NOW, 60);
    Some((verdict, credentials.algorithm, credentials.count()))
}

fn good(request: &OwnedMessage) -> bool {
    verdict(request, HeaderName::Authorization).is_some_and(|(verdict, ..)| verdict == Verdict::Accepted)
}

/// A bare peer's answer to a request.
fn answer(request: &OwnedMessage, line: &str, extra: &str) -> String {
    let view = request.view();
    let header = |name| view.first(name).unwrap();
    let to = header(HeaderName::To);
    let tag = if to.contains("tag=") || line.starts_with("100") { "" } else { ";tag=c" };
    format!(
        "SIP/2.0 {line}\nVia: {}\nFrom: {}\nTo: {to}{tag}\nCall-ID: {}\nCSeq: {}\n\
         Contact: <sip:c@192.0.2.3:5060>\nAllow: UPDATE, PRACK\n{extra}Content-Length: 0\n\n",
        header(HeaderName::Via),
        header(HeaderName::From),
        header(HeaderName::CallId),
        header(HeaderName::CSeq),
    )
}

/// A calls the provider C with its login.
fn calls(login: Option<Login>) -> World {
    let mut world = World::new().bare();
    let invite = Invite { reliable: true, login: login.map(Arc::new), ..world.invite_of(A, C) };
    let key = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).expect("room");
    world.nodes[A].session = Some(key);
    world.run(HOP);
    world
}

/// The request of this method that C has received last.
fn last(world: &World, method: &str) -> OwnedMessage {
    let of_method =
        |message: &&OwnedMessage| message.view().is_request() && message.view().method_text() == method;
    world.nodes[C].inbox.iter().rfind(of_method).unwrap_or_else(|| panic!("no {method}")).clone()
}

fn count(world: &World, method: &str) -> usize {
    let of_method =
        |message: &&OwnedMessage| message.view().is_request() && message.view().method_text() == method;
    world.nodes[C].inbox.iter().filter(of_method).count()
}

/// C answers the last request of this method.
fn says(world: &mut World, method: &str, line: &str, extra: &str) {
    let text = answer(&last(world, method), line, extra);
    world.say(C, A, &text);
    world.run_ms(30);
}

/// C challenges the last request of this method, which A then sends again. Returns both.
fn challenged(world: &mut World, method: &str, salt: u32) -> (OwnedMessage, OwnedMessage) {
    let before = last(world, method);
    says(world, method, "401 Unauthorized", &asked(salt));
    let after = last(world, method);
    assert!(!good(&before) && good(&after), "{method}");
    let same = |name| assert_eq!(before.view().first(name), after.view().first(name), "{method}");
    [HeaderName::From, HeaderName::To, HeaderName::CallId].into_iter().for_each(same);
    assert_eq!(before.view().request_uri(), after.view().request_uri());
    assert_eq!(before.view().body(), after.view().body(), "{method}");
    assert!(number(&after) > number(&before), "{method}");
    let branch = |message: &OwnedMessage| message.view().via().unwrap().branch().unwrap().to_owned();
    assert_ne!(branch(&before), branch(&after), "{method}");
    (before, after)
}

fn number(message: &OwnedMessage) -> u32 {
    message.view().cseq().unwrap().number
}

/// A talks with C, which has challenged the INVITE.
fn talks() -> World {
    let mut world = calls(Some(login()));
    challenged(&mut world, "INVITE", 1);
    says(&mut world, "INVITE", "200 OK", "");
    world.ack(A);
    world.run(HOP);
    assert_eq!(world.heard(A), ["Answered"]);
    world
}

#[test]
fn rfc_3261_22_2_an_invite_is_sent_again_and_its_owner_hears_of_no_challenge() {
    let mut world = calls(Some(login()));
    let (before, after) = challenged(&mut world, "INVITE", 1);
    assert_eq!((number(&before), number(&after)), (1, 2));
    assert_eq!(world.steps(), ["A->C INVITE", "C->A 401 INVITE", "A->C ACK", "A->C INVITE"]);
    assert!(world.heard(A).is_empty());
    says(&mut world, "INVITE", "486 Busy", "");
    assert_eq!(world.heard(A), ["Failed 486 Response"]);
    world.assert_gone();
}

#[test]
fn rfc_3261_22_1_acks_have_the_credentials_of_their_invite() {
    let mut world = talks();
    let signed = |message: &OwnedMessage| message.view().first(HeaderName::Authorization).map(str::to_owned);
    let invite = last(&world, "INVITE");
    assert_eq!(signed(&last(&world, "ACK")), signed(&invite));
    says(&mut world, "INVITE", "200 OK", "");
    assert_eq!(signed(&last(&world, "ACK")), signed(&invite), "the repeated one too");
    let mut world = calls(Some(login()));
    challenged(&mut world, "INVITE", 1);
    assert_eq!(signed(&last(&world, "ACK")), None);
    says(&mut world, "INVITE", "503 No", "");
    assert_eq!(signed(&last(&world, "ACK")), signed(&last(&world, "INVITE")));
}

#[test]
fn rfc_3261_22_2_every_request_of_the_session_answers_its_own_challenge() {
    let mut world = calls(Some(login()));
    challenged(&mut world, "INVITE", 1);
    says(&mut world, "INVITE", "183 Progress", "Require: 100rel\nRSeq: 1\n");
    let (_, prack) = challenged(&mut world, "PRACK", 2);
    assert_eq!(prack.view().first(HeaderName::RAck), Some("1 2 INVITE"));
    says(&mut world, "PRACK", "200 OK", "");
    says(&mut world, "INVITE", "200 OK", "");
    world.ack(A);
    let key = world.session(A);
    world
        .order(A, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out))
        .expect("confirmed");
    world.run(HOP);
    let (_, after) = challenged(&mut world, "INFO", 3);
    assert!(number(&after) > number(&prack));
    says(&mut world, "INFO", "200 OK", "");
    world.reinvite(A);
    world.run(HOP);
    challenged(&mut world, "INVITE", 4);
    says(&mut world, "INVITE", "200 OK", "");
    world.ack(A);
    world.run(HOP);
    assert_eq!(
        world.heard(A),
        ["Progress 183", "Answered", "Response 200", "ReinviteAnswered"],
        "{}",
        world.ladder.join("\n")
    );
    world.hang_up(A);
    world.run(HOP);
    challenged(&mut world, "BYE", 5);
    says(&mut world, "BYE", "200 OK", "");
    world.assert_gone();
}

#[test]
fn the_owner_knows_its_request_by_the_key_that_it_was_given() {
    let mut world = talks();
    let key = world.session(A);
    let order = |endpoint: &mut Endpoint, now, out: &mut Outputs| {
        endpoint.request(now, key, "INFO", Vec::new(), None, out)
    };
    let info = world.order(A, order).unwrap();
    world.run(HOP);
    challenged(&mut world, "INFO", 3);
    says(&mut world, "INFO", "200 OK", "");
    let events = world.take_events(A);
    let [sip::Event::Response { request, status: 200, .. }] = &*events else { panic!("{events:?}") };
    assert_eq!(*request, info);
}

#[test]
fn rfc_3311_an_update_is_sent_again() {
    let mut world = talks_with_description();
    let key = world.session(A);
    world.order(A, |endpoint, now, out| endpoint.update(now, key, Body::sdp("hold"), out)).expect("settled");
    world.run(HOP);
    challenged(&mut world, "UPDATE", 7);
    says(&mut world, "UPDATE", "488 No", "");
    assert_eq!(world.heard(A), ["UpdateFailed 488"]);
}

/// The same, with the media agreed on.
fn talks_with_description() -> World {
    let mut world = calls(Some(login()));
    challenged(&mut world, "INVITE", 1);
    let text = answer(&last(&world, "INVITE"), "200 OK", "Content-Type: application/sdp\n");
    world.say(C, A, &text.replace("Content-Length: 0\n\n", "Content-Length: 6\n\nanswer"));
    world.run_ms(30);
    world.ack(A);
    world.run(HOP);
    assert_eq!(world.heard(A), ["Answered answer"]);
    world
}

#[test]
fn rfc_8760_2_4_the_strongest_algorithm_is_answered_and_a_proxy_by_its_own_headers() {
    let mut world = calls(Some(login()));
    let both = &[Algorithm::Md5, Algorithm::Sha256][..];
    let unknown = "Proxy-Authenticate: Digest realm=\"provider.example\", nonce=\"x\", algorithm=SHA-512-256\n\
                   Proxy-Authenticate: Basic realm=\"provider.example\"\n";
    let text = format!("{unknown}{}", asks("Proxy-Authenticate", (both, REALM), 1, false));
    says(&mut world, "INVITE", "407 Proxy Authentication Required", &text);
    let proxy = verdict(&last(&world, "INVITE"), HeaderName::ProxyAuthorization);
    assert_eq!(proxy, Some((Verdict::Accepted, Algorithm::Sha256, 1)));
    // The server behind it asks too: both are answered.
    says(&mut world, "INVITE", "401 Unauthorized", &asked(2));
    let invite = last(&world, "INVITE");
    assert!(good(&invite));
    assert_eq!(verdict(&invite, HeaderName::ProxyAuthorization), proxy);
    assert_eq!(number(&invite), 3);
}

#[test]
fn rfc_7616_3_3_a_password_that_was_refused_is_not_sent_again_a_stale_nonce_is_once() {
    let check = |second: &str, third: Option<&str>, expected: usize| {
        let mut world = calls(Some(login()));
        challenged(&mut world, "INVITE", 1);
        for text in [Some(second), third].into_iter().flatten() {
            says(&mut world, "INVITE", "401 Unauthorized", text);
        }
        assert_eq!(count(&world, "INVITE"), expected);
        assert_eq!(world.heard(A), ["Failed 401 Response"]);
        world.assert_gone();
    };
    let stale = |salt| asks("WWW-Authenticate", (&[Algorithm::Md5], REALM), salt, true);
    check(&asked(1), None, 2);
    check(&asked(2), None, 2);
    check(&stale(1), None, 2);
    check(&stale(2), Some(&stale(3)), 3);
}

#[test]
fn rfc_7616_3_4_5_a_nonce_that_is_used_again_is_counted() {
    let mut world = talks();
    world.hang_up(A);
    world.run(HOP);
    says(&mut world, "BYE", "401 Unauthorized", &asked(1));
    let bye = verdict(&last(&world, "BYE"), HeaderName::Authorization);
    assert_eq!(bye, Some((Verdict::Accepted, Algorithm::Md5, 2)));
}

#[test]
fn cve_2021_41158_nobody_else_s_challenge_is_answered() {
    // The INVITE has no login: it goes to a phone, say.
    let mut world = calls(None);
    says(&mut world, "INVITE", "401 Unauthorized", &asked(1));
    assert_eq!((count(&world, "INVITE"), world.heard(A)), (1, vec![String::from("Failed 401 Response")]));
    // A realm that the login is not for.
    let bound = Login { realm: Some(REALM.into()), ..login() };
    let mut world = calls(Some(bound.clone()));
    let evil = asks("WWW-Authenticate", (&[Algorithm::Sha256], "evil.example"), 1, false);
    says(&mut world, "INVITE", "401 Unauthorized", &evil);
    assert_eq!((count(&world, "INVITE"), world.heard(A)), (1, vec![String::from("Failed 401 Response")]));
    // Beside the right one it is passed over.
    let mut world = calls(Some(bound));
    says(&mut world, "INVITE", "401 Unauthorized", &format!("{evil}{}", asked(2)));
    assert!(good(&last(&world, "INVITE")));
    // From where the request did not go.
    let mut world = calls(Some(login()));
    let text = answer(&last(&world, "INVITE"), "401 Unauthorized", &asked(1));
    world.say(B, A, &text);
    world.run_ms(30);
    assert_eq!((count(&world, "INVITE"), world.heard(A)), (1, vec![String::from("Failed 401 Response")]));
}

/// The session is the peer's: whatever it asks for on our BYE, there is nothing to tell it.
#[test]
fn cve_2021_41158_a_bye_in_a_session_of_the_peer_is_not_sent_again() {
    let mut world = World::new().bare();
    let invite = "INVITE sip:a@192.0.2.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bK1\n\
                  Max-Forwards: 70\nFrom: <sip:c@x>;tag=c\nTo: <sip:a@x>\nCall-ID: c\nCSeq: 1 INVITE\n\
                  Contact: <sip:c@192.0.2.3:5060>\nContent-Type: application/sdp\nContent-Length: 5\n\noffer";
    world.say(C, A, invite);
    world.run(HOP);
    world.accept_invite(A);
    world.answer(A);
    world.run(HOP);
    let ok = world.nodes[C].inbox.last().unwrap().clone();
    let to = ok.view().first(HeaderName::To).unwrap();
    let ack = format!(
        "ACK sip:a@192.0.2.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bK2\nMax-Forwards: 70\n\
         From: <sip:c@x>;tag=c\nTo: {to}\nCall-ID: c\nCSeq: 1 ACK\nContent-Length: 0\n\n"
    );
    world.say(C, A, &ack);
    world.run(HOP);
    world.hang_up(A);
    world.run(HOP);
    says(&mut world, "BYE", "401 Unauthorized", &asked(1));
    assert_eq!(count(&world, "BYE"), 1);
    world.assert_gone();
}

#[test]
fn an_invite_that_is_taken_back_is_not_sent_again() {
    let mut world = calls(Some(login()));
    world.hang_up(A);
    says(&mut world, "INVITE", "401 Unauthorized", &asked(1));
    assert_eq!(count(&world, "INVITE"), 1);
    assert_eq!(world.heard(A), ["Failed 401 Canceled"]);
    world.assert_gone();
}

#[test]
fn the_bye_of_an_answer_that_has_crossed_our_cancel_is_sent_again() {
    let mut world = calls(Some(login()));
    challenged(&mut world, "INVITE", 1);
    says(&mut world, "INVITE", "180 Ringing", "");
    world.hang_up(A);
    world.run(HOP);
    says(&mut world, "INVITE", "200 OK", "");
    challenged(&mut world, "BYE", 2);
    says(&mut world, "BYE", "200 OK", "");
    world.assert_gone();
}

#[test]
fn another_server_of_the_same_provider_is_asked_from_the_beginning() {
    let mut world = World::new().bare();
    let flow = world.flow(A, B);
    let second = Way { flow, request_uri: String::from("sip:c@192.0.2.2"), routes: Vec::new() };
    let invite = Invite {
        login: Some(Arc::new(login())),
        fallbacks: vec![second],
        reliable: true,
        ..world.invite_of(A, C)
    };
    world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    world.run(HOP);
    challenged(&mut world, "INVITE", 1);
    says(&mut world, "INVITE", "503 No", "");
    let invite = world.nodes[B].request.take().expect("the other one").message;
    assert_eq!((number(&invite), invite.view().first(HeaderName::Authorization)), (1, None));
}

#[test]
fn a_challenge_is_answered_by_the_process_that_comes_after() {
    let mut world = talks();
    world.reincarnate(A);
    world.hang_up(A);
    world.run(HOP);
    challenged(&mut world, "BYE", 9);
    says(&mut world, "BYE", "200 OK", "");
    world.assert_gone();
}

fn register(world: &World, series: Option<(Box<str>, u32)>) -> OutsideRequest {
    OutsideRequest {
        flow: world.flow(A, C),
        method: Cow::Borrowed("REGISTER"),
        request_uri: String::from("sip:provider.example"),
        from: Party::new("sip:62215550100@provider.example"),
        to: Party::new("sip:62215550100@provider.example"),
        contact_user: Some(String::from("trunk")),
        routes: Vec::new(),
        max_forwards: 70,
        headers: vec![("Expires".into(), String::from("600"))],
        body: None,
        datagram_bytes_max: None,
        login: Some(Arc::new(login())),
        series,
    }
}

fn ask(world: &mut World, request: OutsideRequest) -> Result<RequestKey, Refused> {
    let key = world.order(A, |endpoint, now, out| endpoint.request_outside(now, request, out));
    world.run(HOP);
    key
}

#[test]
fn rfc_3261_10_2_a_register_is_sent_again_and_goes_on_with_the_one_before() {
    let mut world = World::new().bare();
    let request = register(&world, None);
    let key = ask(&mut world, request).unwrap();
    let (before, after) = challenged(&mut world, "REGISTER", 1);
    assert_eq!((number(&before), number(&after)), (1, 2));
    says(&mut world, "REGISTER", "200 OK", "");
    let events = world.take_events(A);
    let [sip::Event::OutsideResponse { request, status: 200, message: Some(_) }] = &*events else {
        panic!("{events:?}")
    };
    assert_eq!(*request, key);
    let call_id = Box::from(after.view().call_id().unwrap());
    let again = register(&world, Some((call_id, 3)));
    ask(&mut world, again).unwrap();
    let refresh = last(&world, "REGISTER");
    assert_eq!((number(&refresh), refresh.view().call_id()), (3, after.view().call_id()));
    says(&mut world, "REGISTER", "200 OK", "");
    world.assert_gone();
}

#[test]
fn a_repeated_challenge_changes_nothing() {
    let mut world = World::new().bare();
    let request = register(&world, None);
    ask(&mut world, request).unwrap();
    let first = last(&world, "REGISTER");
    for _ in 0..3 {
        let text = answer(&first, "401 Unauthorized", &asked(1));
        world.say(C, A, &text);
        world.run_ms(30);
    }
    assert_eq!(count(&world, "REGISTER"), 2);
    let mut world = calls(Some(login()));
    let first = last(&world, "INVITE");
    for _ in 0..3 {
        let text = answer(&first, "401 Unauthorized", &asked(1));
        world.say(C, A, &text);
        world.run_ms(30);
    }
    assert_eq!((count(&world, "INVITE"), count(&world, "ACK")), (2, 3));
    assert_eq!(verdict(&last(&world, "INVITE"), HeaderName::Authorization).unwrap().2, 1);
}

#[test]
fn challenges_that_cannot_be_answered_are_answers() {
    let long = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{}\"\n", "n".repeat(2_100));
    let many =
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256\n".repeat(8) + &asked(1);
    for text in [
        "",
        "WWW-Authenticate: Digest\n",
        "WWW-Authenticate: Digest realm=\"r\"\n",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", nonce=\"m\"\n",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"x\n",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\n",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess\n",
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\n",
        &long,
        &many,
    ] {
        let mut world = calls(Some(login()));
        says(&mut world, "INVITE", "401 Unauthorized", text);
        assert_eq!(count(&world, "INVITE"), 1, "{text}");
        assert_eq!(world.heard(A), ["Failed 401 Response"], "{text}");
        world.assert_gone();
    }
}

/// What comes back in the credentials stands between quotes as it came, and breaks out of nothing.
#[test]
fn a_realm_with_quotes_in_it_comes_back_as_it_was() {
    let mut world = calls(Some(Login { username: "a\"b\\".into(), ..login() }));
    let text =
        r#"WWW-Authenticate: Digest realm="a \"b\", c", nonce="n,=\\", opaque="o", qop="auth,auth-int""#;
    says(&mut world, "INVITE", "401 Unauthorized", &format!("{text}\n"));
    let invite = last(&world, "INVITE");
    let value = invite.view().first(HeaderName::Authorization).unwrap();
    let credentials = Credentials::parse(value).unwrap();
    assert_eq!((credentials.realm, credentials.nonce), (r#"a \"b\", c"#, r"n,=\\"));
    assert_eq!((credentials.username, credentials.opaque), (r#"a\"b\\"#, Some("o")));
    let asked = Challenge::parse(text.split_once(": ").unwrap().1).unwrap();
    let expected = asked.respond(
        "a\"b\\",
        "secret",
        "INVITE",
        invite.view().request_uri(),
        credentials.cnonce,
        credentials.count(),
    );
    assert_eq!(value, expected);
}

#[test]
fn a_login_does_not_show_its_password() {
    let invite = Invite { login: Some(Arc::new(login())), ..World::new().bare().invite_of(A, C) };
    let shown = format!("{invite:?}");
    assert!(!shown.contains("secret") && !shown.contains("62215550100"), "{shown}");
}

/// A large INVITE goes by TCP; the one with its credentials does too, and falls back with them.
#[test]
fn rfc_3261_18_1_1_a_large_invite_keeps_its_login_on_the_way_back_to_datagrams() {
    let mut world = World::new().bare();
    let large = Body::sdp("x".repeat(1_300));
    let invite = Invite { body: Some(large), login: Some(Arc::new(login())), ..world.invite_of(A, C) };
    world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    let flow = Flow { transport: sip::Transport::Tcp, ..world.flow(A, C) };
    world.order(A, |endpoint, now, out| endpoint.handle(now, Input::Unreachable { flow }, out));
    world.run(HOP);
    challenged(&mut world, "INVITE", 1);
}
