//! What the owner of a switchboard may set, and every limit it holds. The doc comments are the manual.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use contract::guests::Secret;
use sip::{EndpointConfig, Transport, digest::Algorithm, locate::Target};
use streams::{codec::Codec, dtls::Fingerprint};

use crate::guard::GuardConfig;

/// Settings of a [`crate::Switchboard`]; fixed for its life.
#[derive(Clone, Debug)]
pub struct SwitchboardConfig {
    /// Transactions, sessions and timers. Timer C is raised above the longest ring timeout (H-052), which ends
    /// a ringing call here.
    pub endpoint: EndpointConfig,
    /// What our listeners call themselves: where requests to a located name are sent from.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// Proxies in front of phones, by the names that they write into `Path` (RFC 3327). What a phone says of any other name,
    /// one that is located for a trunk too, leads nowhere.
    pub trusted_proxies: BTreeSet<Target>,
    /// Host names that stand for the switch itself, lower case. IP literals always do.
    pub own_hosts: Vec<String>,
    /// Algorithms challenged with, in this order (RFC 8760 §2.4). Credentials of either are accepted.
    ///
    /// The default is MD5 alone: common phones give up when the first challenge, or any, names another one.
    pub digest_algorithms: Vec<Algorithm>,
    /// What becomes of a call whose device says that its person is elsewhere (3xx).
    pub redirects: Redirects,
    /// Who may and who must use SRTP.
    pub srtp: Srtp,
    /// Of the certificate that the relay shakes hands with (DTLS-SRTP); without one it does not.
    pub dtls_fingerprint: Option<Fingerprint>,
    /// Where browsers reach the port that they share (ICE), the best first. None: no browser calls or is called.
    pub shared_addresses: Vec<SocketAddr>,
    /// Whether they may connect to the same over TCP, where their network lets no UDP through.
    pub is_shared_over_tcp: bool,
    /// Codecs that the switch turns into each other, most wanted first: each side is offered those that the other one lacks.
    /// None: phones that have no codec in common cannot talk.
    pub codecs: Vec<Codec>,
    /// Whether a hold is answered by the switch and whoever waits hears music; otherwise it is passed on as it is.
    pub hold_music: bool,
    /// Whether people who cannot be connected hear why before they are refused, where their organisation wants that.
    pub announcements: bool,
    /// What the passwords of guests follow from, which the API knows too. None: guests are unknown users.
    pub guests: Option<Secret>,
    /// Who is kept out.
    pub guard: GuardConfig,
    /// The wait of messages at which calls of known phones are turned away with 503; strangers' are at half of it.
    pub queue_delay_target: Duration,
    /// Dialled numbers that overload never turns away, besides `urn:service:sos`.
    pub emergency_numbers: Vec<String>,
    /// How much of what.
    pub limits: Limits,
    /// How long for what.
    pub timeouts: Timeouts,
}

/// What becomes of a call that a device redirects. Nobody but numbers is ever called this way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Redirects {
    /// It counts as a refusal of that device.
    Refuse,
    /// It goes on to the numbers of the same organisation that the device names.
    OwnNumbers,
    /// And to numbers in the telephone network, on the budget of whoever's device it is.
    #[default]
    Numbers,
}

/// Who may and who must use SRTP, with keys told in descriptions (RFC 4568) or of handshakes (RFC 5763).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Srtp {
    /// Of phones that signal over TLS.
    pub policy: SrtpPolicy,
    /// Of the others too: whoever can read their signalling can hear them all the same.
    pub in_clear: bool,
    /// Handshakes, with all phones.
    pub dtls: DtlsPolicy,
}

/// With whom hands are shaken for keys. Fingerprints may be told in clear: who only listens hears nothing, and only who
/// can change the signalling on its way gets between the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DtlsPolicy {
    /// With nobody.
    Off,
    /// With phones that ask for it when they call, or refuse everything else when they are called.
    #[default]
    Answer,
    /// Offered to every phone besides (RFC 8643).
    Offer,
}

/// What is asked of phones whose signalling nobody else can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SrtpPolicy {
    /// No keys are told or taken.
    Off,
    /// They choose, when they call and when they are called.
    #[default]
    Optional,
    /// Without SRTP they neither call nor are called.
    Required,
}

