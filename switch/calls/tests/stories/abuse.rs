//! Who does not get in, and who must not be kept out by him: guesses, captured credentials, scanners, relays.

use std::time::Duration;

use calls::{AccessList, Counts, GuardConfig, Notice, Offence, SwitchboardConfig};
use sip::OwnedMessage;

use crate::desk::{Caller, DOMAIN, Desk, Phone, header};

fn uri() -> String {
    format!("sip:{DOMAIN}")
}

fn desk_with(guard: GuardConfig) -> Desk {
    Desk::with(SwitchboardConfig { guard, ..SwitchboardConfig::default() }, 8)
}

fn offences(desk: &Desk) -> Vec<Offence> {
    let offence = |notice: &Notice| match notice {
        Notice::Security(event) => Some(event.what),
        _ => None,
    };
    desk.notices.iter().filter_map(offence).collect()
}

/// Takes a challenge.
fn challenged(desk: &mut Desk, phone: &Phone, cseq: u32) -> OwnedMessage {
    desk.from(phone, &phone.register(cseq, "", ""));
    desk.expect(phone, "SIP/2.0 401")
}

/// One guess at the password of the account that the phone says it is.
fn guess(desk: &mut Desk, phone: &Phone, cseq: u32) {
    let challenge = challenged(desk, phone, cseq);
    let authorization = phone.authorization_with(&challenge, "REGISTER", &uri(), "guess");
    desk.from(phone, &phone.register(cseq + 1, "", &authorization));
}

#[test]
fn who_guesses_is_not_answered_any_more_and_the_owner_is() {
    let mut desk = Desk::new();
    let owner = desk.phone("1001", "198.51.100.1:5060");
    let guesser = Phone::new("1001", "203.0.113.1:40000");
    for round in 0..9 {
        guess(&mut desk, &guesser, 2 * round + 1);
        desk.expect(&guesser, "SIP/2.0 401");
    }
    guess(&mut desk, &guesser, 101);
    desk.silent(&guesser);
    assert_eq!(offences(&desk).pop(), Some(Offence::LockedOut));
    // Not to anything.
    desk.from(&guesser, &guesser.register(103, "", ""));
    desk.from(&guesser, &Caller::new(&guesser, "1002").invite(None, ""));
    desk.silent(&guesser);
    assert_eq!(desk.register(&owner, 3).view().status(), Some(200));
    desk.wait(Duration::from_secs(601));
    challenged(&mut desk, &guesser, 105);
}

#[test]
fn a_wrong_address_on_datagrams_gets_nobody_locked_out() {
    let mut desk = Desk::new();
    // The attacker writes the victim's address on his datagrams: the challenges go to the victim, so that he has to
    // invent a nonce, or use one of his own.
    let (attacker, victim) =
        (Phone::new("1001", "203.0.113.1:5060"), Phone::new("1001", "198.51.100.1:5060"));
    let own = challenged(&mut desk, &attacker, 1);
    for cseq in 1..100 {
        let authorization = attacker.authorization_with(&own, "REGISTER", &uri(), "guess");
        desk.from(&victim, &victim.register(cseq, "", &authorization));
        let answer = desk.expect(&victim, "SIP/2.0 401");
        assert!(header(&answer, "WWW-Authenticate").unwrap().contains("stale=true"));
    }
    assert_eq!(offences(&desk), []);
    assert_eq!(desk.register(&victim, 1_000).view().status(), Some(200));
}

#[test]
fn captured_credentials_are_worth_nothing_elsewhere_nor_twice() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", "198.51.100.1:5060");
    let challenge = challenged(&mut desk, &sari, 1);
    let authorization = sari.authorization(&challenge, "REGISTER", &uri());
    let thief = Phone::new("1001", "203.0.113.1:5060");
    desk.from(&thief, &thief.register(2, "Contact: <sip:thief@203.0.113.1>\r\n", &authorization));
    desk.expect(&thief, "SIP/2.0 401");
    desk.from(&sari, &sari.register(2, "", &authorization));
    desk.expect(&sari, "SIP/2.0 200");
    // From behind the same address, later.
    let neighbour = Phone::new("1001", "198.51.100.1:40000");
    desk.from(&neighbour, &neighbour.register(3, "Contact: <sip:thief@203.0.113.1>\r\n", &authorization));
    let answer = desk.expect(&neighbour, "SIP/2.0 401");
    assert!(header(&answer, "WWW-Authenticate").unwrap().contains("stale=true"));
    assert!(desk.bindings.is_empty());
    // For another method.
    let mut caller = Caller::new(&sari, "1002");
    caller.cseq = 9;
    desk.from(&sari, &caller.invite(None, &authorization));
    desk.expect(&sari, "SIP/2.0 401");
}

/// Whatever is asked with whichever name, the answer is the same but for the nonce and what it repeats of the request.
#[test]
fn accounts_are_not_told_apart_by_their_answers() {
    let answers = |user: &str| {
        let mut desk = Desk::new();
        let phone = Phone::new(user, "203.0.113.1:5060");
        let mut answers = Vec::new();
        for cseq in 0..12 {
            let sent = desk.sent.len();
            guess(&mut desk, &phone, 2 * cseq + 1);
            let told = desk.sent.split_off(sent.min(desk.sent.len()));
            answers.extend(told.into_iter().map(|(_, message)| normal(&message, user)));
            if offences(&desk).contains(&Offence::LockedOut) {
                break;
            }
        }
        answers
    };
    let (known, unknown) = (answers("1001"), answers("9999"));
    assert_eq!(known, unknown);
    assert_eq!(known.len(), 9, "and both are locked out with the tenth");
}

