//! What becomes of a registration at a provider when a plan says something else, DNS moves, or a NAT does: no gap in which calls
//! do not come, and nothing left behind. RFC 3261 §10.2, RFC 5626 §4.4.2.

use std::time::Duration;

use calls::{Input, TrunkNews};
use contract::{live::TrunkState, outside::Trunk};
use sip::{
    OwnedMessage,
    digest::{Challenge, Credentials as Proof},
};

use crate::{
    desk::{Phone, plan},
    registering::{NUMBER, ONE, OTHER, Scene, found, next, rings, rows, say, text},
};

const CHALLENGE: &str = "Digest realm=\"p\", nonce=\"n\"";

impl Scene {
    fn change(&mut self, change: impl FnOnce(&mut Trunk)) {
        self.desk.tell(Input::Plan(plan(&rows(change))));
    }

    /// Challenges a REGISTER; gives the one with the answer.
    #[track_caller]
    fn challenge(&mut self, register: &OwnedMessage) -> OwnedMessage {
        self.say(register, 401, &format!("WWW-Authenticate: {CHALLENGE}\r\n"));
        self.next("REGISTER", 0)
    }
}

type Change = fn(&mut Trunk);

/// Expiry, CSeq and Call-ID.
fn asked(register: &OwnedMessage) -> [String; 3] {
    ["Expires", "CSeq", "Call-ID"].map(|name| text(register, name))
}

/// Whether the answer to the challenge is that of this password.
fn is_proven_by(register: &OwnedMessage, password: &str) -> bool {
    let value = text(register, "Authorization");
    let proof = Proof::parse(&value).unwrap();
    let challenge = Challenge::parse(CHALLENGE).unwrap();
    let expected = challenge.respond(proof.username, password, "REGISTER", proof.uri, "", 1);
    Proof::parse(&expected).unwrap().response == proof.response
}

/// A bug: any change ended the registration and began another one, under another Call-ID, with a gap of up to eight seconds; where
/// the two overtook each other the trunk was deaf until the next refresh.
#[test]
fn a_change_that_leaves_user_and_target_goes_on_with_the_registration() {
    let changes: [(&str, Change); 4] = [
        ("600", |trunk| trunk.credentials.as_mut().unwrap().password = "new".into()),
        ("900", |trunk| trunk.registration.as_mut().unwrap().expiry_secs = 900),
        ("600", |trunk| trunk.targets.truncate(1)),
        ("600", |trunk| trunk.targets.insert(0, "sip:203.0.113.6:5070".into())),
    ];
    for (at, (expires, change)) in changes.into_iter().enumerate() {
        let (mut scene, register) = Scene::registered(|_| {});
        scene.change(change);
        assert_eq!(scene.shown().state, TrunkState::Registered);
        if at == 3 {
            // The new one goes first, and takes it.
            let new = Phone::new("new", "203.0.113.6:5070");
            let again = next(&mut scene.desk, &new, "REGISTER", 1);
            assert_eq!(asked(&again), [expires, "2 REGISTER", &text(&register, "Call-ID")]);
            say(&mut scene.desk, &new, &again, 200, "");
            scene.end();
            continue;
        }
        let again = scene.next("REGISTER", 1);
        assert_eq!(asked(&again), [expires, "2 REGISTER", &text(&register, "Call-ID")], "{at}");
        let proven = scene.challenge(&again);
        assert_eq!(is_proven_by(&proven, "new"), at == 0);
        scene.grant(&proven, 600);
        assert!(scene.desk.trunks.is_empty(), "{at}: it was registered all the time");
        scene.desk.wait(Duration::from_secs(100));
        scene.desk.silent(&scene.one);
        scene.end();
    }
}

#[test]
fn a_change_of_the_questions_alone_leaves_the_registration_alone() {
    let (mut scene, _) = Scene::registered(|_| {});
    scene.change(|trunk| trunk.options_interval_secs = 30);
    scene.next("OPTIONS", 9);
    scene.desk.wait(Duration::from_secs(100));
    let is_register = |message: &OwnedMessage| message.view().method_text() == "REGISTER";
    assert!(!scene.desk.sent.iter().any(|(_, message)| is_register(message)));
    scene.end();
}

/// A bug: the REGISTER that ended the former registration and the first one of the next went out side by side.
#[test]
fn who_is_somebody_else_registers_when_the_former_one_has_ended() {
    let changes: [Change; 2] = [
        |trunk| trunk.credentials.as_mut().unwrap().username = "62215550199".into(),
        |trunk| trunk.targets = vec!["sip:203.0.113.6".into()],
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let (mut scene, register) = Scene::registered(|_| {});
        scene.change(change);
        let last = scene.next("REGISTER", 0);
        assert_eq!(asked(&last), ["0", "2 REGISTER", &text(&register, "Call-ID")]);
        let proven = scene.challenge(&last);
        assert!(text(&proven, "To").starts_with("<sip:62215550100@203.0.113.5>"), "by who it was");
        // It is sent again and again while there is no answer, and nothing besides.
        scene.desk.wait(Duration::from_secs(5));
        let sent = std::mem::take(&mut scene.desk.sent);
        assert!(sent.iter().all(|(_, message)| text(message, "Expires") == "0"), "{at}");
        scene.say(&proven, 200, "");
        let Scene { desk, one, other, .. } = &mut scene;
        let way = if at == 0 { &*one } else { &*other };
        let anew = next(desk, way, "REGISTER", 1);
        assert_eq!(text(&anew, "Expires"), "600");
        assert!(
            text(&anew, "To")
                .starts_with(["<sip:62215550199@203.0.113.5>", "<sip:62215550100@203.0.113.6>"][at])
        );
        say(desk, way, &anew, 200, "");
        assert_eq!(scene.shown().state, TrunkState::Registered);
        scene.end();
    }
}

