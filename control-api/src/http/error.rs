//! One error for everything that goes wrong on the way of a request, told as RFC 9457 says.
//!
//! A handler returns [`ApiError`]; what a client reads is written last of all, by [`super::layers`], which
//! knows the request's id and also clothes the errors that axum and tower make themselves.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{database::DatabaseError, switch::NotFetched};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No key, or none that is valid now. Which of the two is nobody's business.
    #[error("credentials are missing or not valid")]
    Unauthorized,
    /// What was presented does not prove it: what is said about it.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// Whoever it is, it is not for them: why.
    #[error("not for this one: {0}")]
    NotForYou(&'static str),
    /// The key is valid and does not permit this.
    #[error("missing permission {0}")]
    Forbidden(&'static str),
    /// There is no such thing, or it is another organisation's.
    #[error("not found")]
    NotFound,
    /// Something in the address or the body is not as it must be.
    #[error("invalid request")]
    Invalid(Vec<FieldError>),
    /// It was there, and is not kept any more.
    #[error("gone: {0}")]
    Gone(&'static str),
    /// It would contradict what there is: a number that is taken, the same key for two requests at once.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The same, with a word for programs that have something to do about it.
    #[error("conflict: {0}")]
    Coded(&'static str, &'static str),
    /// Somebody has changed it since the client read it (RFC 9110 13.1.1).
    #[error("changed meanwhile")]
    Stale,
    /// A change that does not say of which version (RFC 6585 3).
    #[error("no version named")]
    NoVersion,
    /// Each field is as it must be, and together they are not: what a plan of calls cannot be made of.
    #[error("cannot be done")]
    Unprocessable(Vec<FieldError>),
    /// More requests than are allowed; how long to wait.
    #[error("too many requests")]
    TooMany(Duration),
    /// The body cannot be read: too large, in another format, cut off.
    #[error("unreadable body: {0}")]
    Body(StatusCode),
    /// More than we can take right now.
    #[error("busy")]
    Busy,
    /// The database is away.
    #[error("database unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// The switch is to answer, and does not: why.
    #[error("switch unavailable: {0}")]
    SwitchUnavailable(&'static str),
    /// The provider of sign-ins is to answer, and does not: why.
    #[error("provider unavailable: {0}")]
    ProviderUnavailable(&'static str),
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
    /// The same as a word for programs, where there is something to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "EXTENSION_CLOSED")]
    pub code: Option<&'static str>,
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
            code: None,
            request_id: String::new(),
            errors: Vec::new(),
        }
    }
}

impl From<NotFetched> for ApiError {
    fn from(NotFetched: NotFetched) -> Self {
        Self::SwitchUnavailable("the switch does not answer")
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

/// What a constraint of the database means to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken {
    constraint: &'static str,
    field: Option<&'static str>,
    reason: &'static str,
}

/// The reason of a constraint that says that there is nothing to belong to.
const NOWHERE: &str = "";

impl Broken {
    /// Another row has what this one wants.
    pub(crate) const fn taken(constraint: &'static str, reason: &'static str) -> Self {
        Self { constraint, field: None, reason }
    }

    /// What the row would belong to is not there.
    pub(crate) const fn nowhere(constraint: &'static str) -> Self {
        Self { constraint, field: None, reason: NOWHERE }
    }

    /// A field names what there is not.
    pub(crate) const fn unknown(constraint: &'static str, field: &'static str, reason: &'static str) -> Self {
        Self { constraint, field: Some(field), reason }
    }
}

/// SQLSTATE of a reference that would lead nowhere (foreign_key_violation).
const DANGLING: &str = "23503";

/// What it means that the rows of a description were refused.
pub(crate) fn broken(error: sqlx::Error, constraints: &[Broken]) -> ApiError {
    let constraint = error.as_database_error().and_then(sqlx::error::DatabaseError::constraint);
    match constraints.iter().find(|known| Some(known.constraint) == constraint) {
        Some(Broken { field: None, reason: NOWHERE, .. }) => ApiError::NotFound,
        Some(Broken { field: None, reason, .. }) => ApiError::Conflict(reason),
        Some(Broken { field: Some(field), reason, .. }) => {
            ApiError::Unprocessable(vec![FieldError::new(*field, *reason)])
        }
        None => error.into(),
    }
}

/// What it means that rows could not be taken away.
pub(crate) fn referred(error: sqlx::Error) -> ApiError {
    match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
        Some(DANGLING) => ApiError::Conflict("something else refers to it"),
        _ => error.into(),
    }
}

/// What the database calls it that a person is kept to their divisions (migration 58).
const OWN_DIVISIONS: &str = "own_divisions";

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let constraint = error.as_database_error().and_then(sqlx::error::DatabaseError::constraint);
        if constraint == Some(OWN_DIVISIONS) {
            return Self::NotForYou("it belongs to none of your divisions");
        }
        DatabaseError::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unauthorized | Self::Refused(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::NotForYou(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Gone(_) => StatusCode::GONE,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) | Self::Coded(..) => StatusCode::CONFLICT,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::NoVersion => StatusCode::PRECONDITION_REQUIRED,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Body(status) => *status,
            Self::Busy | Self::Unavailable(_) | Self::SwitchUnavailable(_) | Self::ProviderUnavailable(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut problem = Problem::of(status);
        let mut response = status.into_response();
        match self {
            // Whoever has signed in and mistypes a password is still signed in.
            Self::Refused(why) => (problem.code, problem.detail) = (Some("NOT_PROVEN"), Some(why.to_owned())),
            Self::NotForYou(why) => problem.detail = Some(why.to_owned()),
            Self::Forbidden(permission) => {
                problem.detail = Some(format!("needs the permission {permission}"));
            }
            Self::Invalid(errors) | Self::Unprocessable(errors) => problem.errors = errors,
            Self::Gone(what) | Self::Conflict(what) => problem.detail = Some(what.to_owned()),
            Self::Coded(code, what) => {
                (problem.code, problem.detail) = (Some(code), Some(what.to_owned()));
            }
            Self::Stale => problem.detail = Some("it has changed; read it again".to_owned()),
            Self::NoVersion => problem.detail = Some("send If-Match with the ETag that you read".to_owned()),
            Self::TooMany(wait) => {
                let secs = wait.as_secs() + 1;
                problem.detail =
                    Some(format!("more requests than are allowed; the next one may come in {secs} s"));
                response.headers_mut().insert(header::RETRY_AFTER, secs.into());
            }
            Self::SwitchUnavailable(why) | Self::ProviderUnavailable(why) => {
                problem.detail = Some(why.to_owned());
            }
            Self::Unavailable(error) => {
                problem.detail = Some("the database is away".to_owned());
                tracing::warn!(%error, "the database is away");
            }
            Self::Internal(error) => tracing::error!(error, "request failed"),
            Self::Unauthorized | Self::NotFound | Self::Body(_) | Self::Busy => {}
        }
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
