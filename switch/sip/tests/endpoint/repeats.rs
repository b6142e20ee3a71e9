//! Requests that come again, come back, or come from somebody else: RFC 3261 8.2.2.2 and 9.2, RFC 5393 4.2.

use std::time::Duration;

use sip::{EndpointConfig, HeaderName, Reply};

use crate::dialog::invite_from_bare;
use crate::world::*;

fn statuses(world: &mut World, node: usize) -> Vec<u16> {
    world.nodes[node].inbox.drain(..).filter_map(|message| message.view().status()).collect()
}

#[test]
fn rfc_5393_4_2_an_invite_of_ours_that_comes_back_is_a_loop() {
    let mut world = World::new().bare();
    let mut invite = world.invite_of(A, C);
    invite.request_uri = String::from("sip:b@example.com");
    world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    world.run(HOP);
    let sent = world.nodes[C].inbox.pop().unwrap();
    let back = |uri: &str, branch: &str| {
        let view = sent.view();
        let header = |name| view.first(name).unwrap();
        format!(
            "INVITE {uri} SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch={branch}\nVia: {}\nFrom: {}\nTo: {}\n\
             Call-ID: {}\nCSeq: {}\nMax-Forwards: 60\nContact: <sip:a@192.0.2.1>\nContent-Length: 0\n\n",
            header(HeaderName::Via),
            header(HeaderName::From),
            header(HeaderName::To),
            header(HeaderName::CallId),
            header(HeaderName::CSeq),
        )
    };
    world.say(C, A, &back("sip:b@example.com", "z9hG4bKl1"));
    world.run_ms(20);
    assert_eq!((statuses(&mut world, C), world.heard(A)), (vec![482], vec![String::from("Dropped Refused")]));
    // Sent on to somebody else it is a spiral, and no business of ours.
    world.say(C, A, &back("sip:c@example.com", "z9hG4bKl2"));
    world.run_ms(20);
    assert_eq!(world.heard(A), ["Request INVITE"]);
    // A Via that somebody has made up proves nothing.
    let forged = back("sip:b@example.com", "z9hG4bKl3").replacen(
        "Via: SIP/2.0/UDP 192.0.2.1",
        "Via: SIP/2.0/UDP x",
        1,
    );
    let branch = sent.view().via().unwrap().branch().unwrap().to_owned();
    let flipped = if branch.ends_with('0') { "1" } else { "0" };
    let other = format!("{}{flipped}", &branch[..branch.len() - 1]);
    world.say(C, A, &forged.replace(&branch, &other));
    world.run_ms(20);
    assert_eq!(world.heard(A), ["Request INVITE"]);
}

#[test]
fn section_9_2_a_cancel_from_another_address_takes_nothing_back() {
    let mut world = World::new().bare().bare();
    const D: usize = 3;
    let invite = invite_from_bare("z9hG4bK1", "");
    world.say(C, B, &invite);
    world.run(HOP);
    world.accept_invite(B);
    world.run(HOP);
    world.forget();
    let cancel = invite.replace("INVITE", "CANCEL").replace("Contact: <sip:c@192.0.2.3:5060>\n", "");
    world.say(D, B, &cancel);
    world.run_ms(20);
    assert_eq!((statuses(&mut world, D), world.heard(B)), (vec![481], vec![String::from("Dropped Refused")]));
    world.say(C, B, &cancel);
    world.run_ms(20);
    assert_eq!((statuses(&mut world, C), world.heard(B)), (vec![200, 487], vec![String::from("Canceled")]));
}

#[test]
fn a_repeat_of_an_invite_that_was_turned_away_makes_no_ghost_call() {
    let full = EndpointConfig { transactions_max: 1, ..config() };
    let mut world = World::with(1, [config(), full]).bare();
    world.say(C, B, &invite_from_bare("z9hG4bKa", "").replace("call", "other"));
    world.run(HOP);
    world.accept_invite(B);
    world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
    world.run(HOP);
    let request = world.nodes[B].request.clone().unwrap();
    let refused = world.order(B, |endpoint, now, out| endpoint.accept_invite(now, request, out));
    assert_eq!(refused, Err(sip::Refused::Full));
    // There is room again, and a repeat of the INVITE has been on its way.
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
    world.run(Duration::from_secs(40));
    world.forget();
    world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
    world.run_ms(20);
    assert_eq!((statuses(&mut world, C), world.heard(B)), (vec![503], vec![String::from("Dropped Full")]));
    // A new attempt is no repeat; nor is one that comes when all repeats have died out.
    world.say(C, B, &invite_from_bare("z9hG4bK2", ""));
    world.run_ms(20);
    assert_eq!(world.heard(B), ["Request INVITE"]);
    world.run(Duration::from_secs(70));
    world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
    world.run_ms(20);
    assert_eq!(world.heard(B), ["Request INVITE"]);
}

#[test]
fn section_12_2_2_an_old_request_gets_the_same_answer_after_the_session_as_in_it() {
    let mut world = crate::dialog::talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
    let ack = world.nodes[C].inbox.remove(0);
    let ack = ack.view();
    let info = |cseq: u32| {
        format!(
            "INFO sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKi{cseq}\nMax-Forwards: 70\n\
             From: {}\nTo: {}\nCall-ID: {}\nCSeq: {cseq} INFO\nContent-Length: 0\n\n",
            ack.named("To").unwrap(),
            ack.named("From").unwrap(),
            ack.named("Call-ID").unwrap()
        )
    };
    for cseq in [9, 8] {
        world.say(C, A, &info(cseq));
    }
    world.run_ms(20);
    assert_eq!(statuses(&mut world, C), [500]);
    world.hang_up(A);
    world.run_ms(20);
    world.nodes[C].inbox.clear();
    world.say(C, A, &info(8));
    world.run_ms(20);
    assert_eq!(statuses(&mut world, C), [500]);
}
