//! What the owner of an endpoint may set, and the limits it holds.

use crate::method::Method;
use crate::transaction::Timers;

/// Settings of an [`crate::Endpoint`]; fixed for its life.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Text of `User-Agent` in requests and `Server` in stateful responses. Empty: the headers are left out.
    pub user_agent: String,
    /// The shard this endpoint is; first byte of its branches and tags.
    pub shard: u8,
    /// The base durations of all timers.
    pub timers: Timers,
    /// Methods that the owner answers. Those of the INVITE usage ([`SESSION_METHODS`]) are understood besides
    /// them; `Allow` lists both, others are answered 405 or 501.
    pub methods: Vec<Method>,
    /// Option tags that a request outside a session may require of the owner. Those of the INVITE usage
    /// ([`SESSION_EXTENSIONS`]) are known besides them; others are answered 420.
    pub supported: Vec<String>,
    /// The INFO package that the owner sends to peers which want it (RFC 6086). Empty: none.
    pub info_package: String,
    /// Whether provisional answers with a body are sent reliably to a peer that supports it (RFC 3262). A peer
    /// that requires it gets all of them so.
    pub reliable_provisionals: bool,
    /// The session interval asked for, in seconds (RFC 4028). 0: none; what the peer asks for is honoured still.
    pub session_expires_secs: u32,
    /// The shortest session interval accepted, in seconds; at least 90 (RFC 4028 5).
    pub min_se_secs: u32,
    /// Transactions that may live at once. New work beyond it is answered 503; BYE, CANCEL and ACK never are.
    pub transactions_max: usize,
    /// INVITE sessions that may live at once. New ones beyond it are answered 503.
    pub sessions_max: usize,
    /// Subscriptions of others that may live at once. New ones beyond it are answered 503.
    pub subscriptions_max: usize,
    /// Shortest expiry of a subscription, in seconds; less is answered 423 (RFC 6665 4.2.1.1).
    pub subscription_expires_min_secs: u32,
    /// Longest expiry of a subscription, in seconds, and that of one that names none; more is cut down.
    pub subscription_expires_max_secs: u32,
    /// Least `Retry-After` of a 503, in seconds; up to as much again is added at random.
    pub retry_after_secs: u32,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            user_agent: String::from("sambung"),
            shard: 0,
            timers: Timers::default(),
            methods: vec![
                Method::Options,
                Method::Register,
                Method::Info,
                Method::Message,
                Method::Subscribe,
                Method::Refer,
            ],
            supported: Vec::new(),
            info_package: String::new(),
            reliable_provisionals: true,
            session_expires_secs: 1_800,
            min_se_secs: 90,
            transactions_max: 100_000,
            sessions_max: 20_000,
            subscriptions_max: 50_000,
            subscription_expires_min_secs: 60,
            subscription_expires_max_secs: 3_600,
            retry_after_secs: 5,
        }
    }
}

/// The methods of the INVITE usage, which the endpoint understands itself (RFC 3261, 3262, 3311).
pub const SESSION_METHODS: [Method; 6] =
    [Method::Invite, Method::Ack, Method::Bye, Method::Cancel, Method::Prack, Method::Update];

/// The extensions of the INVITE usage (RFC 3262, RFC 3891, RFC 4028).
pub const SESSION_EXTENSIONS: [&str; 3] = [RELIABLE, REPLACES, TIMER];

/// Option tag of INVITEs that take the place of another dialog (RFC 3891). What becomes of them is the owner's business
/// ([`crate::Replaces`]).
pub(crate) const REPLACES: &str = "replaces";

/// Option tag of reliable provisional answers (RFC 3262).
pub(crate) const RELIABLE: &str = "100rel";

/// Option tag of session timers (RFC 4028).
pub(crate) const TIMER: &str = "timer";

/// Provisional answers of one INVITE that wait for the PRACK of the one before; a further one takes the place of
/// the last.
pub const PROVISIONALS_QUEUED_MAX: usize = 4;

/// Forks of one INVITE that are told apart: early dialogs kept, and late 2xx that are acknowledged and ended.
/// Further ones are dropped.
pub const FORKS_MAX: usize = 16;

/// Requests of the peer inside one dialog that may wait for the owner at once; further ones are answered 503.
pub const PENDING_REQUESTS_MAX: usize = 8;

/// Ways to a peer that are tried after the first one.
pub const FALLBACKS_MAX: usize = 8;

/// Bytes of a request beyond which a datagram may not arrive whole where the path's MTU is not known
/// (RFC 3261 18.1.1).
pub const DATAGRAM_REQUEST_BYTES_MAX: usize = 1_300;
