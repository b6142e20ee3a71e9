//! Chromium as a phone: what it says of media, checks, encrypts and hears is its own. The page that it shows is served from
//! here (`chromium.html`), and so is the little signalling that a call takes, over UDP.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    process::Command,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use md5::{Digest as _, Md5};

use super::{Account, STEP};
use crate::process::{Running, wait_until};

const PAGE: &str = include_str!("chromium.html");
/// Debian's wrapper asks for what a container has not.
const PROGRAM: &str = "/usr/lib/chromium/chromium";
/// How far from a tone the loudest of what is heard may lie: two steps of the page's analysis.
const HZ_OFF_MAX: u32 = 24;
/// How long Chromium may take to start and to make its first offer.
const START_MAX: Duration = Duration::from_secs(60);

/// A running Chromium that makes one call.
pub struct Chromium {
    running: Running,
    folder: tempfile::TempDir,
    offers: Receiver<String>,
    answers: Sender<String>,
    shared: Arc<Mutex<Shared>>,
    line: Option<Line>,
}

/// Between the page and the test.
#[derive(Default)]
struct Shared {
    /// The last word of the page: states of ICE and of the connection, the tone that it hears in Hz, and by what.
    heard: String,
    is_to_restart: bool,
}

/// A dialog with the switch.
struct Line {
    socket: UdpSocket,
    account: Account,
    number: String,
    call_id: String,
    cseq: u32,
    /// With its tag, once somebody has answered.
    to: String,
}

impl Chromium {
    /// Starts one that plays a tone.
    pub fn start(tone_hz: u32) -> Result<Self> {
        Self::start_with(tone_hz, &[])
    }

    /// The same in a network that lets no UDP through: it never tries any.
    pub fn start_without_udp(tone_hz: u32) -> Result<Self> {
        Self::start_with(tone_hz, &["--webrtc-ip-handling-policy=disable_non_proxied_udp"])
    }

    fn start_with(tone_hz: u32, further: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/?hz={tone_hz}", listener.local_addr()?);
        let shared = Arc::<Mutex<Shared>>::default();
        let ((offers_in, offers), (answers, answers_out)) = (channel(), channel());
        let told = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A browser that goes while it is answered is no failure of ours.
                let _ = serve(stream, &offers_in, &answers_out, &told);
            }
        });
        let mut command = Command::new(PROGRAM);
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        command.args(["--no-proxy-server", "--autoplay-policy=no-user-gesture-required"]).args(further);
        command.arg(format!("--user-data-dir={}", folder.path().display())).arg(url);
        let running = Running::start(&mut command, &folder.path().join("log"))?;
        Ok(Self { running, folder, offers, answers, shared, line: None })
    }

    /// Calls a number, which somebody answers.
    pub fn dial(&mut self, number: &str, account: &Account) -> Result<()> {
        let offer = self.offers.recv_timeout(START_MAX).with_context(|| self.printed())?;
        let mut line = Line::new(number, account)?;
        let answer = line.invite(&offer)?;
        self.line = Some(line);
        Ok(self.answers.send(answer)?)
    }

    /// Begins ICE anew (RFC 8445 §9).
    pub fn restart(&mut self) -> Result<()> {
        self.shared().is_to_restart = true;
        let offer = self.offers.recv_timeout(STEP).context("an offer that restarts ICE")?;
        let answer = self.line.as_mut().context("a call")?.invite(&offer)?;
        Ok(self.answers.send(answer)?)
    }

    /// Waits until it has been connected and has heard a tone so often.
    pub fn hears(&self, hz: u32, times: usize) -> Result<()> {
        for _ in 0..times {
            self.shared().heard.clear();
            wait_until(STEP, "a tone", || {
                let heard = self.shared().heard.clone();
                let words: Vec<&str> = heard.split(' ').collect();
                ensure!(!heard.starts_with("failed"), "{heard}");
                let [_, "connected", tone, _] = words[..] else { return Ok(false) };
                Ok(tone.parse::<u32>()?.abs_diff(hz) <= HZ_OFF_MAX)
            })
            .with_context(|| format!("{hz} Hz; its last word: {}", self.shared().heard))?;
        }
        Ok(())
    }

    /// By what it is connected, in the words of its own figures: `udp` or `tcp`.
    pub fn transport(&self) -> String {
        self.shared().heard.split(' ').nth(3).unwrap_or_default().to_owned()
    }

    /// Ends the call.
    pub fn hang_up(&mut self) -> Result<()> {
        self.line.take().context("a call")?.bye()
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        format!("{}\n{}", self.folder.path().display(), self.running.printed())
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One request of the page.
fn serve(
    stream: TcpStream,
    offers: &Sender<String>,
    answers: &Receiver<String>,
    shared: &Mutex<Shared>,
) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body)?;
    let answer = match first.split(' ').nth(1).unwrap_or_default() {
        "/offer" => {
            offers.send(body)?;
            answers.recv()?
        }
        "/heard" => {
            let mut shared = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            shared.heard = body;
            let is_to_restart = std::mem::take(&mut shared.is_to_restart);
            if is_to_restart { "restart".to_owned() } else { String::new() }
        }
        _ => PAGE.to_owned(),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    Ok(stream.write_all(answer.as_bytes())?)
}