impl Default for SwitchboardConfig {
    fn default() -> Self {
        Self {
            endpoint: EndpointConfig::default(),
            listeners: Vec::new(),
            trusted_proxies: BTreeSet::new(),
            own_hosts: vec![String::from("localhost")],
            digest_algorithms: vec![Algorithm::Md5],
            redirects: Redirects::default(),
            srtp: Srtp::default(),
            dtls_fingerprint: None,
            shared_addresses: Vec::new(),
            is_shared_over_tcp: false,
            codecs: Vec::new(),
            hold_music: false,
            announcements: false,
            guests: None,
            guard: GuardConfig::default(),
            queue_delay_target: Duration::from_millis(2),
            emergency_numbers: ["112", "110", "113", "118", "119"].map(String::from).to_vec(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// How much of what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Calls at once, finished ones included until their last leg is gone. A further one is answered 503.
    pub calls_max: usize,
    /// Devices that ring in one call. Further ones are left out.
    pub legs_per_call_max: usize,
    /// Contacts of one account. The one that would expire first makes room for a new one.
    pub bindings_per_account_max: usize,
    /// Contacts of all accounts together. A further one is answered 503.
    pub bindings_max: usize,
    /// Route values of a `Path` that are kept with a contact (RFC 3327).
    pub path_values_max: usize,
    /// Shortest expiry of a contact, in seconds; less is answered 423 (RFC 3261 §10.3).
    pub expires_min_secs: u32,
    /// Longest expiry of a contact, in seconds; more is cut down.
    pub expires_max_secs: u32,
    /// Expiry of a contact that names none, in seconds.
    pub expires_default_secs: u32,
    /// Subscriptions of one account. The one not heard of for longest makes room for a new one.
    pub subscriptions_per_account_max: usize,
    /// Messages that one account may send in a minute. Further ones are answered 480 with `Retry-After`.
    pub messages_per_minute_max: u32,
    /// Bytes of a message's body; more is answered 513.
    pub message_body_bytes_max: usize,
    /// Seconds between keep-alives that phones with several flows are asked for (RFC 5626 §4.4).
    pub flow_timer_secs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 2_000,
            legs_per_call_max: 64,
            bindings_per_account_max: 10,
            bindings_max: 200_000,
            path_values_max: 8,
            expires_min_secs: 60,
            expires_max_secs: 7_200,
            expires_default_secs: 3_600,
            subscriptions_per_account_max: 200,
            messages_per_minute_max: 60,
            message_body_bytes_max: 10_000,
            flow_timer_secs: 120,
        }
    }
}

/// How long for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// How long a nonce is good for (RFC 7616 §5.4).
    pub nonce_lifetime: Duration,
    /// `Retry-After` of a 503, in seconds.
    pub retry_after_secs: u32,
    /// Longest wait for the caller's ACK after somebody answered. The endpoint's own 64*T1 comes first.
    pub connecting: Duration,
    /// Longest wait for the other side's word on a re-INVITE.
    pub exchange: Duration,
    /// Longest wait for a device to take a message. Shorter than the sender's own 64*T1, so that it hears the answer.
    pub message: Duration,
    /// Longest time that a leg of a finished call may take to say goodbye and return its ports.
    pub leaving: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            nonce_lifetime: Duration::from_secs(120),
            retry_after_secs: 5,
            connecting: Duration::from_secs(48),
            exchange: Duration::from_secs(64),
            message: Duration::from_secs(28),
            leaving: Duration::from_secs(80),
        }
    }
}

/// Bytes of a dialled number that are kept in the journal (`contract::journal::Call`).
pub(crate) const DIALLED_BYTES_MAX: usize = 64;
/// Numbers that redirections may add to one call. Loops end before: a number is looked up once.
pub(crate) const REDIRECTS_MAX: usize = 5;
/// `Max-Forwards` where the caller sent none (RFC 3261 §8.1.1.6).
pub(crate) const MAX_FORWARDS_DEFAULT: u8 = 70;
/// Longest ring timeout a plan may hold (H-052) with room to spare: no ringing INVITE is older.
pub(crate) const RINGING_MAX: Duration = Duration::from_secs(660);
/// Requests inside a dialog that are carried to the other side at once; further ones are answered 503.
pub(crate) const CARRIED_REQUESTS_MAX: usize = 8;
/// Difference between the wall clock and its mark, in microseconds, beyond which the clock was set and did not drift.
pub(crate) const CLOCK_STEP_MICROS_MIN: u64 = 2_000_000;
