//! Registering, refreshing, leaving (RFC 3261 §10.2), and other requests outside calls.

use std::time::Duration;

use super::{
    Alarm, Phone,
    text::{Text, parameter, uri_of},
};
use crate::world::dice::Dice;

/// State of a phone's registration.
pub struct Registration {
    /// What is asked for, in seconds.
    pub expires: u32,
    /// Until when the switch has promised to keep it.
    pub until: Option<Duration>,
    /// How often it was refused for good.
    pub refusals: u32,
    call_id: String,
    tag: String,
    number: u32,
}

impl Registration {
    /// Nothing registered yet.
    pub fn new(dice: &mut Dice) -> Self {
        Self {
            expires: u32::try_from(dice.between(30, 900)).unwrap_or(60),
            until: None,
            refusals: 0,
            call_id: dice.token(8),
            tag: dice.token(4),
            number: 0,
        }
    }
}

impl Registration {
    /// Whether the switch holds it, as far as the phone knows.
    pub fn is_up(&self) -> bool {
        self.until.is_some()
    }
}

impl Phone {
    /// Registers or refreshes.
    pub fn register(&mut self, now: Duration) {
        if !self.is_gone {
            self.send_register(now, self.registration.expires);
        }
    }

    /// Takes the registration back.
    pub fn unregister(&mut self, now: Duration) {
        self.keeps_registered = false;
        self.alarms.retain(|(_, alarm)| *alarm != Alarm::Register);
        if !self.is_gone {
            self.send_register(now, 0);
        }
    }

    /// Lets the registration run out.
    pub fn stop_refreshing(&mut self) {
        self.keeps_registered = false;
        self.alarms.retain(|(_, alarm)| *alarm != Alarm::Register);
    }

    fn send_register(&mut self, now: Duration, expires: u32) {
        self.registration.number += 1;
        let aor = format!("<sip:{}@{}>", self.login.username, self.login.domain);
        let mut request = Text::request("REGISTER", &format!("sip:{}", self.login.domain));
        request.add("Via", self.via());
        request.add("Max-Forwards", "70");
        request.add("From", format!("{aor};tag={}", self.registration.tag));
        request.add("To", aor);
        request.add("Call-ID", self.registration.call_id.clone());
        request.add("CSeq", format!("{} REGISTER", self.registration.number));
        if self.accent.folded {
            request.add("Contact", self.contact());
            request.add("Expires", expires.to_string());
        } else {
            request.add("Contact", format!("{};expires={expires}", self.contact()));
        }
        self.authorize(&mut request);
        self.start_client(now, request, None);
    }

    /// Asks the switch what it can do (RFC 3261 §11).
    pub fn ask_options(&mut self, now: Duration) {
        if self.is_gone {
            return;
        }
        let uri = format!("sip:{}", self.login.domain);
        let mut request = Text::request("OPTIONS", &uri);
        request.add("Via", self.via());
        request.add("Max-Forwards", "70");
        let tag = self.dice.token(4);
        request.add("From", format!("<sip:{}@{}>;tag={tag}", self.login.username, self.login.domain));
        request.add("To", format!("<{uri}>"));
        request.add("Call-ID", self.dice.token(8));
        request.add("CSeq", "1 OPTIONS");
        self.start_client(now, request, None);
    }

    pub(super) fn own_request_heard(&mut self, now: Duration, request: &Text, response: &Text) {
        let status = response.status().unwrap_or(0);
        match (request.method(), status) {
            (_, 100..=199) => {}
            ("REGISTER", 200) => self.registered(now, request, response),
            ("REGISTER", 401) if self.take_challenge(request, response) => {
                self.registration.number += 1;
                let again = self.again_with_credentials(request, self.registration.number);
                self.start_client(now, again, None);
            }
            ("REGISTER", 423) => match response.one("Min-Expires").map(str::parse) {
                Some(Ok(least)) if least > self.registration.expires => {
                    self.registration.expires = least;
                    self.register(now);
                }
                _ => self.complain("423 without a Min-Expires above what was asked".to_owned()),
            },
            ("REGISTER", _) => {
                self.registration.refusals += 1;
                self.challenge = None;
                self.try_again_later(now);
            }
            ("SUBSCRIBE", _) => self.subscribe_heard(now, request, status, response),
            ("OPTIONS", 200) => {}
            ("OPTIONS", _) => self.complain(format!("OPTIONS was answered {status}")),
            _ => {}
        }
    }

    fn registered(&mut self, now: Duration, request: &Text, response: &Text) {
        let sent = request.one("Contact").unwrap_or("");
        let asked =
            parameter(sent, "expires").or(request.one("Expires")).and_then(|text| text.parse::<u64>().ok());
        let own = response.list("Contact").into_iter().find(|value| uri_of(value) == uri_of(sent));
        let granted =
            own.and_then(|value| parameter(value, "expires")).and_then(|text| text.parse::<u64>().ok());
        match (asked, granted) {
            (Some(0), None) => self.registration.until = None,
            (Some(0), Some(_)) => self.complain("a contact taken back is still listed".to_owned()),
            (Some(asked), Some(granted)) if granted > 0 && granted <= asked => {
                self.registration.until = Some(now + Duration::from_secs(granted));
                if self.keeps_registered {
                    let refresh = Duration::from_secs(granted).mul_f64(0.7);
                    self.set_alarm(now + refresh, Alarm::Register);
                }
            }
            _ => self.complain(format!("REGISTER asked for {asked:?} s and was granted {granted:?}")),
        }
    }

    pub(super) fn try_again_later(&mut self, now: Duration) {
        if self.keeps_registered && self.registration.refusals < 20 {
            let pause = self.dice.millis(20_000, 40_000);
            self.set_alarm(now + pause, Alarm::Register);
        }
    }
}
