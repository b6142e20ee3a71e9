//! The switch's local HTTP door: what is going on, and momentary orders (DESIGN §2).
//!
//! On a loopback address only, for `sambung-api`, the `sambung` tool and Prometheus. Everything but `/health`
//! asks for the bearer token of the token file. Nothing here is stored, and nothing here is configuration.

mod availability;
mod calls;
mod conferences;
pub mod events;
mod health;
mod log_level;
mod metrics;
mod queues;
mod recordings;
mod route;
mod token;
mod trunks;

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use contract::{
    command::{Command, Outcome},
    id::OrgId,
};
use serde::{Deserialize, Serialize};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

pub use health::{Check, Health};
pub use token::Token;

use crate::{atomic_file, bindings, engine, hep, journal, live::Live, plan_watch, trace, wire};

/// A command is a few words.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// No answer takes longer, but a message that comes whole from the store.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// As long as `sambung-api` waits for it.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// What the door shows and reaches.
#[derive(Clone)]
pub struct Switch {
    /// Takes commands.
    pub engine: engine::Handle,
    /// Calls and registrations.
    pub live: Arc<Live>,
    /// The engine's figures.
    pub engine_counters: Arc<engine::Counters>,
    /// The wire's figures.
    pub wire: Arc<wire::Counters>,
    /// The relay's figures.
    pub relay: Arc<relay::Counters>,
    /// The journal's figures.
    pub journal: Arc<journal::Counters>,
    /// The registrar's log's figures.
    pub bindings: Arc<bindings::Counters>,
    /// The plan's figures.
    pub plan: Arc<plan_watch::Counters>,
    /// The figures of the ladder of the last calls.
    pub trace: Arc<trace::Counters>,
    /// The figures of the mirror to Homer.
    pub hep: Arc<hep::Counters>,
    /// The recorder's figures.
    pub recordings: Arc<recorder::Counters>,
    /// Where recordings are kept.
    pub store: recorder::Store,
    /// What messages in mailboxes are unlocked with.
    pub messages_key: Arc<recorder::key::PrivateKey>,
    /// What the event stream reads.
    pub events: events::Source,
    /// Who reads it.
    pub streams: Arc<events::Streams>,
    /// The certificate that TLS listeners show; none without them.
    pub tls: Option<wire::Tls>,
    /// When the switch was started.
    pub started: Instant,
    /// Where everything lies on disk.
    pub data_dir: Arc<Path>,
}

/// The answer to a command.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandAnswer {
    /// What came of it.
    pub outcome: Outcome,
}

/// What a list may be narrowed to.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Whose {
    /// Only what is of this organisation.
    org: Option<OrgId>,
}

impl Whose {
    fn is(self, org: OrgId) -> bool {
        self.org.is_none_or(|wanted| wanted == org)
    }
}

/// All routes.
pub fn router(switch: Switch, token: Token) -> Router {
    let token = Arc::new(token);
    // These take as long as they are asked to.
    let lasting = Router::new()
        .route("/v1/calls/{call}/capture", get(calls::capture))
        .layer(middleware::from_fn_with_state(Arc::clone(&token), authorise));
    let timeout = |after| TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, after);
    let large = Router::new()
        .route("/v1/messages/{*key}", get(recordings::message))
        .route("/v1/sounds/{*key}", get(recordings::sound))
        .layer(middleware::from_fn_with_state(Arc::clone(&token), authorise))
        .layer(timeout(MESSAGE_TIMEOUT));
    let guarded = Router::new()
        .route("/v1/calls", get(calls::live))
        .route("/v1/calls/last", get(calls::last))
        .route("/v1/calls/{call}/trace", get(calls::trace))
        .route("/v1/calls/{call}/media", get(calls::legs_media))
        .route("/v1/calls/{call}/pcap", get(calls::pcap))
        .route("/v1/queues", get(queues::queues))
        .route("/v1/availability", get(availability::people))
        .route("/v1/conferences", get(conferences::conferences))
        .route("/v1/trunks", get(trunks::trunks))
        .route("/v1/route", get(route::route))
        .route("/v1/registrations", get(calls::registrations))
        .route("/v1/recordings/{*key}", get(recordings::object))
        .route("/v1/commands", post(command))
        .route("/v1/events", get(events::events))
        .route("/v1/log-level", get(log_level::show).put(log_level::change))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn_with_state(token, authorise));
    Router::new()
        .route("/health", get(health::health))
        .route("/v1/health", get(health::health))
        .merge(guarded)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(timeout(ANSWER_TIMEOUT))
        .merge(large)
        .merge(lasting)
        .layer(CatchPanicLayer::new())
        .with_state(switch)
}

/// Writes where the door is, for those who look for it.
pub fn write_url(path: &Path, address: SocketAddr) -> std::io::Result<()> {
    atomic_file::replace(path, format!("http://{address}\n").as_bytes())
}

async fn authorise(
    State(token): State<Arc<Token>>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let value = headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
    if token.is_in(value) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()
}

async fn command(State(switch): State<Switch>, Json(command): Json<Command>) -> Response {
    match switch.engine.command(command).await {
        Ok(outcome) => Json(CommandAnswer { outcome }).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn metrics(State(switch): State<Switch>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::text(&switch))
}

/// Why there is no better answer, for people.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    problem: String,
}

impl Problem {
    fn new(status: StatusCode, problem: impl Into<String>) -> Self {
        Self { status, problem: problem.into() }
    }

    fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the engine does not answer")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}
