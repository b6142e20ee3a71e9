//! One phone that everybody calls: registers as `callee`, answers every INVITE at once, says yes to every BYE.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    message::{authorization, description, header, media_port, response, status, with_body},
    switch::DOMAIN,
};

/// A datagram of SIP fits.
const DATAGRAM_BYTES_MAX: usize = 8_192;
/// What the kernel is asked to keep for it.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// How long an answer of the switch may take while nothing else happens.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the callee has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// INVITEs that were answered, repeats included.
    pub invites: AtomicU64,
    /// BYEs, repeats included.
    pub byes: AtomicU64,
    /// Where the switch wants the callee's media, by the port the callee named for it.
    pub media: Mutex<BTreeMap<u16, u16>>,
    /// Ports that calls which are to have media get, one each.
    pub ports: Mutex<Vec<u16>>,
    stop: AtomicBool,
}

/// The running phone.
#[derive(Debug)]
pub struct Callee {
    /// What it has seen.
    pub seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Callee {
    /// Registers and answers from then on.
    pub fn start(switch: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((switch.ip(), 0))?;
        socket.connect(switch)?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        register(&socket, "callee", 1)?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let thread = std::thread::spawn(move || answer_all(&socket, &shared));
        Ok(Self { seen, thread: Some(thread) })
    }
}

impl Drop for Callee {
    fn drop(&mut self) {
        self.seen.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Registers an account from a connected socket.
pub fn register(socket: &UdpSocket, user: &str, cseq: u32) -> Result<()> {
    let local = socket.local_addr()?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let uri = format!("sip:{DOMAIN}");
    let request = |cseq: u32, authorization: &str| {
        with_body(
            format!(
                "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{user}{}{cseq}\r\n\
                 From: <sip:{user}@{DOMAIN}>;tag={user}\r\nTo: <sip:{user}@{DOMAIN}>\r\nCall-ID: reg-{user}-{}\r\n\
                 CSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:{user}@{local}>\r\nExpires: 3600\r\n{authorization}",
                local.port(),
                local.port()
            ),
            "",
        )
    };
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    socket.send(request(cseq, "").as_bytes())?;
    let bytes = socket.recv(&mut buffer)?;
    let challenge = String::from_utf8_lossy(&buffer[..bytes]).into_owned();
    let authorization = authorization(&challenge, user, "REGISTER", &uri).context(challenge)?;
    socket.send(request(cseq + 1, &authorization).as_bytes())?;
    let bytes = socket.recv(&mut buffer)?;
    let answer = String::from_utf8_lossy(&buffer[..bytes]);
    anyhow::ensure!(status(&answer) == Some(200), "{answer}");
    Ok(())
}

fn answer_all(socket: &UdpSocket, seen: &Seen) {
    let local = socket.local_addr().expect("a bound socket");
    let contact = format!("sip:callee@{local}");
    let idle = description(local.ip(), 9_000);
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    while !seen.stop.load(Relaxed) {
        let Ok(bytes) = socket.recv(&mut buffer) else { continue };
        let Ok(text) = std::str::from_utf8(&buffer[..bytes]) else { continue };
        let answer = if text.starts_with("INVITE ") {
            seen.invites.fetch_add(1, Relaxed);
            let port = seen.ports.lock().expect("a port").pop();
            if let (Some(ours), Some(theirs)) = (port, media_port(text)) {
                seen.media.lock().expect("the list").insert(ours, theirs);
            }
            let body = port.map_or_else(|| idle.clone(), |port| description(local.ip(), port));
            response(text, "200 OK", &contact, &body)
        } else if text.starts_with("BYE ") {
            seen.byes.fetch_add(1, Relaxed);
            response(text, "200 OK", &contact, "")
        } else if text.starts_with("OPTIONS ")
            || header(text, "CSeq").is_some_and(|cseq| cseq.ends_with("CANCEL"))
        {
            response(text, "200 OK", &contact, "")
        } else {
            continue;
        };
        let _ = socket.send(answer.as_bytes());
    }
}
