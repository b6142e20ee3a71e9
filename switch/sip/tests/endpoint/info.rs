//! RFC 6086: who wants to be sent the owner's INFO package, and what becomes of one that nobody answers.

use std::time::Duration;

use sip::{Body, EndpointConfig, Refused};

use crate::dialog::response;
use crate::world::*;

fn with_package() -> EndpointConfig {
    EndpointConfig { info_package: String::from("sound"), ..config() }
}

/// Whether A takes the bare peer C, which answers first with this and then with that, for one that wants the package.
fn wants(config: EndpointConfig, ringing: &str, ok: &str) -> bool {
    let mut world = World::with(1, [config, crate::world::config()]).bare();
    world.invite(A, C);
    world.run(HOP);
    let invite = world.nodes[C].inbox.remove(0);
    for (line, extra) in [("180 Ringing", ringing), ("200 OK", ok)] {
        world.say(C, A, &response(&invite, line, "c1", extra));
        world.run(HOP);
    }
    world.ack(A);
    world.run(HOP);
    let key = world.session(A);
    world.nodes[A].endpoint.as_ref().and_then(|endpoint| endpoint.peer(key)).unwrap().package
}

#[test]
fn rfc_6086_5_a_peer_is_sent_a_package_that_it_has_asked_for_last() {
    for (ringing, ok, expected) in [
        ("", "", false),
        ("", "Recv-Info: sound\n", true),
        ("", "Recv-Info: other, SOUND;since=1\n", true),
        ("", "Recv-Info: other\nRecv-Info: sound\n", true),
        ("Recv-Info: sound\n", "", true),
        ("Recv-Info: sound\n", "Recv-Info:\n", false),
        ("", "Recv-Info: sounds\n", false),
    ] {
        assert_eq!(wants(with_package(), ringing, ok), expected, "{ringing}{ok}");
    }
    assert!(!wants(config(), "", "Recv-Info: sound, \n"), "there is none to be sent");
}

#[test]
fn rfc_6086_5_a_caller_asks_in_its_invite_and_is_known_by_that_in_the_next_life_too() {
    let mut world = World::with(1, [config(), with_package()]);
    let mut invite = world.invite_of(A, B);
    invite.headers.push(("Recv-Info".into(), String::from("sound")));
    let key = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    world.nodes[A].session = Some(key);
    world.run(HOP);
    world.accept_invite(B);
    let mut world = world.talk();
    let package = |world: &World| {
        let endpoint = world.nodes[B].endpoint.as_ref().unwrap();
        endpoint.peer(world.session(B)).unwrap().package
    };
    assert!(package(&world));
    world.reincarnate(B);
    assert!(package(&world));
}

#[test]
fn what_is_told_in_passing_ends_nothing_when_nobody_answers() {
    let mut world = World::talking();
    world.fate(|flight| if flight.label() == "INFO" { Fate::Lose } else { Fate::Deliver });
    let key = world.session(A);
    let tell = |world: &mut World| {
        let body = Body::new("application/json", "{}");
        world.order(A, |endpoint, now, out| endpoint.inform(now, key, Vec::new(), body, out))
    };
    tell(&mut world).unwrap();
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(A), ["Response 408"]);
    world.hang_up(A);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Ended Peer"]);
    assert_eq!(tell(&mut world), Err(Refused::Gone));
    world.assert_gone();
}
