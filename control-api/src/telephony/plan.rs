//! The way of a change of configuration (HOUSE 4d): rows that no plan of calls can be made of are not written, and those that are
//! become a revision, which switches take up by themselves.

pub mod http;
mod store;

use configuration::Secrets;
use contract::snapshot::Snapshot;
use sqlx::PgConnection;

use crate::http::error::{ApiError, FieldError, broken};

/// The revision that the configuration becomes when this unit of work is carried through. Refuses, naming row and field, what the
/// switch could not use. The last step of every change.
pub(crate) async fn check(c: &mut PgConnection) -> Result<i64, ApiError> {
    // What is only looked at in the end is looked at here, where it can still be told apart from a fault of ours.
    store::look_at_references(c).await.map_err(|error| broken(error, &[]))?;
    let (revision, _) = store::revisions(c).await?;
    let organisations = configuration::load(c, Secrets::Withheld).await?;
    match dialplan::compile(&Snapshot { revision, organisations }) {
        Ok(_) => Ok(revision),
        Err(wrong) => {
            let errors = wrong.iter().map(|diagnostic| {
                FieldError::new(
                    format!("{}: {}", diagnostic.row, diagnostic.field),
                    diagnostic.problem.to_string(),
                )
            });
            Err(ApiError::Unprocessable(errors.collect()))
        }
    }
}
