//! A phone that does what it is told: registers, calls, answers, hangs up. It reads messages with the parser under
//! test, which has its own tests, and writes them by hand.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use sip::digest::Challenge;

use crate::switch::PATIENCE;

/// The SIP domain of the organisation in these tests.
pub const DOMAIN: &str = "demo.sambung.test";
/// The password of every account.
pub const PASSWORD: &str = "rahasia";

enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

/// One account's phone.
pub struct Phone {
    line: Line,
    switch: SocketAddr,
    /// Receives and sends RTP.
    pub media: UdpSocket,
    user: &'static str,
    cseq: u32,
    calls: u32,
    /// The INVITEs it has answered, and the answers to its own.
    pub heard: Vec<String>,
    /// Payload types that it offers besides PCMA; each makes its description about 100 bytes longer.
    pub codecs_more: u8,
}

/// What a phone knows of a call, from its own side.
pub struct Dialog {
    call_id: String,
    ours: String,
    theirs: String,
    target: String,
    cseq: u32,
    /// Where the switch wants our RTP.
    pub media: SocketAddr,
}

impl Phone {
    pub fn udp(user: &'static str, switch: SocketAddr) -> Self {
        let socket = UdpSocket::bind(any_port(switch)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::new(user, switch, Line::Udp(socket))
    }

    pub fn tcp(user: &'static str, switch: SocketAddr) -> Self {
        let stream = TcpStream::connect(switch).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::new(user, switch, Line::Tcp(stream, Vec::new()))
    }

    /// A phone that the switch has connected to.
    pub fn on(user: &'static str, switch: SocketAddr, stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::new(user, switch, Line::Tcp(stream, Vec::new()))
    }

    fn new(user: &'static str, switch: SocketAddr, line: Line) -> Self {
        let media = UdpSocket::bind(any_port(switch)).unwrap();
        media.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { line, switch, media, user, cseq: 0, calls: 0, heard: Vec::new(), codecs_more: 0 }
    }

    /// Where it sends from and listens.
    pub fn address(&self) -> SocketAddr {
        match &self.line {
            Line::Udp(socket) => socket.local_addr().unwrap(),
            Line::Tcp(stream, _) => stream.local_addr().unwrap(),
        }
    }

    fn transport(&self) -> &'static str {
        if matches!(self.line, Line::Udp(_)) { "UDP" } else { "TCP" }
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{};transport={}>", self.user, self.address(), self.transport().to_lowercase())
    }

    pub fn send(&mut self, text: &str) {
        match &mut self.line {
            Line::Udp(socket) => drop(socket.send_to(text.as_bytes(), self.switch).unwrap()),
            Line::Tcp(stream, _) => stream.write_all(text.as_bytes()).unwrap(),
        }
    }

