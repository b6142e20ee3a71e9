//! What is wrong with how two hear each other, told while they talk to those of their devices that want to know
//! (decision 0075).

use std::time::Duration;

use calls::{Input, SwitchboardConfig, Why};
use contract::command::{Command, Outcome};
use sip::{Flow, OwnedMessage, Transport};
use streams::{
    diagnosis::Diagnosis::{self, Good, HearsNothing, NothingReceived, Silence, Stopped},
    media::MediaCommand,
};

use crate::{
    codecs::transcoding,
    desk::{Caller, Desk, Phone, body, header},
};

const ASKS: &str = "Recv-Info: sambung-sound\r\n";
/// How long two have talked when they are looked at, and until they are again.
const PERIOD: Duration = Duration::from_secs(5);

/// Sari (lease 0) has called Budi (lease 1); one or both have asked to be told.
struct Talk {
    desk: Desk,
    caller: Caller,
    budi: Phone,
    citra: Phone,
}

impl Talk {
    fn of(sari_asks: &str, budi_asks: &str) -> Self {
        let config = SwitchboardConfig { hold_music: true, ..transcoding() };
        let mut desk = Desk::mortal_with(config);
        // Browsers: nothing is repeated on a connection.
        let [sari, budi, citra] = [("1001", 1), ("1002", 2), ("1003", 3)].map(|(user, connection)| {
            let mut phone = Phone::new(user, &format!("198.51.100.{connection}:5060"));
            phone.flow = Flow { transport: Transport::Wss, connection, ..phone.flow };
            desk.register(&phone, 1);
            phone
        });
        let caller = desk.dial_with(&sari, "1002", sari_asks, Some(&sari.sdp()));
        desk.expect(&sari, "SIP/2.0 100");
        let invite = desk.expect(&budi, "INVITE");
        let mut talk = Self { desk, caller, budi: budi.clone(), citra };
        talk.answers(&budi, &invite, budi_asks);
        talk.desk.answered(&mut talk.caller);
        talk
    }

    fn answers(&mut self, phone: &Phone, invite: &OwnedMessage, asks: &str) {
        let ok = phone.respond(invite, 200, Some(&phone.sdp()));
        self.desk.from(phone, &ok.replacen("Contact:", &format!("{asks}Contact:"), 1));
        self.desk.expect(phone, "ACK");
    }

    /// Which leases the relay has been told to look at since somebody has asked here.
    fn looks(&mut self) -> Vec<u32> {
        let look = |command: &MediaCommand| match command {
            MediaCommand::Look { lease } => Some(lease.0),
            _ => None,
        };
        let looks = self.desk.media.iter().filter_map(look).collect();
        self.desk.media.retain(|command| look(command).is_none());
        looks
    }

    /// A period goes by, and the relay finds this of Sari's leg and of Budi's.
    #[track_caller]
    fn found(&mut self, sari: Diagnosis, budi: Diagnosis) {
        self.looks();
        self.desk.wait(PERIOD);
        assert_eq!(self.looks(), [0, 1]);
        self.desk.seen([(0, sari), (1, budi)]);
    }