/// A bug: a trunk that was taken away while its first REGISTER was under way stayed registered, and a refresh that was under way
/// was followed by one with a lower CSeq.
#[test]
fn what_is_under_way_is_answered_before_it_is_ended() {
    for is_refresh in [false, true] {
        let mut scene = if is_refresh { Scene::registered(|_| {}).0 } else { Scene::new(|_| {}) };
        let register = scene.next("REGISTER", 600);
        let proven = scene.challenge(&register);
        scene.change(|trunk| trunk.is_active = false);
        scene.desk.wait(Duration::from_millis(400));
        scene.desk.silent(&scene.one);
        scene.grant(&proven, 600);
        let last = scene.next("REGISTER", 0);
        let cseq = if is_refresh { "4 REGISTER" } else { "3 REGISTER" };
        assert_eq!(asked(&last), ["0", cseq, &text(&register, "Call-ID")]);
        scene.say(&last, 200, "");
        scene.desk.wait(Duration::from_secs(60));
        scene.desk.silent(&scene.one);
        scene.end();
    }
}

#[test]
fn a_password_that_is_mended_while_the_former_one_is_refused_is_tried_at_once() {
    let mut scene = Scene::new(|_| {});
    let register = scene.next("REGISTER", 9);
    let wrong = scene.challenge(&register);
    scene.change(|trunk| trunk.credentials.as_mut().unwrap().password = "new".into());
    scene.desk.silent(&scene.one);
    scene.say(&wrong, 403, "");
    let again = scene.next("REGISTER", 1);
    assert_eq!(asked(&again), ["600", "3 REGISTER", &text(&register, "Call-ID")]);
    let proven = scene.challenge(&again);
    assert!(is_proven_by(&proven, "new"));
    scene.grant(&proven, 600);
    assert_eq!(scene.desk.trunks.last(), Some(&TrunkNews::Registered));
    scene.end();
}

/// A bug: only silence counted, so that a trunk was deaf until its next refresh when the line had got another address.
#[test]
fn rfc_5626_4_4_2_a_keep_alive_that_is_heard_from_elsewhere_has_the_trunk_registered_anew() {
    let mut scene = Scene::new(|trunk| trunk.targets.truncate(1));
    let seen = |scene: &mut Scene, request: &OwnedMessage, at: &str| {
        let via = text(request, "Via");
        let answer = scene.one.respond(request, 200, None).replace(&via, &via.replace(";rport", at));
        scene.desk.from(&scene.one, &answer);
    };
    let register = scene.next("REGISTER", 9);
    seen(&mut scene, &register, ";received=198.51.100.77;rport=41234");
    for at in [";received=198.51.100.77;rport=41234", ";rport", ";received=198.51.100.78;rport=41234"] {
        let options = scene.next("OPTIONS", 30);
        seen(&mut scene, &options, at);
    }
    let again = scene.next("REGISTER", 10);
    seen(&mut scene, &again, ";received=198.51.100.78;rport=41234");
    let options = scene.next("OPTIONS", 30);
    seen(&mut scene, &options, ";received=198.51.100.78;rport=41235");
    let again = scene.next("REGISTER", 10);
    assert_eq!(text(&again, "CSeq"), "3 REGISTER");
    scene.grant(&again, 600);
    scene.end();
}

/// A bug: what DNS had said before was forgotten at once, so that calls from the server that had registered the trunk were those of
/// strangers.
#[test]
fn calls_of_the_server_that_has_registered_a_trunk_are_its_own_after_dns_has_moved() {
    let name = "sip:provider.example";
    let mut scene = Scene::new(|trunk| trunk.targets = vec![name.into()]);
    scene.desk.tell(found(name, &[ONE]));
    let register = scene.next("REGISTER", 9);
    scene.grant(&register, 600);
    scene.desk.phone("1003", "198.51.100.3:5060");
    scene.desk.tell(found(name, &[OTHER]));
    assert!(rings(&mut scene, ONE, NUMBER, "", "<sip:a@provider.example>"));
    assert!(rings(&mut scene, OTHER, NUMBER, "", "<sip:b@provider.example>"));
    // Whoever is not found any more may be gone.
    let Scene { desk, other, .. } = &mut scene;
    let again = next(desk, other, "REGISTER", 75);
    assert_eq!(asked(&again)[1..], ["2 REGISTER", &text(&register, "Call-ID")]);
    say(desk, other, &again, 200, "");
    assert!(
        !rings(&mut scene, ONE, NUMBER, "", "<sip:c@provider.example>"),
        "it has nothing of ours any more"
    );
    assert!(rings(&mut scene, OTHER, NUMBER, "", "<sip:d@provider.example>"));
    scene.end();
}
