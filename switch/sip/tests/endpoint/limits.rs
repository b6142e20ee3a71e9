//! Limits: new work is turned away with 503 and nothing kept, what is under way is never kept from ending.

use sip::{Counts, EndpointConfig, Refused};

use crate::dialog::invite_from_bare;
use crate::world::*;

fn narrow(transactions_max: usize, sessions_max: usize) -> EndpointConfig {
    EndpointConfig { transactions_max, sessions_max, retry_after_secs: 5, ..config() }
}

#[test]
fn a_full_house_answers_503_and_keeps_nothing() {
    for narrow in [narrow(0, 10), narrow(10, 0)] {
        let mut world = World::with(1, [config(), narrow]).bare();
        world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
        world.run(HOP);
        let request = world.nodes[B].request.take().unwrap();
        let refused = world.order(B, |endpoint, now, out| endpoint.accept_invite(now, request, out));
        assert_eq!(refused, Err(Refused::Full));
        world.run(HOP);
        let answer = world.nodes[C].inbox.pop().unwrap();
        assert_eq!(answer.view().status(), Some(503));
        let seconds: u32 = answer.view().named("Retry-After").unwrap().parse().unwrap();
        assert!((5..=10).contains(&seconds));
        assert_eq!(world.counts(B), Counts::default());
        assert_eq!(world.heard(B), ["Request INVITE", "Dropped Full"]);
    }
}

#[test]
fn no_call_of_ours_begins_in_a_full_house() {
    for narrow in [narrow(0, 10), narrow(10, 0)] {
        let mut world = World::with(1, [narrow, config()]);
        let invite = world.invite_of(A, B);
        let refused = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out));
        assert_eq!(refused, Err(Refused::Full));
        assert!(world.steps().is_empty());
        assert_eq!(world.counts(A), Counts::default());
    }
}

#[test]
fn a_call_ends_in_a_full_house() {
    for leaver in [A, B] {
        // One transaction is room for the INVITE and nothing else.
        let mut world = World::with(1, [narrow(1, 1), narrow(1, 1)]).call().talk();
        let key = world.session(leaver);
        let refused = world.order(leaver, |endpoint, now, out| endpoint.reinvite(now, key, None, out));
        assert_eq!(refused, Err(Refused::Full));
        let refused = world
            .order(leaver, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out));
        assert_eq!(refused, Err(Refused::Full));
        world.hang_up(leaver);
        world.run_ms(40);
        assert_eq!(world.heard(A + B - leaver), ["Ended Peer"]);
        world.assert_gone();
    }
}

#[test]
fn a_call_is_taken_back_in_a_full_house() {
    let mut world = World::with(1, [narrow(1, 1), narrow(1, 1)]).call();
    world.hang_up(A);
    world.run_ms(40);
    assert_eq!(world.heard(A), ["Failed 487 Canceled"]);
    assert_eq!(world.heard(B), ["Canceled"]);
    world.assert_gone();
}

#[test]
fn requests_that_wait_for_the_owner_are_bounded() {
    let mut world = World::talking();
    let key = world.session(A);
    for _ in 0..sip::endpoint::PENDING_REQUESTS_MAX + 1 {
        world
            .order(A, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out))
            .unwrap();
        world.run(HOP);
    }
    world.run(HOP);
    assert_eq!(world.heard(A), ["Response 503"]);
    assert_eq!(world.heard(B).last().unwrap(), "Dropped Full");
    world.hang_up(B);
    world.assert_gone();
}

#[test]
fn a_flood_of_strangers_leaves_nothing() {
    let mut world = World::new().bare();
    for number in 0..2_000 {
        world.say(
            C,
            B,
            &invite_from_bare(&format!("z9hG4bK{number}"), "").replace("ID: call", &format!("ID: {number}")),
        );
        world.run(HOP);
        let request = world.nodes[B].request.take().unwrap();
        world.order(B, |endpoint, now, out| endpoint.reply(now, &request, sip::Reply::new(401), out));
    }
    assert_eq!(world.counts(B), Counts::default());
}

#[test]
fn an_invite_with_a_header_that_breaks_out_is_not_sent() {
    let mut world = World::new();
    let good = world.invite_of(A, B);
    let bad = [
        sip::Invite { request_uri: "sip:b@x SIP/2.0\r\nEvil: 1".into(), ..good.clone() },
        sip::Invite { headers: vec![("Subject".into(), "a\nEvil: 1".into())], ..good.clone() },
        sip::Invite { from: sip::Party::new("sip:a@x>;tag=evil"), ..good.clone() },
        sip::Invite { routes: vec!["<sip:x>\r\nEvil: 1".into()], ..good.clone() },
        sip::Invite { headers: vec![("From".into(), "<sip:evil@x>".into())], ..good.clone() },
    ];
    for invite in bad {
        let refused = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out));
        assert_eq!(refused, Err(Refused::Invalid));
    }
    let odd = sip::Invite { contact_user: "a>\r\n@b c".into(), ..good };
    world.order(A, |endpoint, now, out| endpoint.invite(now, odd, out)).unwrap();
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    assert_eq!(request.message.view().named("Contact"), Some("<sip:a%3E%0D%0A%40b%20c@192.0.2.1:5060>"));
}

#[test]
fn crossing_byes_without_end_are_bounded() {
    let mut world = World::with(1, [narrow(4, 1), config()]).call().talk();
    world.fate(|flight| if flight.from == A { Fate::Lose } else { Fate::Deliver });
    world.hang_up(A);
    let (sender, receiver) = std::sync::mpsc::channel();
    world.fate(move |flight| {
        sender.send(flight.bytes.clone()).unwrap();
        Fate::Lose
    });
    world.hang_up(B);
    let bye = String::from_utf8(receiver.try_iter().last().unwrap().to_vec()).unwrap();
    world.fate(|flight| if flight.from == A { Fate::Lose } else { Fate::Deliver });
    for number in 0..20 {
        world.say(B, A, &bye.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{number}")));
    }
    world.forget();
    world.run(HOP);
    assert_eq!(world.steps(), ["A->B 200 BYE x"; 20]);
    assert_eq!(world.counts(A).transactions, 4);
    world.assert_gone();
}
