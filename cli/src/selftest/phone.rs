//! A small phone: registers, calls or is called, talks in tones, hangs up. One call at a time, over whatever `way` there is.
//!
//! RFC 3261 as far as two phones and a switch on a healthy network need it: it repeats requests over UDP, answers
//! challenges (RFC 7616) and acknowledges; it does no forking, holding or transferring.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail, ensure};
use md5::Md5;
use sambung::secret;
use sha2::{Digest as _, Sha256};
use tokio::{
    net::UdpSocket,
    time::{Instant, interval, timeout},
};

use super::{
    message::Message,
    sound,
    way::{Link, Way},
};

/// A request over UDP is repeated this often (RFC 3261 §17.1: T1).
const REPEAT: Duration = Duration::from_millis(500);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// Packets that each phone sends while they talk: one second.
const PACKETS: u16 = 50;
/// Packets that must be heard of those.
const HEARD_MIN: usize = 40;
/// The share of the sound that must be the other's tone.
const SHARE_MIN: f64 = 0.9;

/// A phone with its account.
pub(super) struct Phone {
    /// The transport's token in Via.
    name: &'static str,
    link: Link,
    bytes: Vec<u8>,
    local: SocketAddr,
    media: UdpSocket,
    domain: String,
    user: String,
    password: String,
    cseq: u32,
    nonces: u32,
    call: Option<Call>,
}

/// The call it is in.
struct Call {
    id: String,
    /// Whole From and To of its own requests.
    from: String,
    to: String,
    target: String,
    audio: SocketAddr,
}

/// What a request is made of besides what every request has.
struct Draft {
    method: &'static str,
    uri: String,
    from: String,
    to: String,
    call_id: String,
    body: String,
    more: String,
}

impl Phone {
    /// Connects and registers.
    pub(super) async fn register(
        way: &Way,
        domain: &str,
        user: &str,
        password: &str,
    ) -> anyhow::Result<Self> {
        let name = way.name();
        let (link, local) = timeout(PATIENCE, way.connect())
            .await
            .with_context(|| format!("no connection over {name}"))??;
        let media = UdpSocket::bind((local.ip(), 0)).await?;
        let mut phone = Self {
            name,
            link,
            bytes: Vec::new(),
            local,
            media,
            domain: domain.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            cseq: 0,
            nonces: 0,
            call: None,
        };
        phone.bind(120).await.with_context(|| format!("{user} over {name}"))?;
        Ok(phone)
    }

    /// Takes the registration back.
    pub(super) async fn unregister(&mut self) -> anyhow::Result<()> {
        self.bind(0).await
    }

    async fn bind(&mut self, expires: u32) -> anyhow::Result<()> {
        let me = format!("<sip:{}@{}>", self.user, self.domain);
        let draft = Draft {
            method: "REGISTER",
            uri: format!("sip:{}", self.domain),
            from: format!("{me};tag={}", word()?),
            to: me,
            call_id: word()?,
            body: String::new(),
            more: format!("Contact: {}\r\nExpires: {expires}\r\n", self.contact()),
        };
        let response = self.ask(draft).await?;
        ensure!(response.status() == Some(200), "REGISTER was answered {}", response.start);
        Ok(())
    }

    /// Calls somebody until they answer.
    pub(super) async fn call(&mut self, callee: &str) -> anyhow::Result<()> {
        let draft = Draft {
            method: "INVITE",
            uri: format!("sip:{callee}@{}", self.domain),
            from: format!("<sip:{}@{}>;tag={}", self.user, self.domain, word()?),
            to: format!("<sip:{callee}@{}>", self.domain),
            call_id: word()?,
            body: self.description()?,
            more: format!("Contact: {}\r\n", self.contact()),
        };
        let (id, from) = (draft.call_id.clone(), draft.from.clone());
        let response = self.ask(draft).await?;
        ensure!(response.status() == Some(200), "INVITE was answered {}", response.start);
        let to = response.header("To").context("no To")?.to_owned();
        let call = Call { id, from, to, target: response.contact()?, audio: response.audio()? };
        let ack = self.text(&Self::in_call("ACK", &call), self.cseq, "", &word()?);
        self.call = Some(call);
        self.send(&ack).await
    }

