//! What can be wrong with configuration rows, said so that a form can point at the field.

use contract::id::{AccountId, ExtensionId, OrgId, UserId};
use serde::Serialize;

/// One mistake in the rows. A snapshot with any of them makes no plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("organisation {org}, {row}, {field}: {problem}")]
pub struct Diagnostic {
    /// Whose rows.
    pub org: OrgId,
    /// The row.
    pub row: Row,
    /// The field of the row, by its name in [`contract::snapshot`].
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The row a [`Diagnostic`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// The organisation itself.
    #[error("settings")]
    Organisation,
    /// A member of staff.
    #[error("staff {0}")]
    Staff(UserId),
    /// An extension.
    #[error("extension {0}")]
    Extension(ExtensionId),
    /// A SIP account.
    #[error("account {0}")]
    Account(AccountId),
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Not of the form the field's documentation asks for.
    #[error("is malformed")]
    Malformed,
    /// Outside its bounds.
    #[error("is out of range")]
    OutOfRange,
    /// Another row already has it.
    #[error("is taken by another row")]
    Taken,
    /// Points at a row that is not there.
    #[error("points at nothing")]
    Dangling,
}
