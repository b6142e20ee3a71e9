//! Axum's extractors with our errors: a mistake is told as a problem that names the field.

use axum::{
    extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery, rejection::QueryRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::error::{ApiError, FieldError};

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