    /// Rings and answers when it is called.
    pub(super) async fn be_called(&mut self) -> anyhow::Result<()> {
        let invite = self.await_request("INVITE").await?;
        let tag = word()?;
        self.answer(&invite, "180 Ringing", &tag, "").await?;
        let description = self.description()?;
        self.answer(&invite, "200 OK", &tag, &description).await?;
        self.await_request("ACK").await?;
        self.call = Some(Call {
            id: invite.header("Call-ID").context("no Call-ID")?.to_owned(),
            from: format!("{};tag={tag}", invite.header("To").context("no To")?),
            to: invite.header("From").context("no From")?.to_owned(),
            target: invite.contact()?,
            audio: invite.audio()?,
        });
        Ok(())
    }

    /// Sends one tone for a second and listens for another.
    pub(super) async fn talk(&mut self, own: f64, other: f64) -> anyhow::Result<()> {
        let audio = self.call.as_ref().context("no call")?.audio;
        let ssrc = u32::from_be_bytes(secret::bytes()?);
        let mut clock = interval(Duration::from_millis(20));
        let (mut number, mut packets, mut heard) = (0, 0, Vec::new());
        let mut buffer = [0; 2_048];
        // A little longer than it speaks, for what is still on its way.
        let until = Instant::now() + Duration::from_millis(20 * u64::from(PACKETS) + 500);
        while Instant::now() < until {
            tokio::select! {
                _ = clock.tick() => {
                    if number < PACKETS {
                        self.media.send_to(&sound::packet(number, ssrc, own), audio).await?;
                        number += 1;
                    }
                }
                received = self.media.recv_from(&mut buffer) => {
                    let (bytes, from) = received?;
                    ensure!(from == audio, "audio came from {from} and not from {audio}");
                    if let Some(samples) = sound::samples(buffer.get(..bytes).unwrap_or_default()) {
                        packets += 1;
                        heard.extend(samples);
                    }
                }
            }
        }
        ensure!(packets >= HEARD_MIN, "{} heard {packets} of {PACKETS} packets", self.user);
        let share = sound::share(&heard, other);
        ensure!(share >= SHARE_MIN, "{} heard something else than {other} Hz (share {share:.2})", self.user);
        Ok(())
    }

    /// Hangs up.
    pub(super) async fn hang_up(&mut self) -> anyhow::Result<()> {
        let call = self.call.take().context("no call")?;
        let response = self.ask(Self::in_call("BYE", &call)).await?;
        ensure!(response.status() == Some(200), "BYE was answered {}", response.start);
        Ok(())
    }

    /// Waits until the other side hangs up.
    pub(super) async fn be_hung_up(&mut self) -> anyhow::Result<()> {
        let bye = self.await_request("BYE").await?;
        self.call = None;
        self.answer(&bye, "200 OK", "", "").await
    }

    fn in_call(method: &'static str, call: &Call) -> Draft {
        Draft {
            method,
            uri: call.target.clone(),
            from: call.from.clone(),
            to: call.to.clone(),
            call_id: call.id.clone(),
            body: String::new(),
            more: String::new(),
        }
    }

    /// Sends a request until it has a final answer; answers one challenge.
    async fn ask(&mut self, draft: Draft) -> anyhow::Result<Message> {
        let first = self.ask_once(&draft, "").await?;
        if first.status() != Some(401) {
            return Ok(first);
        }
        let credentials = self.credentials(&first, &draft)?;
        self.ask_once(&draft, &credentials).await
    }

    async fn ask_once(&mut self, draft: &Draft, credentials: &str) -> anyhow::Result<Message> {
        self.cseq += 1;
        let (cseq, branch) = (self.cseq, word()?);
        let text = self.text(draft, cseq, credentials, &branch);
        self.send(&text).await?;
        let until = Instant::now() + PATIENCE;
        let mut has_answer = false;
        while Instant::now() < until {
            let Ok(message) = timeout(REPEAT, self.receive()).await else {
                if self.link.is_datagrams() && !has_answer {
                    self.send(&text).await?;
                }
                continue;
            };
            let message = message?;
            let is_ours = message.header("Call-ID") == Some(&draft.call_id)
                && message.header("CSeq") == Some(&format!("{cseq} {}", draft.method));
            match message.status().filter(|_| is_ours) {
                Some(..200) => has_answer = true,
                Some(status) => {
                    if draft.method == "INVITE" && status >= 300 {
                        self.acknowledge_refusal(draft, &message, &branch).await?;
                    }
                    return Ok(message);
                }
                None => {}
            }
        }
        bail!("{} was not answered within {} s", draft.method, PATIENCE.as_secs())
    }

