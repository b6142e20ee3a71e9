//! Phones that nobody here wrote: baresip, linphone and a browser, each playing a tone and recording what it hears.
//!
//! They run without sound devices: the microphone is a WAV file, the loudspeaker another one. Everything stays on
//! 127.0.0.1. Not a model of a phone (that is [`crate::world`]): the real thing, in real time.

mod baresip;
pub mod browser;
mod chromium;
mod linphone;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};

pub use self::{baresip::Baresip, chromium::Chromium, linphone::Linphone};
use crate::{
    audio::{self, Heard},
    process::wait_until,
};

/// How long a phone may take over one step of signalling.
pub const STEP: Duration = Duration::from_secs(30);
/// Seconds of tone that a phone plays; baresip hangs up when they are over.
const TONE_SECS: u32 = 300;
/// How long some seconds of a tone may take to be heard.
const HEARD_MAX: Duration = Duration::from_secs(30);

/// How a phone reaches the switch and who it is there.
#[derive(Clone, Debug)]
pub struct Account {
    /// User part of the address of record, and the digest's username.
    pub username: String,
    /// The digest's password.
    pub password: String,
    /// Domain of the address of record.
    pub domain: String,
    /// Where the switch listens; `None` for a phone that registers nowhere.
    pub switch: Option<SocketAddr>,
    /// What the phone speaks SIP over.
    pub transport: Transport,
    /// Authority (PEM) whose certificates it believes, for TLS.
    pub authority: Option<PathBuf>,
    /// What it wants of SRTP.
    pub srtp: Srtp,
    /// The one codec that it has; linphone has always [`PCMU`].
    pub codec: &'static str,
}

impl Account {
    /// Of a phone that registers nowhere and takes calls at its own address.
    pub fn of_nobody(username: &str) -> Self {
        Self {
            username: username.to_owned(),
            password: String::new(),
            domain: "127.0.0.1".to_owned(),
            switch: None,
            transport: Transport::Udp,
            authority: None,
            srtp: Srtp::Off,
            codec: PCMU,
        }
    }
}

/// What phones have unless a test says otherwise.
pub const PCMU: &str = "PCMU/8000/1";

/// What a phone wants of SRTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Srtp {
    /// Nothing.
    #[default]
    Off,
    /// `RTP/AVP` with keys (RFC 4568).
    Optional,
    /// `RTP/SAVP`, or no call.
    Mandatory,
    /// `UDP/TLS/RTP/SAVP`: with keys of a handshake (RFC 5764).
    Dtls,
}

/// What a phone speaks SIP over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RFC 3261 §18.
    Udp,
    /// RFC 3261 §18.
    Tcp,
    /// RFC 3261 §26.2.
    Tls,
}

impl Transport {
    /// As in a URI's `transport` parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// Where a phone lives and what it says.
#[derive(Clone, Debug)]
pub struct Desk {
    /// A folder of its own.
    pub folder: PathBuf,
    /// First of [`PORTS`] ports of its own.
    pub ports: u16,
    /// The tone it plays as soon as it has somebody to play it to.
    pub tone_hz: u32,
    /// Whom it writes to, a SIP URI.
    pub friend: Option<String>,
}

/// Ports a phone takes.
pub const PORTS: u16 = 30;

/// A phone as a test uses it.
pub trait Phone {
    /// Waits until the switch has accepted its registration.
    fn registered(&mut self) -> Result<()>;
    /// Calls `target`, a SIP URI.
    fn dial(&mut self, target: &str) -> Result<()>;
    /// Waits until it talks with somebody.
    fn talking(&mut self) -> Result<()>;
    /// Hangs up, or gives up.
    fn hang_up(&mut self) -> Result<()>;
    /// Waits until its call is over.
    fn over(&mut self) -> Result<()>;
    /// Sends its friend a message.
    fn write(&mut self, text: &str) -> Result<()>;
    /// Waits until it has been sent this message.
    fn shows(&mut self, text: &str) -> Result<()>;
    /// Where others reach it without a switch.
    fn direct_uri(&self) -> String;
    /// What it has heard so far, 8 kHz mono; complete once the call is over.
    fn recording(&self) -> Result<Vec<i16>>;
    /// What it has printed, for people.
    fn printed(&self) -> String;
    /// Waits until it has heard so much of this tone, whatever a busy machine makes of the time.
    fn hears(&self, hz: u32, other_hz: u32, ms: usize) -> Result<()> {
        let mut heard = Heard::default();
        wait_until(HEARD_MAX, "the tone", || {
            heard = audio::listen(&self.recording()?, hz, other_hz);
            Ok(heard.tone_ms >= ms)
        })
        .with_context(|| format!("{hz} Hz: {heard:?}"))
    }
}