impl Line {
    fn new(number: &str, account: &Account) -> Result<Self> {
        let switch = account.switch.context("a switch")?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(switch)?;
        socket.set_read_timeout(Some(STEP))?;
        let to = format!("<sip:{number}@{}>", account.domain);
        let call_id = format!("chromium-{}", socket.local_addr()?.port());
        Ok(Self { socket, account: account.clone(), number: number.to_owned(), call_id, cseq: 0, to })
    }

    /// Makes an offer: the answer to it.
    fn invite(&mut self, offer: &str) -> Result<String> {
        let mut authorization = String::new();
        loop {
            self.cseq += 1;
            self.send("INVITE", &authorization, offer)?;
            let answer = self.final_answer("INVITE")?;
            if answer.starts_with("SIP/2.0 200") {
                field(&answer, "To")?.clone_into(&mut self.to);
                self.send("ACK", "", "")?;
                let (_, body) = answer.split_once("\r\n\r\n").context("a body")?;
                return Ok(body.to_owned());
            }
            let before = std::mem::replace(&mut self.to, field(&answer, "To")?.to_owned());
            self.send("ACK", "", "")?;
            self.to = before;
            ensure!(answer.starts_with("SIP/2.0 401") && authorization.is_empty(), "{answer}");
            authorization = self.authorization("INVITE", field(&answer, "WWW-Authenticate")?)?;
        }
    }

    fn bye(mut self) -> Result<()> {
        self.cseq += 1;
        self.send("BYE", "", "")?;
        let answer = self.final_answer("BYE")?;
        ensure!(answer.starts_with("SIP/2.0 200"), "{answer}");
        Ok(())
    }

    fn uri(&self) -> String {
        format!("sip:{}@{}", self.number, self.account.domain)
    }

    /// The transaction is named by the number, so that an ACK to a refusal has its INVITE's branch.
    fn send(&self, method: &str, authorization: &str, body: &str) -> Result<()> {
        let (here, user, cseq) = (self.socket.local_addr()?, &self.account.username, self.cseq);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let request = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{}{cseq};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@{}>;tag=chromium\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{user}@{here}>\r\n{authorization}{kind}Content-Length: {}\r\n\r\n{body}",
            self.uri(),
            self.call_id,
            self.account.domain,
            self.to,
            self.call_id,
            body.len()
        );
        self.socket.send(request.as_bytes())?;
        Ok(())
    }

    fn final_answer(&self, method: &str) -> Result<String> {
        let mut bytes = [0; 16_384];
        loop {
            let len = self.socket.recv(&mut bytes).with_context(|| format!("an answer to {method}"))?;
            let text = String::from_utf8_lossy(bytes.get(..len).unwrap_or_default()).into_owned();
            let is_ours = field(&text, "CSeq").is_ok_and(|cseq| cseq == format!("{} {method}", self.cseq));
            if is_ours && text.starts_with("SIP/2.0 ") && !text.starts_with("SIP/2.0 1") {
                return Ok(text);
            }
            if text.starts_with("BYE") {
                bail!("hung up on: {text}");
            }
        }
    }

    /// RFC 7616 §3.4, with MD5 and `qop=auth`.
    fn authorization(&self, method: &str, challenge: &str) -> Result<String> {
        let part = |name: &str| {
            let from = challenge.split(&format!("{name}=\"")).nth(1).with_context(|| challenge.to_owned())?;
            from.split('"').next().with_context(|| challenge.to_owned())
        };
        let hash =
            |text: String| -> String { Md5::digest(text).iter().map(|b| format!("{b:02x}")).collect() };
        let (realm, nonce, uri) = (part("realm")?, part("nonce")?, self.uri());
        let Account { username, password, .. } = &self.account;
        let (who, what) = (hash(format!("{username}:{realm}:{password}")), hash(format!("{method}:{uri}")));
        let response = hash(format!("{who}:{nonce}:00000001:abcdef:auth:{what}"));
        Ok(format!(
            "Authorization: Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abcdef\", response=\"{response}\"\r\n"
        ))
    }
}

/// The value of a header field.
fn field<'a>(message: &'a str, name: &str) -> Result<&'a str> {
    let line = message.lines().find_map(|line| line.split_once(": ").filter(|(of, _)| *of == name));
    line.map(|(_, value)| value).with_context(|| format!("no {name} in\n{message}"))
}
