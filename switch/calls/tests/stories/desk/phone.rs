//! A phone that says what a story tells it to say.

use std::fmt::Write as _;

use sip::{Flow, OwnedMessage, digest::Challenge};

use super::{DOMAIN, SWITCH};

#[derive(Clone)]
pub struct Phone {
    pub user: String,
    pub flow: Flow,
    /// What the phone believes its own address is; another one than the flow's behind a NAT.
    pub local: String,
}

impl Phone {
    pub fn new(user: &str, address: &str) -> Self {
        let flow = Flow::udp(SWITCH.parse().unwrap(), address.parse().unwrap());
        Self { user: user.into(), flow, local: address.into() }
    }

    pub fn contact(&self) -> String {
        format!("sip:{}@{}", self.user, self.local)
    }

    fn host(&self) -> &str {
        self.local.rsplit_once(':').unwrap().0
    }

    fn port(&self) -> &str {
        self.local.rsplit_once(':').unwrap().1
    }

    /// An offer or answer of this phone: audio at its own address, ten thousand ports up from its SIP port.
    pub fn sdp(&self) -> String {
        self.sdp_with("sendrecv")
    }

    pub fn sdp_with(&self, direction: &str) -> String {
        let (host, port) = (self.host(), self.port().parse::<u32>().unwrap() + 10_000);
        format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na={direction}\r\n"
        )
    }

    /// As `sdp`, with this in place of its formats: `RTP/AVP` and what follows.
    pub fn sdp_speaking(&self, formats: &[(u8, &str)], direction: &str) -> String {
        let numbers: Vec<String> = formats.iter().map(|(number, _)| number.to_string()).collect();
        let maps: String =
            formats.iter().map(|(number, name)| format!("a=rtpmap:{number} {name}\r\n")).collect();
        let text = self.sdp_with(direction).replace("RTP/AVP 0 8", &format!("RTP/AVP {}", numbers.join(" ")));
        text.replace("a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n", &maps)
    }

    /// As `sdp`, with one format alone.
    pub fn sdp_of(&self, format: u8) -> String {
        self.sdp().replace("RTP/AVP 0 8", &format!("RTP/AVP {format}"))
    }

    fn via(&self, branch: &str) -> String {
        format!(
            "Via: SIP/2.0/{} {};rport;branch=z9hG4bK{branch}\r\n",
            self.flow.transport.as_str(),
            self.local
        )
    }

    pub fn register(&self, cseq: u32, headers: &str, authorization: &str) -> String {
        let user = &self.user;
        format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\n{}From: <sip:{user}@{DOMAIN}>;tag=r\r\nTo: <sip:{user}@{DOMAIN}>\r\n\
             Call-ID: register-{user}-{}\r\nCSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\n{authorization}{headers}\
             Content-Length: 0\r\n\r\n",
            self.via(&format!("reg{user}{}{cseq}", self.flow.remote.port())),
            self.flow.remote.port(),
        )
    }

    pub fn authorization(&self, challenge: &OwnedMessage, method: &str, uri: &str) -> String {
        self.authorization_with(challenge, method, uri, "secret")
    }

    pub fn authorization_with(
        &self,
        challenge: &OwnedMessage,
        method: &str,
        uri: &str,
        password: &str,
    ) -> String {
        let value = super::header(challenge, "WWW-Authenticate").expect("a challenge");
        let challenge = Challenge::parse(&value).expect("a readable challenge");
        let response = challenge.respond(&self.user, password, method, uri, "cn", 1);
        format!("Authorization: {response}\r\n")
    }

    /// A response to a request, as a phone that answers it.
    pub fn respond(&self, request: &OwnedMessage, status: u16, sdp: Option<&str>) -> String {
        let view = request.view();
        let mut text = format!("SIP/2.0 {status} {}\r\n", sip::reason_phrase_of(status));
        for (name, _, value) in view.headers() {
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "via" | "from" | "call-id" | "cseq" | "record-route" => {
                    write!(text, "{name}: {value}\r\n").unwrap();
                }
                "to" if value.contains("tag=") => write!(text, "To: {value}\r\n").unwrap(),
                "to" => write!(text, "To: {value};tag={}{}\r\n", self.user, self.flow.remote.port()).unwrap(),
                _ => {}
            }
        }
        write!(text, "Contact: <{}>\r\n", self.contact()).unwrap();
        with_body(text, sdp)
    }

    /// A request inside the dialog that an INVITE to this phone has made.
    pub fn request(
        &self,
        method: &str,
        cseq: u32,
        invite: &OwnedMessage,
        headers: &str,
        sdp: Option<&str>,
    ) -> String {
        let view = invite.view();
        let contact = view.contacts().next().expect("a contact").expect("a readable contact");
        let sip::ContactValue::Address(contact) = contact else { panic!("a contact with an address") };
        let text = format!(
            "{method} {} SIP/2.0\r\n{}From: {};tag={}{}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\nContact: <{}>\r\n{headers}",
            contact.uri,
            self.via(&format!("{method}{}{cseq}", self.user)),
            super::header(invite, "To").unwrap(),
            self.user,
            self.flow.remote.port(),
            super::header(invite, "From").unwrap(),
            super::header(invite, "Call-ID").unwrap(),
            self.contact(),
        );
        with_body(text, sdp)
    }
}

