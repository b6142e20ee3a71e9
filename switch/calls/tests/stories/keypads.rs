//! Keys that one of two presses who talk, told as the other one understands them (decision 0050).

use streams::{
    keys::Key,
    media::{LeaseId, MediaCommand},
};

use crate::{
    codecs::transcoding,
    desk::{
        Caller, Desk, Phone, body, header,
        sound::{formats, is_joined},
    },
};

const PCMU: (u8, &str) = (0, "PCMU/8000");
const EVENTS: (u8, &str) = (101, "telephone-event/8000");

fn speaking(phone: &Phone, has: bool) -> String {
    phone.sdp_speaking(if has { &[PCMU, EVENTS] } else { &[PCMU] }, "sendrecv")
}

/// Sari and Budi, of whom each has events or has not, talk. `allows`: what Budi's phone says that it takes.
struct Talk {
    desk: Desk,
    caller: Caller,
    budi: Phone,
}

impl Talk {
    fn of(sari_has: bool, budi_has: bool, allows: &str) -> Self {
        let mut desk = Desk::mortal_with(transcoding());
        let [sari, budi] = desk.two();
        let mut caller = desk.dial(&sari, "1002", Some(&speaking(&sari, sari_has)));
        let invite = desk.expect(&budi, "INVITE");
        assert!(formats(&invite).contains(" 101"), "events are offered in any case");
        let ok = budi.respond(&invite, 200, Some(&speaking(&budi, budi_has)));
        desk.from(&budi, &ok.replacen("Contact:", &format!("{allows}Contact:"), 1));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        assert_eq!(formats(&ok), if sari_has { "0 101" } else { "0" }, "and taken where they are offered");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        assert!(is_joined(&desk, 0, 1));
        Self { desk, caller, budi }
    }

    /// They agree anew, by an INVITE of hers.
    fn agree(&mut self, sari_has: bool, budi_has: bool) {
        let sari = self.caller.phone.clone();
        let invite = self.caller.request("INVITE", "", Some(&speaking(&sari, sari_has)));
        self.desk.from(&sari, &invite);
        self.desk.expect(&sari, "SIP/2.0 100");
        let passed = self.desk.expect(&self.budi, "INVITE");
        let ok = self.budi.respond(&passed, 200, Some(&speaking(&self.budi, budi_has)));
        self.desk.from(&self.budi, &ok);
        self.desk.expect(&self.budi, "ACK");
        let ok = self.desk.expect(&sari, "SIP/2.0 200");
        let ack = self.caller.ack(&ok, None);
        self.desk.from(&sari, &ack);
    }

    /// Which lines are listened to whose keys go no further.
    fn kept(&self) -> Vec<u32> {
        let latest = |of: u32| {
            self.desk.media.iter().rev().find_map(|command| match command {
                MediaCommand::Listen { lease, is_on, keeps } if lease.0 == of => Some(*is_on && *keeps),
                _ => None,
            })
        };
        (0..2).filter(|lease| latest(*lease) == Some(true)).collect()
    }

    /// What the relay was told to press: the line, the key, for how long, and whether unless events were sent.
    fn pressed(&self) -> Vec<(u32, char, u16, bool)> {
        let pressed = |command: &MediaCommand| match command {
            MediaCommand::Press { lease, key, ms, unless_sent } => {
                Some((lease.0, key.sign(), *ms, *unless_sent))
            }
            _ => None,
        };
        self.desk.media.iter().filter_map(pressed).collect()
    }

    fn sari_tells(&mut self, key: char) {
        let body = format!("Signal={key}\r\nDuration=160\r\n");
        let info = self.caller.request("INFO", "Content-Type: application/dtmf-relay\r\n", Some(&body));
        let sari = self.caller.phone.clone();
        self.desk.from(&sari, &info);
    }

    fn budi_answers(&mut self, signal: &str, status: u16) {
        let info = self.desk.expect(&self.budi, "INFO");
        assert_eq!(header(&info, "Content-Type").as_deref(), Some("application/dtmf-relay"));
        assert_eq!(body(&info), signal);
        let answer = self.budi.respond(&info, status, None);
        self.desk.from(&self.budi, &answer);
    }

    fn sari_has_answer(&mut self, status: u16) {
        let sari = self.caller.phone.clone();
        self.desk.expect(&sari, &format!("SIP/2.0 {status}"));
    }

    fn over(mut self) {
        self.desk.hang_up(&mut self.caller, &self.budi);
        self.desk.rest();
    }
}

#[test]
fn where_both_have_agreed_on_the_same_nobody_listens() {
    for has in [true, false] {
        let talk = Talk::of(has, has, "");
        let is_order = |command: &&MediaCommand| {
            matches!(command, MediaCommand::Listen { .. } | MediaCommand::Press { .. })
        };
        assert_eq!(talk.desk.media.iter().find(is_order), None);
        talk.over();
    }
}

