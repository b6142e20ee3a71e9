//! A phone's requests outside calls: MESSAGE and SUBSCRIBE, with credentials, and its answers to NOTIFY.

use sip::{HeaderName, OwnedMessage};

use super::{DOMAIN, Desk, Phone, header};

/// A request outside any call, as a story changes it.
#[derive(Clone)]
pub struct Asking {
    pub phone: Phone,
    pub method: &'static str,
    /// Request-URI and To.
    pub uri: String,
    /// From URI.
    pub from: String,
    pub call_id: String,
    pub cseq: u32,
    /// `;tag=...` once there is a dialog.
    pub to_tag: String,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Asking {
    pub fn new(phone: &Phone, method: &'static str, number: &str) -> Self {
        Self {
            phone: phone.clone(),
            method,
            uri: format!("sip:{number}@{DOMAIN}"),
            from: format!("sip:{}@{DOMAIN}", phone.user),
            call_id: format!("{method}-{}-{number}", phone.user),
            cseq: 1,
            to_tag: String::new(),
            headers: String::new(),
            body: Vec::new(),
        }
    }

    pub fn message(phone: &Phone, number: &str, text: &str) -> Self {
        let headers = String::from("Content-Type: text/plain\r\n");
        Self { headers, body: text.into(), ..Self::new(phone, "MESSAGE", number) }
    }

    pub fn subscribe(phone: &Phone, number: &str, event: &str) -> Self {
        let headers = format!("Event: {event}\r\nContact: <{}>\r\nExpires: 600\r\n", phone.contact());
        Self { headers, ..Self::new(phone, "SUBSCRIBE", number) }
    }

    pub fn text(&self, authorization: &str) -> Vec<u8> {
        let Self { phone, method, uri, from, call_id, cseq, to_tag, headers, body } = self;
        let head = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{} {};rport;branch=z9hG4bK{call_id}{cseq}\r\n\
             From: <{from}>;tag=ask\r\nTo: <{uri}>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\n{authorization}{headers}Content-Length: {}\r\n\r\n",
            phone.flow.transport.as_str(),
            phone.local,
            body.len(),
        );
        [head.as_bytes(), body].concat()
    }
}

/// A subscription, as the phone that made it sees it.
pub struct Watching {
    pub asking: Asking,
}

impl Desk {
    /// Asks with credentials; the answer, or none yet.
    #[track_caller]
    pub fn ask(&mut self, asking: &mut Asking) {
        let phone = asking.phone.clone();
        self.say(&phone, &asking.text(""));
        let challenge = self.expect(&phone, "SIP/2.0 401");
        let authorization = phone.authorization(&challenge, asking.method, &asking.uri);
        asking.cseq += 1;
        self.say(&phone, &asking.text(&authorization));
    }

    pub fn say(&mut self, phone: &Phone, bytes: &[u8]) {
        self.from(phone, std::str::from_utf8(bytes).expect("stories speak UTF-8"));
    }

    /// Subscribes up to the first NOTIFY, which is answered; its body.
    #[track_caller]
    pub fn watch(&mut self, phone: &Phone, number: &str, event: &str) -> (Watching, String) {
        let mut asking = Asking::subscribe(phone, number, event);
        self.ask(&mut asking);
        let ok = self.expect(phone, "SIP/2.0 200");
        asking.to_tag = format!(";tag={}", ok.view().to().unwrap().tag().unwrap());
        let (state, body) = self.notified(phone);
        assert!(state.starts_with("active;expires="), "{state}");
        (Watching { asking }, body)
    }

    /// The next message to a phone is a NOTIFY, which it takes: its state and its body.
    #[track_caller]
    pub fn notified(&mut self, phone: &Phone) -> (String, String) {
        let notify = self.expect(phone, "NOTIFY");
        self.from(phone, &phone.respond(&notify, 200, None));
        let state = header(&notify, HeaderName::SubscriptionState.as_str()).unwrap();
        (state, body_of(&notify))
    }
}

pub fn body_of(message: &OwnedMessage) -> String {
    String::from_utf8(message.body().to_vec()).unwrap()
}

/// The states of the dialogs in a document with their directions, in its order.
pub fn lamps(document: &str) -> Vec<String> {
    let dialogs = document.split("<dialog ").skip(1);
    let between = |text: &str, from: &str, to: &str| {
        text.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned()
    };
    dialogs
        .map(|dialog| {
            format!("{} {}", between(dialog, "direction=\"", "\""), between(dialog, "<state>", "<"))
        })
        .collect()
}
