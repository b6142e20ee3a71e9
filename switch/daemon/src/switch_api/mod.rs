//! The switch's local HTTP door: what is going on, and momentary orders (DESIGN §2).
//!
//! On a loopback address only, for `sambung-api`, the `sambung` tool and Prometheus. Everything but `/v1/health`
//! asks for the bearer token of the token file. Nothing here is stored, and nothing here is configuration.

mod calls;
mod metrics;
mod token;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use contract::command::{Command, Outcome};
use serde::{Deserialize, Serialize};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

pub use token::Token;

use crate::{atomic_file, bindings, engine, hep, journal, live::Live, plan_watch, trace, wire};

/// A command is a few words.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// No answer takes longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

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
}

/// The body of `/v1/health`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The process answers.
    pub live: bool,
    /// Calls can be made.
    pub ready: bool,
    /// What is missing for that.
    pub missing: Vec<String>,
    /// What is away without calls suffering from it.
    pub degraded: Vec<String>,
}

/// The answer to a command.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandAnswer {
    /// What came of it.
    pub outcome: Outcome,
}

impl Switch {
    /// Whether calls can be made, and what is in the way.
    pub fn health(&self) -> Health {
        let words = |conditions: &[(bool, &str)]| -> Vec<String> {
            conditions.iter().filter(|(holds, _)| *holds).map(|(_, word)| (*word).to_owned()).collect()
        };
        let missing = words(&[
            (!self.plan.has_plan.load(Ordering::Relaxed), "plan"),
            (self.engine_counters.journal_pressure.load(Ordering::Relaxed), "journal"),
            (self.relay.pairs_stocked.load(Ordering::Relaxed) == 0, "media_ports"),
            (self.engine_counters.draining.load(Ordering::Relaxed), "draining"),
        ]);
        let database_away = self.plan.database_away.load(Ordering::Relaxed)
            || self.journal.database_away.load(Ordering::Relaxed);
        Health {
            live: true,
            ready: missing.is_empty(),
            missing,
            degraded: words(&[(database_away, "database")]),
        }
    }
}

/// All routes.
pub fn router(switch: Switch, token: Token) -> Router {
    let guarded = Router::new()
        .route("/v1/calls", get(calls::live))
        .route("/v1/calls/last", get(calls::last))
        .route("/v1/calls/{call}/trace", get(calls::trace))
        .route("/v1/calls/{call}/pcap", get(calls::pcap))
        .route("/v1/registrations", get(calls::registrations))
        .route("/v1/commands", post(command))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn_with_state(Arc::new(token), authorise));
    Router::new()
        .route("/v1/health", get(health))
        .merge(guarded)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIMEOUT))
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

async fn health(State(switch): State<Switch>) -> (StatusCode, Json<Health>) {
    let health = switch.health();
    (if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
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