    /// A phone is told this, and answers.
    #[track_caller]
    fn told(&mut self, phone: &Phone, own: &str, other: &str, status: u16) {
        let info = self.desk.expect(phone, "INFO");
        assert_eq!(header(&info, "Info-Package").as_deref(), Some("sambung-sound"));
        assert_eq!(header(&info, "Content-Disposition").as_deref(), Some("Info-Package"));
        assert_eq!(header(&info, "Content-Type").as_deref(), Some("application/json"));
        assert_eq!(body(&info), format!(r#"{{"own":"{own}","other":"{other}"}}"#));
        self.desk.from(phone, &phone.respond(&info, status, None));
    }

    #[track_caller]
    fn sari_is_told(&mut self, own: &str, other: &str) {
        let sari = self.caller.phone.clone();
        self.told(&sari, own, other, 200);
    }

    #[track_caller]
    fn nobody_is_told(&self) {
        for phone in [&self.caller.phone, &self.budi, &self.citra] {
            self.desk.silent(phone);
        }
    }

    fn order(&mut self, order: impl FnOnce(contract::id::CallId) -> Command) {
        let call = *self.desk.live.keys().next().expect("a call is up");
        self.desk.tell(Input::Command(order(call)));
        assert_eq!(self.desk.outcomes.pop(), Some(Outcome::Done));
    }

    #[track_caller]
    fn over(self) {
        let budi = self.budi.clone();
        self.over_with(&budi);
    }

    #[track_caller]
    fn over_with(mut self, other: &Phone) {
        self.desk.hang_up(&mut self.caller, other);
        self.desk.rest();
    }
}

#[test]
fn a_page_that_asks_is_told_what_has_changed_and_no_more() {
    let mut talk = Talk::of(ASKS, "");
    talk.found(Good, Good);
    talk.nobody_is_told();
    talk.found(Good, NothingReceived);
    talk.sari_is_told("good", "nothing_received");
    talk.found(Good, NothingReceived);
    talk.nobody_is_told();
    // For how long is no news.
    talk.found(HearsNothing, Stopped { secs: 5 });
    talk.sari_is_told("hears_nothing", "stopped");
    talk.found(HearsNothing, Stopped { secs: 10 });
    talk.nobody_is_told();
    talk.found(Good, Good);
    talk.sari_is_told("good", "good");
    talk.over();
}

#[test]
fn whoever_is_called_asks_in_the_answer_and_is_told_from_their_own_side() {
    let mut talk = Talk::of(ASKS, "Recv-Info: other, Sambung-Sound\r\n");
    talk.found(Silence, Good);
    let budi = talk.budi.clone();
    talk.told(&budi, "good", "silence", 200);
    talk.sari_is_told("silence", "good");
    talk.over();
    let mut talk = Talk::of("", ASKS);
    talk.found(Good, NothingReceived);
    let budi = talk.budi.clone();
    talk.told(&budi, "nothing_received", "good", 200);
    talk.over();
}

#[test]
fn two_phones_that_do_not_ask_cost_no_look_and_no_timer() {
    let timers = |asks| {
        let mut talk = Talk::of(asks, "");
        let timers = talk.desk.board.counts().timers;
        talk.desk.wait(12 * PERIOD);
        let looks = talk.looks().len();
        talk.over();
        (timers, looks)
    };
    let (asked, unasked) = (timers(ASKS), timers("Recv-Info: other\r\n"));
    assert_eq!((unasked.1, asked.1), (0, 24));
    assert_eq!(asked.0, unasked.0 + 1);
}

/// An operator looks at the same ports, and is answered by the same relay.
#[test]
fn what_was_seen_for_somebody_else_is_told_no_sooner_and_no_more_often() {
    let mut talk = Talk::of(ASKS, "");
    talk.desk.seen([(0, Good), (1, NothingReceived)]);
    talk.nobody_is_told();
    talk.found(Good, NothingReceived);
    talk.sari_is_told("good", "nothing_received");
    talk.desk.seen([(0, Good), (1, Good)]);
    talk.nobody_is_told();
    // One that the relay does not answer is made again.
    talk.desk.wait(PERIOD);
    talk.desk.seen([(0, Good), (0, Good)]);
    talk.nobody_is_told();
    talk.found(Good, Good);
    talk.sari_is_told("good", "good");
    talk.over();
}

#[test]
fn nobody_can_make_another_s_page_say_so() {
    let mut talk = Talk::of(ASKS, ASKS);
    let sari = talk.caller.phone.clone();
    let json = "Content-Type: application/json\r\n";
    for forged in ["sambung-sound", "Sambung-Sound", "sambung-sound;x=1", "other, sambung-sound"] {
        let headers = format!("Info-Package: {forged}\r\n{json}");
        let info = talk.caller.request("INFO", &headers, Some(r#"{"own":"good","other":"silence"}"#));
        talk.desk.from(&sari, &info);
        talk.desk.expect(&sari, "SIP/2.0 469");
        talk.desk.silent(&talk.budi);
    }
    // Others go where they are sent.
    let info = talk.caller.request("INFO", &format!("Info-Package: other\r\n{json}"), Some("{}"));
    talk.desk.from(&sari, &info);
    let carried = talk.desk.expect(&talk.budi, "INFO");
    assert_eq!(header(&carried, "Info-Package").as_deref(), Some("other"));
    talk.desk.from(&talk.budi, &talk.budi.respond(&carried, 200, None));
    talk.desk.expect(&sari, "SIP/2.0 200");
    talk.over();
}

#[test]
fn the_next_life_of_the_switch_knows_who_asks_and_what_they_were_told() {
    let mut talk = Talk::of(ASKS, "");
    talk.found(Good, NothingReceived);
    talk.sari_is_told("good", "nothing_received");
    talk.desk.die();
    talk.found(Good, NothingReceived);
    talk.nobody_is_told();
    talk.desk.die();
    talk.found(Good, Good);
    talk.sari_is_told("good", "good");
    talk.over();
}

#[test]
fn while_one_holds_nobody_looks_and_what_was_told_is_taken_back() {
    let mut talk = Talk::of(ASKS, "");
    talk.found(Good, NothingReceived);
    talk.sari_is_told("good", "nothing_received");
    talk.order(|call| Command::Hold { call, leg: None, is_on: true });
    talk.desk.wait(PERIOD);
    talk.sari_is_told("good", "good");
    talk.desk.wait(4 * PERIOD);
    assert!(talk.looks().is_empty());
    talk.order(|call| Command::Hold { call, leg: None, is_on: false });
    talk.found(Good, Silence);
    talk.sari_is_told("good", "silence");
    talk.over();
}

#[test]
fn who_is_sent_on_is_told_of_whoever_they_talk_to_and_the_new_one_by_their_own_wish() {
    let mut talk = Talk::of(ASKS, "");
    talk.found(Good, NothingReceived);
    talk.sari_is_told("good", "nothing_received");
    talk.order(|call| Command::Transfer { call, leg: None, to: "1003".into() });
    let citra = talk.citra.clone();
    let invite = talk.desk.expect(&citra, "INVITE");
    talk.desk.wait(PERIOD);
    talk.sari_is_told("good", "good");
    talk.answers(&citra, &invite, ASKS);
    let bye = talk.desk.expect(&talk.budi, "BYE");
    talk.desk.from(&talk.budi, &talk.budi.respond(&bye, 200, None));
    let sari = talk.caller.phone.clone();
    let reinvite = talk.desk.expect(&sari, "INVITE");
    talk.desk.from(&sari, &talk.caller.respond(&reinvite, 200, Some(&sari.sdp())));
    talk.desk.expect(&sari, "ACK");
    talk.looks();
    talk.desk.wait(PERIOD);
    assert_eq!(talk.looks(), [0, 2]);
    talk.desk.seen([(0, Good), (2, Silence)]);
    talk.sari_is_told("good", "silence");
    talk.told(&citra, "silence", "good", 200);
    talk.over_with(&citra);
}

#[test]
fn a_page_that_refuses_is_told_no_more() {
    for status in [469, 488, 481] {
        let mut talk = Talk::of(ASKS, "");
        talk.found(Good, NothingReceived);
        let sari = talk.caller.phone.clone();
        talk.told(&sari, "good", "nothing_received", status);
        talk.desk.wait(4 * PERIOD);
        assert!(talk.looks().is_empty(), "{status}");
        assert!(!matches!(talk.desk.board.deadline(), Some((_, Why::Look))));
        talk.over();
    }
}

/// Whoever was cut off may come back, and talks meanwhile.
#[test]
fn a_page_that_does_not_answer_keeps_its_call_and_is_told_again() {
    let mut talk = Talk::of(ASKS, "");
    talk.found(Good, NothingReceived);
    let sari = talk.caller.phone.clone();
    talk.desk.expect(&sari, "INFO");
    for _ in 0..6 {
        talk.found(Good, Good);
        talk.nobody_is_told();
    }
    talk.found(Good, Good);
    talk.sari_is_told("good", "good");
    talk.found(Good, Good);
    talk.nobody_is_told();
    talk.over();
}

#[test]
fn no_address_is_told() {
    let mut talk = Talk::of(ASKS, "");
    let (expected, source) = ("192.0.2.9:4000".parse().unwrap(), "203.0.113.7:4000".parse().unwrap());
    talk.found(Good, Diagnosis::OtherPort { expected, source });
    talk.sari_is_told("good", "other_port");
    talk.over();
}