#[test]
fn events_are_tones_for_who_has_none_and_tones_are_events_for_who_has() {
    for (sari_has, budi_has) in [(true, false), (false, true)] {
        let mut talk = Talk::of(sari_has, budi_has, "");
        assert_eq!(talk.kept(), [0, 1]);
        talk.desk.press(0, "5");
        talk.desk.press(1, "#");
        assert_eq!(talk.pressed(), [(1, '5', 120, false), (0, '#', 120, false)]);
        // The next life goes on with it.
        talk.desk.die();
        talk.desk.press(0, "6");
        assert_eq!(talk.pressed()[2], (1, '6', 120, false));
        talk.over();
    }
}

#[test]
fn who_has_no_events_and_takes_info_is_told_by_info_until_it_refuses() {
    let mut talk = Talk::of(true, false, "Allow: INVITE, ACK, BYE, INFO\r\n");
    talk.desk.press(0, "5");
    talk.budi_answers("Signal=5\r\nDuration=120\r\n", 200);
    assert_eq!(talk.pressed(), []);
    talk.desk.press(0, "6");
    talk.budi_answers("Signal=6\r\nDuration=120\r\n", 415);
    talk.desk.press(0, "7");
    assert_eq!(talk.pressed(), [(1, '6', 120, false), (1, '7', 120, false)]);
    talk.desk.silent(&talk.budi);
    talk.over();
}

/// Such a phone may have announced events all the same.
#[test]
fn a_key_told_by_info_is_an_event_for_who_has_events() {
    for sari_has in [true, false] {
        let mut talk = Talk::of(sari_has, true, "");
        talk.sari_tells('*');
        talk.sari_has_answer(200);
        // Where its events pass nobody else knows whether it has sent any.
        assert_eq!(talk.pressed(), [(1, '*', 160, sari_has)]);
        talk.desk.silent(&talk.budi);
        talk.over();
    }
}

#[test]
fn a_key_told_by_info_goes_on_as_info_and_as_a_tone_to_who_refuses_that() {
    let mut talk = Talk::of(false, false, "");
    talk.sari_tells('1');
    talk.budi_answers("Signal=1\r\nDuration=160\r\n", 200);
    talk.sari_has_answer(200);
    talk.sari_tells('2');
    talk.budi_answers("Signal=2\r\nDuration=160\r\n", 501);
    talk.sari_has_answer(200);
    assert_eq!(talk.pressed(), [(1, '2', 160, false)]);
    talk.sari_tells('3');
    talk.sari_has_answer(200);
    assert_eq!(talk.pressed()[1], (1, '3', 160, true));
    talk.desk.silent(&talk.budi);
    // A phone that cannot be asked now has said nothing of keys.
    talk.over();
    let mut talk = Talk::of(false, false, "");
    talk.sari_tells('1');
    talk.budi_answers("Signal=1\r\nDuration=160\r\n", 480);
    talk.sari_has_answer(480);
    assert_eq!(talk.pressed(), []);
    talk.over();
}

#[test]
fn a_key_that_a_phone_tells_by_two_ways_is_told_once() {
    let mut talk = Talk::of(true, false, "");
    talk.desk.press(0, "5");
    talk.sari_tells('5');
    talk.sari_has_answer(200);
    assert_eq!(talk.pressed(), [(1, '5', 120, false)]);
    talk.desk.silent(&talk.budi);
    talk.over();
    // The other way round: what came first is the way of that phone.
    let mut talk = Talk::of(false, true, "");
    talk.sari_tells('5');
    talk.sari_has_answer(200);
    talk.desk.press(0, "5");
    assert_eq!(talk.pressed(), [(1, '5', 160, false)]);
    talk.over();
}

/// What they have agreed on changes, and so does who listens.
#[test]
fn who_finds_events_later_or_loses_them_is_listened_to_for_as_long_as_the_other_differs() {
    for budi_has in [true, false] {
        let mut talk = Talk::of(!budi_has, budi_has, "");
        assert_eq!(talk.kept(), [0, 1]);
        talk.agree(budi_has, budi_has);
        assert!(talk.kept().is_empty());
        talk.agree(!budi_has, budi_has);
        assert_eq!(talk.kept(), [0, 1]);
        talk.over();
    }
}

#[test]
fn which_key_it_was_is_not_printed() {
    let key = Key::of_sign('9').unwrap();
    let order = MediaCommand::Press { lease: LeaseId(1), key, ms: 120, unless_sent: false };
    assert!(!format!("{order:?}").contains('9'), "it may be a digit of a card");
}
