//! What every request passes through on its way in and out: an id, a log line, who may read the answer, how many may come, a time
//! limit, a size limit, the safety net for panics, and the last word on errors.
//!
//! The log line names the route's pattern, never its address: that may hold numbers and names of people.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use ipnet::IpNet;
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer, timeout::TimeoutLayer};
use tracing::Instrument as _;

use super::{
    answer::REVISION,
    error::{ApiError, Problem, companions},
    extract::IDEMPOTENCY_KEY,
    rate::{Allowance, POLICY, RATE_LIMIT, Rates},
    source::Source,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long a browser need not ask again what pages from elsewhere may do.
const PREFLIGHT_SECS: Duration = Duration::from_secs(3_600);

/// A browser that has been here by TLS comes by nothing else for a year (RFC 6797).
const STRICT_TRANSPORT_SECURITY: HeaderValue =
    HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Of what is no page: nothing in it is to be shown or run.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Of a page: scripts, styles and pictures only from this server, and nobody may frame it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Limits on requests, and who may ask from where.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Until its answer begins.
    pub timeout: Duration,
    /// Of its body.
    pub body_bytes_max: usize,
    /// How many a source may send.
    pub sources: Allowance,
    /// How many a key, or a person, may send.
    pub actors: Allowance,
    /// Whose word on where a request comes from is believed.
    pub proxies: Vec<IpNet>,
    /// Pages of which servers a browser may let read answers (CORS).
    pub origins: Vec<HeaderValue>,
}

/// Puts the layers around `router`, the outermost last.
pub fn apply(router: Router, limits: Limits) -> Router {
    let rates = Arc::new(Rates::new(limits.sources, limits.actors));
    let proxies: Arc<[IpNet]> = limits.proxies.into();
    router
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.timeout))
        .layer(DefaultBodyLimit::max(limits.body_bytes_max))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(rates, admit))
        .layer(cors(limits.origins))
        .layer(middleware::from_fn_with_state(proxies, finish))
}

/// Pages of other servers, none unless they are named. A key goes in a header, so no cookie is ever let through.
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let taken =
        [header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, IDEMPOTENCY_KEY, LAST_EVENT_ID];
    let shown =
        [header::ETAG, header::LOCATION, header::RETRY_AFTER, REQUEST_ID, REVISION, RATE_LIMIT, POLICY];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(taken)
        .expose_headers(shown)
        .max_age(PREFLIGHT_SECS)
}

/// Counts a request before anything else is known of it than where it comes from.
async fn admit(State(rates): State<Arc<Rates>>, mut request: Request, next: Next) -> Response {
    let source = request.extensions().get::<Source>().map(Source::neighbourhood);
    let Some(source) = source else { return next.run(request).await };
    let admission = rates.admit(source);
    let mut response = match admission.source.check() {
        Ok(()) => {
            request.extensions_mut().insert(admission.clone());
            next.run(request).await
        }
        Err(refused) => refused.into_response(),
    };
    admission.tell(response.headers_mut());
    response
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has told the log where it was.
    ApiError::Internal("a handler panicked".to_owned()).into_response()
}

async fn finish(State(proxies): State<Arc<[IpNet]>>, mut request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let source = Source::of(&request, &proxies);
    let is_https = source.is_https;
    // Our own id, or our proxy's: one sent by a client could be anything, or somebody else's.
    let id = source.request_id.clone().unwrap_or_else(request_id);
    request.extensions_mut().insert(source);
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!("request", id);
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = if response.status().is_client_error() || response.status().is_server_error() {
        as_problem(response, &id)
    } else {
        response
    };
    dress(&mut response, &id, is_https);
    let status = response.status().as_u16();
    let path = path.as_deref().unwrap_or("-");
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(%method, path, status, millis, "answered"));
    response
}

/// Replaces an error's body, whoever made it, by a problem; keeps headers such as `Allow`.
fn as_problem(mut response: Response, id: &str) -> Response {
    let status = response.status();
    let mut problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::of(status));
    id.clone_into(&mut problem.request_id);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some((name, value)) = companions(status) {
        headers.insert(name, value);
    }
    *response.body_mut() = Body::from(body);
    response
}

fn dress(response: &mut Response, id: &str, is_https: bool) {
    let headers = response.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let policy = if kind.starts_with("text/html") { CONTENT_SECURITY_POLICY } else { NOTHING };
    // The web client says its own, which is stricter and names the switch.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(self)"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT_SECURITY);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Sixteen hexadecimal digits; zeros should the system be out of random bytes.
fn request_id() -> String {
    let mut bytes = [0_u8; 8];
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use axum::{Json, body::to_bytes, routing::post};
    use serde_json::Value;

    use super::*;

    async fn answer(request: axum::http::request::Builder, body: &'static str) -> (Response<()>, Value) {
        use tower::Service as _;
        let router = Router::new()
            .route("/json", post(|Json(value): Json<u8>| async move { Json(value) }))
            .route(
                "/panic",
                post(|| async {
                    if true {
                        panic!("on purpose")
                    }
                }),
            )
            .route("/slow", post(|| async { std::future::pending::<()>().await }));
        let number = |number| std::num::NonZeroU32::new(number).unwrap();
        let much = Allowance { per_minute: number(1_000), burst: number(1_000) };
        let limits = Limits {
            timeout: Duration::from_millis(50),
            body_bytes_max: 16,
            sources: much,
            actors: much,
            proxies: Vec::new(),
            origins: Vec::new(),
        };
        let request = request.method("POST").body(Body::from(body)).unwrap();
        let (parts, body) = apply(router, limits).call(request).await.unwrap().into_parts();
        let body = to_bytes(body, 65_536).await.unwrap();
        (Response::from_parts(parts, ()), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn check(path: &str, content_type: &str, body: &'static str, status: u16, name: &str) {
        let request = Request::builder().uri(path).header("content-type", content_type);
        let (response, problem) = answer(request, body).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:sambung:problem:{name}"));
        assert_eq!(problem["request_id"].as_str(), response.headers()["x-request-id"].to_str().ok());
    }

    #[tokio::test]
    async fn errors_that_no_handler_made_are_problems_too() {
        check("/json", "text/plain", "1", 415, "unsupported-media-type").await;
        check("/json", "application/json", "1 2", 400, "bad-request").await;
        check("/json", "application/json", "\"a\"", 422, "unprocessable-entity").await;
        check("/json", "application/json", "12345678901234567890", 413, "payload-too-large").await;
        check("/nowhere", "application/json", "", 404, "not-found").await;
        check("/panic", "application/json", "", 500, "internal-server-error").await;
        check("/slow", "application/json", "", 503, "service-unavailable").await;
    }

    #[tokio::test]
    async fn a_client_cannot_choose_the_request_id() {
        let request = Request::builder().uri("/json").header("x-request-id", "mine");
        let (response, _) = answer(request.header("content-type", "application/json"), "7").await;
        assert_eq!(response.status(), 200);
        assert_ne!(response.headers()["x-request-id"], "mine");
    }
}
