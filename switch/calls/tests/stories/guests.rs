//! Guests, who make one call with a pass and nothing else (H-020, HX-17, decision 0070).

use std::time::Duration;

use calls::{CallImage, Continuity, Input, Notice, Offence, Switchboard, SwitchboardConfig};
use contract::{
    guests::{PASS_SECS, Pass, Secret},
    id::{ExtensionId, OrgId},
    journal::{Direction, Fact, ParticipantKind, ParticipantRole},
    time::Timestamp,
};
use sip::{Flow, OwnedMessage, Transport};
use streams::media::MediaEvent;

use crate::desk::{Caller, DOMAIN, Desk, Phone, id, lease, plan, rows};

/// That of the extension 100, whom Budi and Citra are of.
const TEAM: ExtensionId = ExtensionId(id_of(21));
/// That of the extension 300, which nobody is of.
const NOBODY: ExtensionId = ExtensionId(id_of(23));

const fn id_of(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn secret() -> Secret {
    Secret::of_digits(&"5a".repeat(32)).unwrap()
}

fn config() -> SwitchboardConfig {
    SwitchboardConfig { guests: Some(secret()), ..SwitchboardConfig::default() }
}

fn desk() -> Desk {
    Desk::mortal_with(config())
}

/// The relay has ports for a new life.
fn stock(desk: &mut Desk) {
    desk.tell(Input::Media(MediaEvent::Stock((100..110).map(lease).collect())));
}

fn wall(desk: &Desk) -> Timestamp {
    let lived = i64::try_from((desk.now - desk.mark.instant).as_micros()).unwrap();
    desk.mark.unix.plus_micros(lived)
}

/// The pass of this number for a guest of this number.
fn pass(desk: &Desk, no: u128, guest: u128) -> Pass {
    Pass {
        id: id(1_000 + no),
        org: OrgId(id(1)),
        guest: id(2_000 + guest),
        expires_at: wall(desk).plus_micros(i64::from(PASS_SECS) * 1_000_000),
        extensions: vec![TEAM],
        name: "Tamu \u{202e}Satu".to_owned(),
    }
}

/// A browser with this pass, on a connection of its own; each network of 256 is another source.
fn browser(pass: &Pass, connection: u16) -> Phone {
    let [network, host] = connection.to_be_bytes();
    let mut phone =
        Phone::new(&pass.username().unwrap(), &format!("203.0.{network}.9:{}", 40_000 + u16::from(host)));
    phone.flow = Flow { transport: Transport::Wss, connection: connection.into(), ..phone.flow };
    phone
}

/// The answer to an INVITE with these headers, by a password of this secret.
fn tries(
    desk: &mut Desk,
    phone: &Phone,
    (number, headers): (&str, &str),
    secret: &Secret,
) -> (OwnedMessage, Caller) {
    let mut caller = Caller::new(phone, number);
    caller.call_id = format!("{}-{}", phone.flow.connection, desk.notices.len());
    desk.from(phone, &caller.invite(Some(&phone.sdp()), headers));
    let challenge = desk.expect(phone, "SIP/2.0 401");
    desk.from(phone, &caller.ack_refusal(&challenge));
    let password = secret.password(&phone.user);
    let proof = phone.authorization_with(&challenge, "INVITE", &caller.uri(), &password);
    caller.cseq += 1;
    desk.from(phone, &caller.invite(Some(&phone.sdp()), &(proof + headers)));
    (desk.expect(phone, "SIP/2.0"), caller)
}

/// The status of the answer to a call; a refusal is acknowledged.
fn status(desk: &mut Desk, phone: &Phone, number: &str) -> u16 {
    let (answer, caller) = tries(desk, phone, (number, ""), &secret());
    let status = answer.view().status().unwrap();
    if status >= 300 {
        desk.from(phone, &caller.ack_refusal(&answer));
    }
    status
}

/// A guest talks with Budi.
fn talking(desk: &mut Desk, pass: &Pass, connection: u16) -> (Caller, Phone, OwnedMessage) {
    let budi = desk.phone("1002", "198.51.100.2:5060");
    let guest = browser(pass, connection);
    let (trying, mut caller) = tries(desk, &guest, ("100", ""), &secret());
    assert_eq!(trying.view().status(), Some(100));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    desk.answered(&mut caller);
    (caller, budi, invite)
}

#[track_caller]
fn hangs_up(desk: &mut Desk, mut caller: Caller, other: &Phone) {
    let bye = caller.request("BYE", "", None);
    desk.from(&caller.phone, &bye);
    desk.expect(&caller.phone, "SIP/2.0 200");
    let bye = desk.expect(other, "BYE");
    desk.from(other, &other.respond(&bye, 200, None));
}

#[test]
fn h_020_a_guest_calls_an_extension_and_is_written_down_as_who_they_are() {
    let mut desk = desk();
    let pass = pass(&desk, 1, 1);
    let (caller, budi, invite) = talking(&mut desk, &pass, 9);
    let from = invite.view().from().unwrap().display_text().unwrap().into_owned();
    assert_eq!(from, "Tamu Satu", "nothing in a name turns what is shown");
    assert!(invite.view().from().unwrap().uri.starts_with("sip:guest@"));
    assert_eq!(desk.trusted, [9], "the connection may stay");
    let caller_rows = desk.journal.iter().filter_map(|entry| match &entry.fact {
        Fact::Participant(who) if who.role == ParticipantRole::Caller => Some((who.kind, who.reference)),
        _ => None,
    });
    assert_eq!(caller_rows.collect::<Vec<_>>(), [(ParticipantKind::Guest, pass.guest)]);
    assert!(
        desk.journal
            .iter()
            .any(|entry| matches!(&entry.fact, Fact::Call(call) if call.direction == Direction::Inbound))
    );
    hangs_up(&mut desk, caller, &budi);
}

#[test]
fn hx_17_a_pass_is_for_one_call() {
    let mut desk = desk();
    let pass = pass(&desk, 1, 1);
    let (caller, budi, _) = talking(&mut desk, &pass, 9);
    assert_eq!(status(&mut desk, &browser(&pass, 10), "100"), 403, "from elsewhere, meanwhile");
    hangs_up(&mut desk, caller, &budi);
    let (answer, _) = tries(&mut desk, &browser(&pass, 9), ("100", ""), &secret());
    assert!(answer.view().reason_phrase().contains("Pass Already Used"));
}

#[test]
fn a_pass_that_was_not_let_through_is_not_used() {
    let mut desk = desk();
    let (first, second) = (pass(&desk, 1, 1), pass(&desk, 2, 1));
    let (caller, budi, _) = talking(&mut desk, &first, 9);
    assert_eq!(status(&mut desk, &browser(&second, 10), "100"), 486, "one call at a time");
    hangs_up(&mut desk, caller, &budi);
    assert_eq!(status(&mut desk, &browser(&second, 10), "100"), 100);
}

#[test]
fn a_guest_calls_what_the_pass_is_for_and_nothing_else() {
    let mut desk = desk();
    desk.two();
    let pass = Pass { extensions: vec![TEAM, NOBODY], ..pass(&desk, 1, 1) };
    let guest = browser(&pass, 9);
    for number in ["200", "1001", "*97", "*43", "+6281234567890", "112", "u0", &guest.user] {
        assert_eq!(status(&mut desk, &guest, number), 403, "{number}");
    }
    let session = "Replaces: other;to-tag=1;from-tag=2\r\n";
    let (answer, caller) = tries(&mut desk, &guest, ("100", session), &secret());
    assert_eq!(answer.view().status(), Some(403), "and comes into nobody's call");
    desk.from(&guest, &caller.ack_refusal(&answer));
    assert_eq!(status(&mut desk, &guest, "300"), 100, "which then says that nobody is there");
}

/// Everything wrong looks the same.
#[test]
fn what_is_no_pass_is_an_unknown_user() {
    let mut desk = desk();
    let good = pass(&desk, 1, 1);
    let other = Secret::of_digits(&"a5".repeat(32)).unwrap();
    let expired = Pass { expires_at: wall(&desk), ..good.clone() };
    let elsewhere = Pass { org: OrgId(id(2)), ..good.clone() };
    let unknown = Phone { user: "g.nonsense".into(), ..browser(&good, 9) };
    let mut answers = Vec::new();
    for (phone, secret) in [
        (browser(&good, 9), &other),
        (browser(&expired, 9), &secret()),
        (browser(&elsewhere, 9), &secret()),
        (unknown, &secret()),
    ] {
        let (answer, caller) = tries(&mut desk, &phone, ("100", ""), secret);
        desk.from(&phone, &caller.ack_refusal(&answer));
        let names: Vec<String> = answer.view().headers().map(|(name, ..)| name.to_owned()).collect();
        answers.push((answer.view().status(), answer.view().reason_phrase().to_owned(), names));
    }
    assert_eq!(answers[0].0, Some(401));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let wrong =
        |notice: &&Notice| matches!(notice, Notice::Security(event) if event.what == Offence::WrongPassword);
    assert_eq!(desk.notices.iter().filter(wrong).count(), 4, "all of them are counted");
    assert_eq!(status(&mut desk, &browser(&good, 9), "100"), 100);
}

#[test]
fn a_switch_that_has_no_secret_knows_no_guests() {
    let mut desk = Desk::new();
    let pass = pass(&desk, 1, 1);
    assert_eq!(status(&mut desk, &browser(&pass, 9), "100"), 401);
}

#[test]
fn a_guest_may_only_call() {
    let mut desk = desk();
    desk.two();
    let guest = browser(&pass(&desk, 1, 1), 9);
    let user = &guest.user;
    for (method, to) in [("REGISTER", user.as_str()), ("MESSAGE", "1001"), ("SUBSCRIBE", "1001")] {
        let uri = if method == "REGISTER" { format!("sip:{DOMAIN}") } else { format!("sip:{to}@{DOMAIN}") };
        let text = |cseq: u32, proof: &str| {
            format!(
                "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WSS a.invalid;branch=z9hG4bK{method}{cseq}\r\n\
                 From: <sip:{user}@{DOMAIN}>;tag=g\r\nTo: <sip:{to}@{DOMAIN}>\r\nCall-ID: {method}\r\n\
                 CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:x@a.invalid;transport=ws>\r\n\
                 Event: dialog\r\n{proof}Content-Length: 0\r\n\r\n"
            )
        };
        desk.from(&guest, &text(1, ""));
        let challenge = desk.expect(&guest, "SIP/2.0 401");
        let proof = guest.authorization_with(&challenge, method, &uri, &secret().password(user));
        desk.from(&guest, &text(2, &proof));
        let answer = desk.expect(&guest, "SIP/2.0 403");
        assert!(answer.view().reason_phrase().contains("Only Call"), "{method}");
    }
    assert_eq!(desk.bindings.len(), 2, "Sari's and Budi's");
}

#[test]
fn a_guest_sends_nobody_on() {
    let mut desk = desk();
    let pass = pass(&desk, 1, 1);
    let (mut caller, budi, _) = talking(&mut desk, &pass, 9);
    let refer = caller.request("REFER", &format!("Refer-To: <sip:1003@{DOMAIN}>\r\n"), None);
    let guest = caller.phone.clone();
    desk.from(&guest, &refer);
    desk.expect(&guest, "SIP/2.0 403");
    hangs_up(&mut desk, caller, &budi);
}

#[test]
fn budgets_bound_how_many_guests_call_from_one_place_and_one_organisation() {
    // Enough ports for all of them.
    let mut desk = Desk::with(config(), 256);
    desk.two();
    let calls_of = |desk: &mut Desk, numbers: std::ops::Range<u16>, per_source: u16| {
        numbers
            .map(|n| {
                let pass = pass(desk, n.into(), n.into());
                let connection = n / per_source * 256 + n % per_source + 1;
                status(desk, &browser(&pass, connection), "100")
            })
            .collect::<Vec<u16>>()
    };
    let from_one_place = calls_of(&mut desk, 0..9, 256);
    assert_eq!(from_one_place, [100, 100, 100, 100, 100, 100, 100, 100, 480]);
    let everywhere = calls_of(&mut desk, 100..144, 1);
    let let_in = everywhere.iter().filter(|status| **status == 100).count();
    assert_eq!((let_in, everywhere.last()), (42, Some(&480)), "{everywhere:?}");
}

#[test]
fn passes_are_forgotten_when_they_have_expired_anyway() {
    let mut desk = desk();
    let pass = pass(&desk, 1, 1);
    let (caller, budi, _) = talking(&mut desk, &pass, 9);
    hangs_up(&mut desk, caller, &budi);
    desk.wait(Duration::from_secs(u64::from(PASS_SECS) + 1));
    assert_eq!(status(&mut desk, &browser(&pass, 9), "100"), 401);
}

#[test]
fn what_was_used_stays_used_after_a_restart() {
    // Killed while the guest talks.
    let mut killed = desk();
    let used = pass(&killed, 1, 1);
    let (caller, budi, _) = talking(&mut killed, &used, 9);
    killed.die();
    stock(&mut killed);
    assert_eq!(status(&mut killed, &browser(&used, 10), "100"), 403);
    hangs_up(&mut killed, caller, &budi);

    // Restarted when the call is over.
    let mut restarted = desk();
    let used = pass(&restarted, 1, 1);
    let (caller, budi, _) = talking(&mut restarted, &used, 9);
    hangs_up(&mut restarted, caller, &budi);
    let rest = restarted.board.image_of_rest();
    let continuity = Continuity { origin: restarted.mark.instant, secrets: [9; 32] };
    let board = Switchboard::new(restarted.config.clone(), plan(&rows()), [8; 32], restarted.mark);
    restarted.board = board.with_images(continuity);
    restarted.tell(Input::Resume { calls: Vec::<CallImage>::new(), rest });
    stock(&mut restarted);
    assert_eq!(status(&mut restarted, &browser(&used, 10), "100"), 403);
}
