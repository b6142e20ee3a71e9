//! What every request passes through on its way in and out: an id, a log line, a time limit, a size limit,
//! the safety net for panics, and the last word on errors.
//!
//! The log line names the route's pattern, never its address: that may hold numbers and names of people.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer};
use tracing::Instrument as _;

use super::error::{ApiError, Problem, companions};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Scripts, styles and pictures only from this server, and nobody may frame it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Limits on one request.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until its answer begins.
    pub timeout: Duration,
    /// Of its body.
    pub body_bytes_max: usize,
}

/// Puts the layers around `router`, the outermost last.
pub fn apply(router: Router, limits: Limits) -> Router {
    router
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.timeout))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(limits.body_bytes_max))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(finish))
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has told the log where it was.
    ApiError::Internal("a handler panicked".to_owned()).into_response()
}

async fn finish(request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    // Always our own id: one sent by a client could be anything, or somebody else's.
    let id = request_id();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!("request", id);
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = if response.status().is_client_error() || response.status().is_server_error() {
        as_problem(response, &id)
    } else {
        response
    };
    dress(&mut response, &id);
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

fn dress(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
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
        use tower_service::Service as _;
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
        let limits = Limits { timeout: Duration::from_millis(50), body_bytes_max: 16 };
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
