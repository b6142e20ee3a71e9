//! A recording as the store has it: locked. Who has the private key opens it (`sambung recording fetch`).

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Problem, Switch};

pub(super) async fn object(
    State(switch): State<Switch>,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    match switch.store.get(&key).await {
        Ok(Some(octets)) => {
            // Who listens to what is something an operator must be able to find out (HX-22).
            tracing::info!(key, "a recording was fetched");
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            Ok(([kind], Body::from_stream(octets)).into_response())
        }
        Ok(None) => Err(Problem::new(StatusCode::NOT_FOUND, "the store has no such recording")),
        Err(error) => {
            tracing::warn!(key, %error, "the store does not give a recording");
            Err(Problem::new(StatusCode::BAD_GATEWAY, format!("the store does not give it: {error}")))
        }
    }
}
