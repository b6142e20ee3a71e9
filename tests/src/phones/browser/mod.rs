//! A browser's signalling, by hand: SIP over WebSocket (RFC 7118) as pages write it. What it says of media is its owner's business: that of
//! [`sound::Sound`], or [`silent_sdp`], which only has to be taken.

pub mod sound;
mod stun;

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use sip::{OwnedMessage, digest::Challenge};
use tungstenite::{
    Error, HandshakeError, Message, WebSocket,
    client::{IntoClientRequest as _, client},
    http::HeaderValue,
};

use super::STEP;

/// What it can be connected over.
pub trait Line: Read + Write + Send {}
impl<T: Read + Write + Send> Line for T {}

/// A page that speaks SIP.
pub struct Browser {
    socket: WebSocket<Box<dyn Line>>,
    user: String,
    password: String,
    domain: String,
    /// Of the page's life, which goes on over several connections.
    page: String,
    cseq: u32,
}

/// A call of a browser that somebody has answered.
pub struct Answered {
    /// The answer's description.
    pub sdp: String,
    /// The request that ends the call.
    pub bye: String,
}

/// Opens a WebSocket at `url`, `ws:` or `wss:`, as a page of `origin`; the inner error is the status of a refusal.
fn open(url: &str, origin: &str, authority: &Path) -> Result<Result<WebSocket<Box<dyn Line>>, u16>> {
    let mut request = url.into_client_request()?;
    let address = request.uri().authority().context("an address")?.as_str().to_owned();
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
    request.headers_mut().insert("Origin", HeaderValue::from_str(origin)?);
    let stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(STEP))?;
    let line: Box<dyn Line> = if url.starts_with("wss:") {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority)? {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::from(stream.peer_addr()?.ip());
        Box::new(StreamOwned::new(ClientConnection::new(Arc::new(config), name)?, stream))
    } else {
        Box::new(stream)
    };
    match client(request, line) {
        Ok((socket, _)) => Ok(Ok(socket)),
        Err(HandshakeError::Failure(Error::Http(response))) => Ok(Err(response.status().as_u16())),
        Err(error) => bail!("{error}"),
    }
}

/// With which status a page of this origin is refused, if it is.
pub fn refusal(url: &str, origin: &str, authority: &Path) -> Result<Option<u16>> {
    Ok(open(url, origin, authority)?.err())
}

impl Browser {
    /// Connects to `url`, a page of this machine.
    pub fn connect(url: &str, authority: &Path, account: &super::Account) -> Result<Self> {
        let socket = open(url, "http://localhost", authority)?;
        let super::Account { username: user, password, domain, .. } = account.clone();
        let page = format!("{user}-page");
        let socket = socket.map_err(|status| anyhow::anyhow!("refused with {status}"))?;
        Ok(Self { socket, user, password, domain, page, cseq: 0 })
    }

    /// Loses its connection without a word and opens another one.
    pub fn reconnect(&mut self, url: &str, authority: &Path) -> Result<()> {
        let socket = open(url, "http://localhost", authority)?;
        self.socket = socket.map_err(|status| anyhow::anyhow!("refused with {status}"))?;
        Ok(())
    }

    fn say(&mut self, text: &str) -> Result<()> {
        Ok(self.socket.send(Message::text(text))?)
    }