    /// RFC 3261 §17.1.1.3: in the transaction of the INVITE.
    async fn acknowledge_refusal(
        &mut self,
        draft: &Draft,
        response: &Message,
        branch: &str,
    ) -> anyhow::Result<()> {
        let ack = Draft {
            method: "ACK",
            uri: draft.uri.clone(),
            from: draft.from.clone(),
            to: response.header("To").unwrap_or(&draft.to).to_owned(),
            call_id: draft.call_id.clone(),
            body: String::new(),
            more: String::new(),
        };
        let text = self.text(&ack, self.cseq, "", branch);
        self.send(&text).await
    }

    fn text(&self, draft: &Draft, cseq: u32, credentials: &str, branch: &str) -> String {
        let Draft { method, uri, from, to, call_id, body, more } = draft;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{} {};rport;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{more}{credentials}\
             User-Agent: sambung selftest\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.name,
            self.local,
            body.len()
        )
    }

    async fn answer(&mut self, request: &Message, status: &str, tag: &str, body: &str) -> anyhow::Result<()> {
        let vias: String = request.all("Via").map(|via| format!("Via: {via}\r\n")).collect();
        let header = |name: &str| request.header(name).unwrap_or_default();
        let to = if tag.is_empty() { header("To").to_owned() } else { format!("{};tag={tag}", header("To")) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "SIP/2.0 {status}\r\n{vias}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: {}\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            header("From"),
            header("Call-ID"),
            header("CSeq"),
            self.contact(),
            body.len()
        );
        self.send(&text).await
    }

    fn credentials(&mut self, challenge: &Message, draft: &Draft) -> anyhow::Result<String> {
        let part = |name: &str| challenge.challenge(name);
        let (realm, nonce) = (part("realm").context("no realm")?, part("nonce").context("no nonce")?);
        let algorithm = part("algorithm").unwrap_or_else(|| "MD5".to_owned());
        let hash = |text: String| match algorithm.as_str() {
            "SHA-256" => secret::hex(&Sha256::digest(text)),
            _ => secret::hex(&Md5::digest(text)),
        };
        self.nonces += 1;
        let (count, cnonce) = (format!("{:08x}", self.nonces), word()?);
        let (user, uri) = (&self.user, &draft.uri);
        let a1 = hash(format!("{user}:{realm}:{}", self.password));
        let a2 = hash(format!("{}:{uri}", draft.method));
        let response = hash(format!("{a1}:{nonce}:{count}:{cnonce}:auth:{a2}"));
        let opaque = part("opaque").map(|opaque| format!(", opaque=\"{opaque}\"")).unwrap_or_default();
        Ok(format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={algorithm}, cnonce=\"{cnonce}\", qop=auth, nc={count}{opaque}\r\n"
        ))
    }

    fn contact(&self) -> String {
        let transport = match self.name {
            "UDP" => String::new(),
            name => format!(";transport={}", name.to_lowercase()),
        };
        format!("<sip:{}@{}{transport}>", self.user, self.local)
    }

    fn description(&self) -> anyhow::Result<String> {
        let (ip, port) = (self.local.ip(), self.media.local_addr()?.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        Ok(format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
        ))
    }

    /// The next request of this method; repeats of others and late answers are let go.
    async fn await_request(&mut self, method: &str) -> anyhow::Result<Message> {
        let waiting = async {
            loop {
                let message = self.receive().await?;
                if message.status().is_none() && message.method() == method {
                    return Ok(message);
                }
            }
        };
        timeout(PATIENCE, waiting).await.with_context(|| format!("no {method} came"))?
    }

    async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.link.send(text.as_bytes()).await?)
    }

    async fn receive(&mut self) -> anyhow::Result<Message> {
        let mut buffer = vec![0; 65_536];
        loop {
            if let Some(message) = Message::take(&mut self.bytes)? {
                return Ok(message);
            }
            if self.link.is_datagrams() {
                // A datagram is a message; what was left of the last one was none.
                self.bytes.clear();
            }
            let count = self.link.receive(&mut buffer).await?;
            ensure!(count > 0, "the switch closed the connection");
            self.bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    }
}

fn word() -> anyhow::Result<String> {
    Ok(secret::password(16)?)
}