/// The caller's side of a call.
pub struct Caller {
    pub phone: Phone,
    pub number: String,
    pub cseq: u32,
    pub call_id: String,
    /// The From without its tag.
    pub from: String,
    to: Option<String>,
    target: Option<String>,
}

impl Caller {
    pub fn new(phone: &Phone, number: &str) -> Self {
        Self {
            phone: phone.clone(),
            number: number.into(),
            cseq: 1,
            call_id: format!("call-{}-{number}", phone.user),
            from: format!("<sip:{}@{DOMAIN}>", phone.user),
            to: None,
            target: None,
        }
    }

    pub fn uri(&self) -> String {
        format!("sip:{}@{DOMAIN}", self.number)
    }

    fn head(&self, method: &str, uri: &str, to: &str, branch: &str) -> String {
        format!(
            "{method} {uri} SIP/2.0\r\n{}From: {};tag=c\r\nTo: {to}\r\nCall-ID: {}\r\n\
             CSeq: {} {method}\r\nMax-Forwards: 70\r\nContact: <{}>\r\n",
            self.phone.via(&format!("{}{branch}", self.call_id)),
            self.from,
            self.call_id,
            self.cseq,
            self.phone.contact(),
        )
    }

    pub fn invite(&self, sdp: Option<&str>, headers: &str) -> String {
        let head = self.head("INVITE", &self.uri(), &format!("<{}>", self.uri()), &format!("i{}", self.cseq));
        with_body(head + headers, sdp)
    }

    /// The ACK of a refusal: same branch, the response's To.
    pub fn ack_refusal(&self, refusal: &OwnedMessage) -> String {
        let to = super::header(refusal, "To").unwrap();
        // Inside the dialog the INVITE was one of `request`.
        let (uri, mark) = self.target.clone().map_or((self.uri(), 'i'), |target| (target, 'q'));
        with_body(self.head("ACK", &uri, &to, &format!("{mark}{}", self.cseq)), None)
    }

    pub fn cancel(&self, headers: &str) -> String {
        let to = format!("<{}>", self.uri());
        with_body(self.head("CANCEL", &self.uri(), &to, &format!("i{}", self.cseq)) + headers, None)
    }

    /// Takes part in the dialog that this response makes.
    pub fn join(&mut self, response: &OwnedMessage) {
        let view = response.view();
        let Some(Ok(sip::ContactValue::Address(contact))) = view.contacts().next() else {
            panic!("no contact")
        };
        self.target = Some(contact.uri.to_owned());
        self.to = super::header(response, "To");
    }

    /// The tag by which the switch knows the dialog.
    pub fn to_tag(&self) -> String {
        self.to.as_ref().unwrap().split(";tag=").nth(1).unwrap().to_owned()
    }

    /// The ACK of a 2xx, which makes the dialog.
    pub fn ack(&mut self, ok: &OwnedMessage, sdp: Option<&str>) -> String {
        self.join(ok);
        let (target, to) = (self.target.clone().unwrap(), self.to.clone().unwrap());
        with_body(self.head("ACK", &target, &to, &format!("a{}", self.cseq)), sdp)
    }

    /// A response inside the dialog to a request of the switch.
    pub fn respond(&self, request: &OwnedMessage, status: u16, sdp: Option<&str>) -> String {
        self.phone.respond(request, status, sdp)
    }

    /// A request inside the dialog.
    pub fn request(&mut self, method: &str, headers: &str, sdp: Option<&str>) -> String {
        self.cseq += 1;
        let (target, to) = (self.target.clone().unwrap(), self.to.clone().unwrap());
        with_body(self.head(method, &target, &to, &format!("q{}", self.cseq)) + headers, sdp)
    }
}

fn with_body(mut text: String, sdp: Option<&str>) -> String {
    match sdp {
        Some(sdp) if text.to_ascii_lowercase().contains("content-type:") => {
            write!(text, "Content-Length: {}\r\n\r\n{sdp}", sdp.len()).unwrap();
        }
        Some(sdp) => {
            write!(text, "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len())
                .unwrap();
        }
        None => text.push_str("Content-Length: 0\r\n\r\n"),
    }
    text
}
