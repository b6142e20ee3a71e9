//! Watching the lamps of others (RFC 6665 with RFC 4235): one subscription each, and belief in what NOTIFYs say.
//!
//! The phone does not refresh: a subscription ends when its time is over, so that worlds come to rest.

use std::{collections::BTreeMap, time::Duration};

use super::{Phone, server::Server, text::Text};

/// What is asked for, in seconds.
const EXPIRES_SECS: u64 = 600;

/// A lamp of the phone.
pub struct Watching {
    /// Whose lamp it is.
    pub number: String,
    /// It was accepted and nobody has ended it.
    pub is_alive: bool,
    /// NOTIFYs believed.
    pub told: u32,
    call_id: String,
    tag: String,
    sequence: u32,
    heard: u32,
    version: Option<u32>,
    /// Dialogs that are not terminated, with their states.
    dialogs: BTreeMap<String, String>,
}

impl Watching {
    /// Whether the lamp is lit.
    pub fn is_lit(&self) -> bool {
        !self.dialogs.is_empty()
    }

    /// Takes a document; `Err` says what is wrong with it.
    fn believe(&mut self, document: &str) -> Result<(), String> {
        let head = document.split("<dialog-info").nth(1).ok_or("no dialog-info")?;
        let version = attribute(head, "version").and_then(|text| text.parse().ok());
        if version.is_none() || self.version.is_some_and(|last| version != Some(last + 1)) {
            return Err(format!("version {version:?} after {:?}", self.version));
        }
        self.version = version;
        if attribute(head, "state") == Some("full") {
            self.dialogs.clear();
        }
        for dialog in head.split("<dialog ").skip(1) {
            let id = attribute(dialog, "id").ok_or("a dialog without id")?;
            let state = dialog.split("<state>").nth(1).and_then(|rest| rest.split('<').next());
            match state.ok_or("a dialog without state")? {
                "terminated" => drop(self.dialogs.remove(id)),
                state => drop(self.dialogs.insert(id.to_owned(), state.to_owned())),
            }
        }
        Ok(())
    }
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let tag = text.split('>').next()?;
    tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()
}

impl Phone {
    /// Subscribes to the lamp of a number.
    pub fn watch(&mut self, now: Duration, number: &str) {
        if self.is_gone {
            return;
        }
        let (call_id, tag) = (self.dice.token(8), self.dice.token(4));
        let uri = format!("sip:{number}@{}", self.login.domain);
        let mut request = Text::request("SUBSCRIBE", &uri);
        request.add("Via", self.via());
        request.add("Max-Forwards", "70");
        request.add("From", format!("<sip:{}@{}>;tag={tag}", self.login.username, self.login.domain));
        request.add("To", format!("<{uri}>"));
        request.add("Call-ID", call_id.clone());
        request.add("CSeq", "1 SUBSCRIBE");
        request.add("Contact", self.contact());
        request.add("Event", "dialog");
        request.add("Accept", "application/dialog-info+xml");
        request.add("Expires", EXPIRES_SECS.to_string());
        self.authorize(&mut request);
        self.start_client(now, request, None);
        self.lamps.push(Watching {
            number: number.to_owned(),
            is_alive: false,
            told: 0,
            call_id,
            tag,
            sequence: 1,
            heard: 0,
            version: None,
            dialogs: BTreeMap::new(),
        });
    }

    /// Whether a subscription to a lamp has this Call-ID.
    pub(super) fn is_watching(&self, call_id: &str) -> bool {
        self.lamps.iter().any(|lamp| lamp.call_id == call_id)
    }

    pub(super) fn subscribe_heard(&mut self, now: Duration, request: &Text, status: u16, response: &Text) {
        let found = self.lamps.iter().position(|lamp| lamp.call_id == request.call_id());
        let Some(at) = found else { return };
        if status == 401 && self.take_challenge(request, response) {
            self.lamps[at].sequence += 1;
            let again = self.again_with_credentials(request, self.lamps[at].sequence);
            return self.start_client(now, again, None);
        }
        if status == 200 {
            let granted = response.one("Expires").and_then(|text| text.parse::<u64>().ok());
            if granted.is_none_or(|secs| secs == 0 || secs > EXPIRES_SECS)
                || response.one("Contact").is_none()
            {
                self.complain(format!("SUBSCRIBE was granted {granted:?} s"));
            }
            // A NOTIFY that ends it may have overtaken this.
            self.lamps[at].is_alive |= self.lamps[at].told == 0;
        }
    }

    /// A NOTIFY: believed when it is of a subscription of ours, whether its 200 is here already or not.
    pub(super) fn receive_notify(&mut self, now: Duration, server: Server) {
        let request = server.request.clone();
        let lamp = self
            .lamps
            .iter_mut()
            .find(|lamp| lamp.call_id == request.call_id() && request.tag("To") == Some(lamp.tag.as_str()));
        let Some(lamp) = lamp else {
            return self.reply_and_keep(now, server, 481, "Subscription Does Not Exist");
        };
        let state = request.one("Subscription-State").unwrap_or("");
        let wrong = match request.cseq().0 {
            sequence if sequence <= lamp.heard => Err(String::from("CSeq does not grow")),
            sequence => {
                lamp.heard = sequence;
                lamp.told += 1;
                lamp.is_alive = !state.starts_with("terminated");
                lamp.believe(&request.body)
            }
        };
        let is_whole = request.one("Event") == Some("dialog") && request.one("Contact").is_some();
        if let Err(what) = wrong {
            self.complain(format!("NOTIFY: {what}"));
        }
        if !is_whole || state.is_empty() {
            self.complain(String::from("NOTIFY without Event, Contact or Subscription-State"));
        }
        self.reply_and_keep(now, server, 200, "OK");
    }
}
