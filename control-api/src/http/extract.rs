//! Axum's extractors with our errors: a mistake is told as a problem that names the field.

use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Path as AxumPath, Query as AxumQuery, Request,
        rejection::QueryRejection,
    },
    http::{HeaderName, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::error::{ApiError, FieldError};

/// As draft-ietf-httpapi-idempotency-key-header names it.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of an idempotency key.
const KEY_CHARS_MAX: usize = 255;

/// The query string.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found: Result<AxumQuery<T>, QueryRejection> = AxumQuery::from_request_parts(parts, state).await;
        match found {
            Ok(AxumQuery(value)) => Ok(Self(value)),
            Err(rejection) => {
                // "Failed to deserialize query string: limit: invalid digit…": the last part is the reason.
                let text = rejection.body_text();
                let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
                Err(ApiError::Invalid(vec![FieldError::new("query", reason)]))
            }
        }
    }
}

/// What stands in the place of the path's parameters. One that cannot be is one that is not found.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = AxumPath::from_request_parts(parts, state).await;
        found.map(|AxumPath(value)| Self(value)).map_err(|_| ApiError::NotFound)
    }
}

/// A request that changes something: what it asks for, of which version, and whether it may come twice. What its body says is read
/// when it is known that whoever sends it may.
#[derive(Clone, Debug)]
pub struct Change {
    body: Bytes,
    is_json: bool,
    if_match: Option<String>,
    expects_none: bool,
    /// Set when the client has named it (Idempotency-Key).
    pub once: Option<Once>,
}

/// A request that is to have one effect, however often it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The client's name for it.
    pub key: String,
    /// SHA-256 of all of it that matters: whether it is the same request.
    pub request_hash: [u8; 32],
}

impl Change {
    /// What it asks for. What is wrong with it is told with the name of the field.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if !self.body.is_empty() && !self.is_json {
            return Err(ApiError::Body(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        parse(&self.body)
    }

    /// What it brings, where that is not said in JSON.
    pub fn octets(&self) -> &Bytes {
        &self.body
    }

    /// The version that the client has read; `None`: it has found nothing there (`If-None-Match: *`).
    pub fn version_if_any(&self) -> Result<Option<i32>, ApiError> {
        if self.if_match.is_none() && self.expects_none { Ok(None) } else { self.version().map(Some) }
    }

    /// The version that the client has read. It must have named one, or it would overwrite what it has not seen.
    pub fn version(&self) -> Result<i32, ApiError> {
        let named = self.if_match.as_deref().ok_or(ApiError::NoVersion)?;
        let version = named.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        version.and_then(|version| version.parse().ok()).ok_or_else(|| {
            ApiError::Invalid(vec![FieldError::new("If-Match", "must be the ETag that was read")])
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Change {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let if_match = text(header::IF_MATCH);
        let expects_none = text(header::IF_NONE_MATCH).is_some_and(|tag| tag.trim() == "*");
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
        let is_json = content_type.split(';').next().is_some_and(|mime| mime.trim() == "application/json");
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
        // What the limit or a broken connection has to say is said by its status.
        let bytes = bytes.map_err(|rejection| ApiError::Body(rejection.status()))?;
        // A name that cannot be read is a mistake: without it the request could have two effects.
        let key = parts.headers.get(IDEMPOTENCY_KEY).map(|name| name.to_str().unwrap_or_default());
        let once = key.map(|key| once(key, &parts, (if_match, expects_none), &bytes)).transpose()?;
        let if_match = if_match.map(str::to_owned);
        Ok(Self { body: bytes, is_json, if_match, expects_none, once })
    }
}

fn once(
    key: &str,
    parts: &Parts,
    (if_match, expects_none): (Option<&str>, bool),
    body: &[u8],
) -> Result<Once, ApiError> {
    let key = key.trim_matches('"');
    if key.is_empty() || key.len() > KEY_CHARS_MAX {
        let reason = format!("must be 1 … {KEY_CHARS_MAX} ASCII characters");
        return Err(ApiError::Invalid(vec![FieldError::new("Idempotency-Key", reason)]));
    }
    let mut hash = Sha256::new();
    let known = if_match.unwrap_or(if expects_none { "*" } else { "" });
    for part in [parts.method.as_str(), parts.uri.path(), known] {
        hash.update(part);
        hash.update([0]);
    }
    if let Some(query) = parts.uri.query() {
        hash.update(query);
        hash.update([0]);
    }
    hash.update(body);
    Ok(Once { key: key.to_owned(), request_hash: hash.finalize().into() })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let field = error.path().to_string();
        let field = if field == "." { "body".to_owned() } else { field };
        ApiError::Invalid(vec![FieldError::new(field, error.inner().to_string())])
    })?;
    let rest = parser.end();
    rest.map_err(|error| ApiError::Invalid(vec![FieldError::new("body", error.to_string())]))?;
    Ok(value)
}
