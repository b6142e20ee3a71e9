//! What a change answers with, kept so that the same request gets it again (`platform/idempotency`).

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

/// The revision of the configuration that a change has become.
pub const REVISION: HeaderName = HeaderName::from_static("sambung-revision");

/// The answer to a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    location: Option<String>,
    version: Option<i32>,
    revision: Option<i64>,
    body: String,
    /// In the place of `body` for whoever asks first; never kept.
    #[serde(skip)]
    told_once: Option<String>,
}

impl Answer {
    /// It is there now, at `location`.
    pub fn created<T: Serialize>(location: String, version: i32, body: &T) -> Self {
        Self { location: Some(location), ..Self::first(version, body) }
    }

    /// It is there now, where it was asked for.
    pub fn first<T: Serialize>(version: i32, body: &T) -> Self {
        Self { status: StatusCode::CREATED.as_u16(), ..Self::found(version, body) }
    }

    /// This is how it stands.
    pub fn found<T: Serialize>(version: i32, body: &T) -> Self {
        // Views are plain structs: there is nothing in them that JSON could not say.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status: StatusCode::OK.as_u16(), version: Some(version), body, ..Self::default() }
    }

    /// It is there now, at `location`, and has no versions.
    pub fn made<T: Serialize>(location: String, body: &T) -> Self {
        Self { version: None, ..Self::created(location, 0, body) }
    }

    /// This is how it stands, of what has no versions.
    pub fn done<T: Serialize>(body: &T) -> Self {
        Self { version: None, ..Self::found(0, body) }
    }

    /// It is there no more.
    pub fn gone() -> Self {
        Self { status: StatusCode::NO_CONTENT.as_u16(), ..Self::default() }
    }

    /// Whoever asks first is told more: what nobody keeps.
    #[must_use]
    pub fn once<T: Serialize>(self, body: &T) -> Self {
        Self { told_once: serde_json::to_string(body).ok(), ..self }
    }

    /// The configuration has become this revision by it.
    #[must_use]
    pub fn at(self, revision: i64) -> Self {
        Self { revision: Some(revision), ..self }
    }

    /// Which revision the configuration has become by it.
    pub fn revision(&self) -> Option<i64> {
        self.revision
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, self.told_once.unwrap_or(self.body)).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let texts = [
            (header::LOCATION, self.location),
            (header::ETAG, self.version.map(|version| format!("\"{version}\""))),
            (REVISION, self.revision.map(|revision| revision.to_string())),
        ];
        for (name, text) in texts {
            if let Some(Ok(value)) = text.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        response
    }
}
