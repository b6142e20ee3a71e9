//! One error for everything that goes wrong on the way of a request, told as RFC 9457 says.
//!
//! A handler returns [`ApiError`]; what a client reads is written last of all, by [`super::layers`], which
//! knows the request's id and also clothes the errors that axum and tower make themselves.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::database::DatabaseError;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No key, or none that is valid now. Which of the two is nobody's business.
    #[error("credentials are missing or not valid")]
    Unauthorized,
    /// The key is valid and does not permit this.
    #[error("missing permission {0}")]
    Forbidden(&'static str),
    /// There is no such thing, or it is another organisation's.
    #[error("not found")]
    NotFound,
    /// Something in the address or the body is not as it must be.
    #[error("invalid request")]
    Invalid(Vec<FieldError>),
    /// More than we can take right now.
    #[error("busy")]
    Busy,
    /// The database is away.
    #[error("database unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// Our own fault.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name as the client wrote or should have written it.
    #[schema(example = "limit")]
    pub field: String,
    /// What it must be.
    #[schema(example = "must be 1 … 200")]
    pub reason: String,
}

impl FieldError {
    /// `field` is not as `reason` says.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// An error as clients read it, `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A name for programs.
    #[schema(example = "urn:sambung:problem:not-found")]
    pub r#type: String,
    /// The same for people, always alike.
    #[schema(example = "Not Found")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What it is about this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to quote when asking for help; also in the header `x-request-id`.
    pub request_id: String,
    /// Which fields were wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The problem that `status` alone tells of.
    pub fn of(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let name = title.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        Self {
            r#type: format!("urn:sambung:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            request_id: String::new(),
            errors: Vec::new(),
        }
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Busy => Self::Busy,
            DatabaseError::Away(error) => Self::Unavailable(error),
            DatabaseError::Refused(error) => Self::Internal(error.to_string()),
            DatabaseError::Lost(why) => Self::Internal(why),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Busy | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut problem = Problem::of(status);
        match self {
            Self::Forbidden(permission) => {
                problem.detail = Some(format!("needs the permission {permission}"));
            }
            Self::Invalid(errors) => problem.errors = errors,
            Self::Unavailable(error) => {
                problem.detail = Some("the database is away".to_owned());
                tracing::warn!(%error, "the database is away");
            }
            Self::Internal(error) => tracing::error!(error, "request failed"),
            Self::Unauthorized | Self::NotFound | Self::Busy => {}
        }
        let mut response = status.into_response();
        response.extensions_mut().insert(problem);
        response
    }
}

/// Headers that an error status brings along: what to authenticate with, when to come back.
pub(super) fn companions(status: StatusCode) -> Option<(header::HeaderName, HeaderValue)> {
    match status {
        StatusCode::UNAUTHORIZED => {
            Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sambung\"")))
        }
        StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, HeaderValue::from_static("2"))),
        _ => None,
    }
}