    /// The next SIP message, which must begin like this; provisional responses before it are passed over.
    pub fn hears(&mut self, start: &str) -> Result<OwnedMessage> {
        loop {
            let bytes = match self.socket.read()? {
                Message::Text(text) => text.as_bytes().to_vec(),
                Message::Binary(bytes) => bytes.to_vec(),
                Message::Ping(_) | Message::Pong(_) => continue,
                other => bail!("{other:?} instead of {start}"),
            };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let message = OwnedMessage::parse(&bytes).map_err(|error| anyhow::anyhow!("{error}: {text}"))?;
            if text.starts_with(start) {
                return Ok(message);
            }
            ensure!(text.starts_with("SIP/2.0 1"), "{text} instead of {start}");
        }
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}.invalid;transport=ws>", self.page, self.page)
    }

    fn request(&self, method: &str, uri: &str, (to, call_id): (&str, &str), rest: &str) -> String {
        let Self { user, domain, page, cseq, .. } = self;
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WSS {page}.invalid;branch=z9hG4bK{call_id}{cseq}{method}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{domain}>;tag={page}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: {}\r\n{rest}",
            self.contact()
        )
    }

    fn proof(&self, challenge: &OwnedMessage, method: &str, uri: &str) -> Result<String> {
        let value = challenge.view().named("WWW-Authenticate").context("a challenge")?.to_owned();
        let challenge = Challenge::parse(&value).context("one that can be read")?;
        let proof = challenge.respond(&self.user, &self.password, method, uri, "cn", 1);
        Ok(format!("Authorization: {proof}\r\n"))
    }

    /// Registers as one device over all of its connections (RFC 5626).
    pub fn registers(&mut self) -> Result<()> {
        self.registers_for(300)
    }

    /// Takes its registration back.
    pub fn unregisters(&mut self) -> Result<()> {
        self.registers_for(0)
    }

    fn registers_for(&mut self, expires_secs: u32) -> Result<()> {
        let uri = format!("sip:{}", self.domain);
        let to = format!("<sip:{}@{}>", self.user, self.domain);
        let instance = format!(
            "Contact: {};+sip.instance=\"<urn:uuid:00000000-0000-4000-8000-{:0>12}>\"\r\n\
             Expires: {expires_secs}\r\n",
            self.contact(),
            self.user
        );
        let call_id = format!("{}-register", self.page);
        let ask = |browser: &Self, proof: &str| {
            let plain = browser.request("REGISTER", &uri, (&to, &call_id), "");
            let contact = format!("Contact: {}\r\n", browser.contact());
            plain.replace(&contact, &instance) + proof + "\r\n"
        };
        self.cseq += 1;
        self.say(&ask(self, ""))?;
        let challenge = self.hears("SIP/2.0 401")?;
        self.cseq += 1;
        let proof = self.proof(&challenge, "REGISTER", &uri)?;
        self.say(&ask(self, &proof))?;
        self.hears("SIP/2.0 200").map(drop)
    }

    /// Dials a number and says which INVITE it was.
    pub fn dials(&mut self, number: &str, sdp: &str) -> Result<String> {
        let uri = format!("sip:{number}@{}", self.domain);
        let (to, call_id) = (format!("<{uri}>"), format!("{}-call", self.page));
        let body = format!("Content-Type: application/sdp\r\n\r\n{sdp}");
        self.cseq += 1;
        self.say(&self.request("INVITE", &uri, (&to, &call_id), &body))?;
        let challenge = self.hears("SIP/2.0 401")?;
        let tagged = challenge.view().named("To").context("To")?.to_owned();
        self.say(&(self.request("ACK", &uri, (&tagged, &call_id), "") + "\r\n"))?;
        self.cseq += 1;
        let proof = self.proof(&challenge, "INVITE", &uri)?;
        self.say(&self.request("INVITE", &uri, (&to, &call_id), &(proof + &body)))?;
        Ok(call_id)
    }

    /// Takes the 200 of its call, and hands over what it says and what ends it.
    pub fn is_answered(&mut self, call_id: &str) -> Result<Answered> {
        let ok = self.hears("SIP/2.0 200")?;
        let view = ok.view();
        let sdp = String::from_utf8(view.body().to_vec())?;
        let to = view.named("To").context("To")?.to_owned();
        let contact = view.named("Contact").context("Contact")?;
        let target = contact.trim_matches(['<', '>']).to_owned();
        self.say(&(self.request("ACK", &target, (&to, call_id), "") + "\r\n"))?;
        self.cseq += 1;
        Ok(Answered { sdp, bye: self.request("BYE", &target, (&to, call_id), "") + "\r\n" })
    }

    /// Shows that it is there, as pages do every few seconds (RFC 5626 §3.5.1).
    pub fn keeps_alive(&mut self) -> Result<()> {
        self.say("\r\n\r\n")?;
        loop {
            match self.socket.read()? {
                Message::Ping(_) | Message::Pong(_) => {}
                pong => {
                    ensure!(pong.clone().into_data().as_ref() == b"\r\n", "{pong:?} instead of a pong");
                    return Ok(());
                }
            }
        }
    }

    /// Says what it has been handed.
    pub fn ends(&mut self, bye: &str) -> Result<()> {
        self.say(bye)?;
        self.hears("SIP/2.0 200").map(drop)
    }

    /// Answers a request.
    pub fn answers(&mut self, request: &OwnedMessage, sdp: Option<&str>) -> Result<()> {
        let mut text = String::from("SIP/2.0 200 OK\r\n");
        for (name, _, value) in request.view().headers() {
            match name.to_ascii_lowercase().as_str() {
                "via" | "from" | "call-id" | "cseq" | "record-route" => write!(text, "{name}: {value}\r\n")?,
                "to" if value.contains(";tag=") => write!(text, "{name}: {value}\r\n")?,
                "to" => write!(text, "{name}: {value};tag={}\r\n", self.page)?,
                _ => {}
            }
        }
        write!(text, "Contact: {}\r\n", self.contact())?;
        if let Some(sdp) = sdp {
            write!(text, "Content-Type: application/sdp\r\n\r\n{sdp}")?;
        } else {
            text.push_str("\r\n");
        }
        self.say(&text)
    }
}

/// An offer (`actpass`) or an answer to one (`active`), as browsers write them (RFC 8839, RFC 5763), of somebody who never checks.
pub fn silent_sdp(setup: &str) -> String {
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n\
         a=rtcp-mux\r\na=ice-ufrag:silent\r\na=ice-pwd:0123456789012345678901\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\n"
    )
}