/// A message without its nonces, and without the name it was asked with.
fn normal(message: &OwnedMessage, user: &str) -> String {
    let view = message.view();
    let mut text = crate::desk::start_line(message);
    for (name, _, value) in view.headers() {
        let value = match value.split_once("nonce=\"") {
            Some((before, after)) => format!("{before}{}", after.split_once('"').unwrap().1),
            None => value.replace(user, "USER"),
        };
        // Tags are keyed hashes of what the request says.
        let value =
            if name.eq_ignore_ascii_case("to") { value.split(";tag=").next().unwrap() } else { &value };
        text += &format!("\n{name}: {value}");
    }
    text
}

#[test]
fn scanners_are_not_answered() {
    let mut desk = Desk::new();
    let scanner = Phone::new("100", "203.0.113.1:5060");
    for agent in ["friendly-scanner", "SIPVicious/0.3"] {
        let header = format!("User-Agent: {agent}\r\n");
        desk.from(&scanner, &scanner.register(1, &header, ""));
        desk.from(&scanner, &Caller::new(&scanner, "1002").invite(None, &header));
        let options = scanner.register(2, &header, "").replace("REGISTER", "OPTIONS");
        desk.from(&scanner, &options);
    }
    desk.silent(&scanner);
    assert_eq!(offences(&desk), [Offence::Scanner; 6]);
    // Somebody who writes that address on a datagram keeps nobody out.
    challenged(&mut desk, &scanner, 3);
}

#[test]
fn a_sweep_of_options_is_answered_up_to_a_measure_but_a_known_phone_always() {
    let mut desk = Desk::new();
    let known = desk.phone("1001", "198.51.100.1:5060");
    let stranger = Phone::new("1001", "203.0.113.1:5060");
    let options = |phone: &Phone, cseq| phone.register(cseq, "", "").replace("REGISTER", "OPTIONS");
    for cseq in 10..110 {
        desk.from(&stranger, &options(&stranger, cseq));
        desk.from(&known, &options(&known, cseq));
        desk.expect(&known, "SIP/2.0 200");
    }
    assert_eq!(desk.sent.iter().filter(|(flow, _)| flow.remote == stranger.flow.remote).count(), 20);
    desk.sent.clear();
    challenged(&mut desk, &stranger, 200);
}

/// RFC 3261 §26: requests for other domains go nowhere, whoever asks and in whatever way.
#[test]
fn the_switch_is_no_relay() {
    let foreign =
        ["sip:1002@elsewhere.example", "sips:1002@elsewhere.example;transport=tcp", "sip:elsewhere.example"];
    for method in ["INVITE", "MESSAGE", "REFER", "SUBSCRIBE", "OPTIONS", "REGISTER", "PUBLISH"] {
        for target in foreign {
            let mut desk = Desk::new();
            let [sari, budi] = desk.two();
            let caller = Caller::new(&sari, "1002");
            let text = caller
                .invite(None, "Route: <sip:203.0.113.9:5070;lr>\r\n")
                .replace("INVITE", method)
                .replacen(&caller.uri(), target, 1);
            desk.from(&sari, &text);
            let (flow, answer) = desk.sent.pop().unwrap();
            assert_eq!(flow.remote, sari.flow.remote, "{method} {target}");
            let status = answer.view().status().unwrap();
            assert!(status >= 200 && (status >= 400 || method == "OPTIONS"), "{method} {target}: {status}");
            assert!(desk.sent.is_empty(), "{method} {target}: something else was sent");
            desk.silent(&budi);
            assert_eq!(desk.board.counts().calls, 0);
        }
    }
}

#[test]
fn addresses_on_the_list_decide_before_anything_is_read() {
    let nets = |text: &str| vec![text.parse().unwrap()];
    let access = AccessList::new(&nets("203.0.113.7/32"), &nets("203.0.113.0/24"));
    let mut desk = desk_with(GuardConfig { access, ..GuardConfig::default() });
    let (denied, allowed) = (Phone::new("1001", "203.0.113.1:5060"), Phone::new("1001", "203.0.113.7:5060"));
    desk.from(&denied, &denied.register(1, "", ""));
    desk.from(&denied, "no SIP at all");
    desk.silent(&denied);
    assert_eq!(desk.notices, [Notice::Silenced; 2]);
    assert_eq!(desk.register(&allowed, 1).view().status(), Some(200));
}

#[test]
fn a_phone_that_was_registered_before_a_restart_is_known_after_it() {
    let mut desk = Desk::new();
    let owner = desk.phone("1001", "198.51.100.1:5060");
    let bindings: Vec<_> = desk.bindings.values().cloned().collect();
    let mut desk = Desk::new();
    desk.tell(calls::Input::Restore(bindings));
    let guesser = Phone::new("1001", "198.51.100.1:40000");
    for round in 0..20 {
        guess(&mut desk, &guesser, 2 * round + 1);
        desk.sent.clear();
    }
    assert!(offences(&desk).contains(&Offence::LockedOut));
    assert_eq!(desk.register(&owner, 9).view().status(), Some(200));
    assert_eq!(
        Counts { stock: 0, registrations: 0, transactions: 0, timers: 0, ..desk.board.counts() },
        Counts::default()
    );
}