    /// The next message from the switch.
    pub fn receive(&mut self) -> String {
        match &mut self.line {
            Line::Udp(socket) => {
                let mut bytes = [0; 65_536];
                let count = socket.recv(&mut bytes).expect("a message from the switch");
                String::from_utf8(bytes[..count].to_vec()).unwrap()
            }
            Line::Tcp(stream, pending) => loop {
                let text = String::from_utf8(pending.clone()).unwrap();
                if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                    let length: usize = header(&text, "Content-Length").parse().unwrap();
                    if rest.len() >= length {
                        let end = head.len() + 4 + length;
                        pending.drain(..end);
                        return text[..end].to_owned();
                    }
                }
                let mut bytes = [0; 4_096];
                let count = stream.read(&mut bytes).expect("a message from the switch");
                assert!(count > 0, "the switch has closed the connection");
                pending.extend_from_slice(&bytes[..count]);
            },
        }
    }

    /// Waits for a message that begins like this; others are skipped.
    pub fn expect(&mut self, beginning: &str) -> String {
        loop {
            let text = self.receive();
            if text.starts_with(beginning) {
                return text;
            }
            let status: u16 = text.strip_prefix("SIP/2.0 ").map_or(0, |rest| rest[..3].parse().unwrap());
            assert!(status < 300, "{} waits for {beginning} and gets {text}", self.user);
        }
    }

    /// Sends a request outside a dialog and, when it is challenged, once more with credentials. Gives its Call-ID and
    /// the first answer, which is 100 for an INVITE that gets on.
    fn request(&mut self, method: &str, uri: &str, to: &str, headers: &str, body: &str) -> (String, String) {
        let call_id = format!("{}-{}-{}", self.user, self.address().port(), self.calls);
        let (user, contact, transport, address) =
            (self.user, self.contact(), self.transport(), self.address());
        let mut credentials = String::new();
        loop {
            self.cseq += 1;
            let cseq = self.cseq;
            let length = body.len();
            self.send(&format!(
                "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {address};branch=z9hG4bK-{call_id}-{cseq};rport\r\n\
                 From: <sip:{user}@{DOMAIN}>;tag={user}\r\nTo: <{to}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
                 Max-Forwards: 70\r\nContact: {contact}\r\n{credentials}{headers}Content-Length: {length}\r\n\r\n{body}"
            ));
            let answer = self.receive();
            if !answer.starts_with("SIP/2.0 401") || !credentials.is_empty() {
                return (call_id, answer);
            }
            if method == "INVITE" {
                self.acknowledge_refusal(uri, &answer);
            }
            let challenge = header(&answer, "WWW-Authenticate").to_owned();
            let challenge = Challenge::parse(&challenge).unwrap();
            let value = challenge.respond(user, PASSWORD, method, uri, "0a4f113b", 1);
            credentials = format!("Authorization: {value}\r\n");
        }
    }

    fn acknowledge_refusal(&mut self, uri: &str, answer: &str) {
        let cseq = header(answer, "CSeq").replace("INVITE", "ACK");
        let copied: String = ["Via", "From", "To", "Call-ID"]
            .map(|name| format!("{name}: {}\r\n", header(answer, name)))
            .concat();
        self.send(&format!("ACK {uri} SIP/2.0\r\n{copied}CSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"));
    }

    /// Registers for so many seconds; 0 ends it.
    pub fn register(&mut self, expires_secs: u32) {
        self.register_with(expires_secs, "");
    }

    /// As [`Phone::register`], with more headers.
    pub fn register_with(&mut self, expires_secs: u32, headers: &str) {
        let (uri, aor) = (format!("sip:{DOMAIN}"), format!("sip:{}@{DOMAIN}", self.user));
        let headers = format!("Expires: {expires_secs}\r\n{headers}");
        let (_, answer) = self.request("REGISTER", &uri, &aor, &headers, "");
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        self.calls += 1;
    }

    fn description(&self) -> String {
        let media = self.media.local_addr().unwrap();
        let (ip, port) = (media.ip(), media.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let more = || 96..96 + self.codecs_more;
        let formats: String = more().map(|number| format!(" {number}")).collect();
        let parameters = "x=".to_owned() + &"0".repeat(60);
        let codecs: String = more()
            .map(|number| format!("a=rtpmap:{number} L16/{number}000\r\na=fmtp:{number} {parameters}\r\n"))
            .collect();
        format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8{formats}\r\n\
             a=rtpmap:8 PCMA/8000\r\n{codecs}"
        )
    }

    /// Calls a number; gives the Call-ID.
    pub fn invite(&mut self, number: &str) -> String {
        let uri = format!("sip:{number}@{DOMAIN}");
        let sdp = self.description();
        let (call_id, answer) = self.request("INVITE", &uri, &uri, "Content-Type: application/sdp\r\n", &sdp);
        assert!(answer.starts_with("SIP/2.0 100"), "{answer}");
        self.calls += 1;
        call_id
    }

    /// Waits for the 200 to an INVITE of ours and acknowledges it.
    pub fn connected(&mut self, call_id: String) -> Dialog {
        let answer = self.expect("SIP/2.0 200");
        let dialog = Dialog {
            call_id,
            ours: header(&answer, "From").to_owned(),
            theirs: header(&answer, "To").to_owned(),
            target: header(&answer, "Contact").trim_matches(['<', '>']).to_owned(),
            cseq: self.cseq,
            media: media_of(&answer),
        };
        self.in_dialog("ACK", &dialog, dialog.cseq);
        self.heard.push(answer);
        dialog
    }

    /// Answers a call that rings here.
    pub fn answer(&mut self) -> Dialog {
        let invite = self.expect("INVITE");
        self.reply(&invite, "180 Ringing", "");
        let sdp = self.description();
        self.reply(&invite, "200 OK", &sdp);
        self.expect("ACK");
        self.heard.push(invite.clone());
        Dialog {
            call_id: header(&invite, "Call-ID").to_owned(),
            ours: format!("{};tag={}", header(&invite, "To"), self.user),
            theirs: header(&invite, "From").to_owned(),
            target: header(&invite, "Contact").trim_matches(['<', '>']).to_owned(),
            cseq: 0,
            media: media_of(&invite),
        }
    }

    /// Answers a request of the switch.
    pub fn reply(&mut self, request: &str, status: &str, body: &str) {
        let copied: String = ["Via", "From", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", header(request, name)))
            .concat();
        let to = header(request, "To");
        let tag = if to.contains(";tag=") { String::new() } else { format!(";tag={}", self.user) };
        let (contact, length) = (self.contact(), body.len());
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        self.send(&format!(
            "SIP/2.0 {status}\r\n{copied}To: {to}{tag}\r\nContact: {contact}\r\n{kind}Content-Length: {length}\r\n\r\n{body}"
        ));
    }

    fn in_dialog(&mut self, method: &str, dialog: &Dialog, cseq: u32) {
        let Dialog { call_id, ours, theirs, target, .. } = dialog;
        let (transport, address) = (self.transport(), self.address());
        self.send(&format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{transport} {address};branch=z9hG4bK-{call_id}-{cseq}-{method};rport\r\n\
             From: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n"
        ));
    }

    /// Ends the call.
    pub fn hang_up(&mut self, dialog: &Dialog) {
        self.in_dialog("BYE", dialog, dialog.cseq + 1);
        self.expect("SIP/2.0 200");
    }

    /// Waits until the other side has ended the call.
    pub fn hung_up(&mut self) {
        let bye = self.expect("BYE");
        self.reply(&bye, "200 OK", "");
    }

    /// Sends a second of silence in 20 ms packets, without the pauses.
    pub fn speak(&self, dialog: &Dialog) {
        for sequence in 0..50_u16 {
            let mut packet = vec![0x80, 8];
            packet.extend(sequence.to_be_bytes());
            packet.extend((u32::from(sequence) * 160).to_be_bytes());
            packet.extend([self.user.as_bytes()[3]; 4]);
            packet.resize(172, 0xd5);
            self.media.send_to(&packet, dialog.media).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Hears the other phone to its last packet; gives who it was: the last letter of the user name. On a busy machine
    /// a relay that is just being told of the call may miss the very first ones.
    pub fn hear(&self) -> u8 {
        let mut heard = 0;
        loop {
            let mut packet = [0; 2_048];
            let count = self.media.recv(&mut packet).expect("a packet of the other phone");
            heard += 1;
            assert_eq!(count, 172);
            if packet[3] == 49 {
                assert!(heard >= 30, "{} heard only {heard} of 50", self.user);
                return packet[8];
            }
        }
    }
}

/// Any port of this machine, in the family in which the switch is spoken to.
fn any_port(switch: SocketAddr) -> SocketAddr {
    let loopback = if switch.is_ipv4() { IpAddr::from([127, 0, 0, 1]) } else { Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(loopback, 0)
}

/// The value of a header that occurs once.
fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let mut lines = message.lines().take_while(|line| !line.is_empty());
    let found = lines.find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    found.unwrap_or_else(|| panic!("no {name} in {message}"))
}

fn media_of(message: &str) -> SocketAddr {
    let value = |prefix: &str| message.lines().find_map(|line| line.strip_prefix(prefix)).unwrap();
    let (family, ip) = value("c=IN ").split_once(' ').unwrap();
    let ip: IpAddr = ip.parse().unwrap();
    assert_eq!(family, if ip.is_ipv4() { "IP4" } else { "IP6" });
    let port = value("m=audio ").split(' ').next().unwrap().parse().unwrap();
    SocketAddr::new(ip, port)
}
