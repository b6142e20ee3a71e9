//! Mails to people about their accounts. A row is written in the unit of work that it follows from; a job sends it, and says what
//! came of it. The token in it is made when it is sent, of the row's id and the signing key, so that nobody finds it in the database.

pub mod job;
pub(crate) mod store;
mod text;

use contract::{id::OrgId, language::Language};
use uuid::Uuid;

use super::signing::Purpose;
use crate::{app::App, http::error::ApiError};

/// Minutes that a token for another password is good (H-006).
pub const RESET_MINUTES: i32 = 60;
/// Hours that a registration waits to be confirmed.
pub const CONFIRM_HOURS: i32 = 24;
/// Days that an invitation waits to be accepted (HX-23).
pub const INVITE_DAYS: i32 = 7;
/// Days that what was done to an account is news.
pub const TOLD_DAYS: i32 = 7;
/// Days that what became of an organisation is news.
pub const VERDICT_DAYS: i32 = 7;
/// Letters to one address within a day; further ones are not sent, unless they are [`Kind::Told`].
pub const LETTERS_A_DAY_MAX: i64 = 10;

/// What a letter is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The registration of that name and password is to be confirmed.
    Confirm {
        /// The person's.
        name: String,
        /// Of the password.
        password_hash: String,
    },
    /// Somebody has registered with the address of this person.
    Known(Uuid),
    /// This person may set another password.
    Reset(Uuid),
    /// Somebody is asked to be a member.
    Invite {
        /// Of which organisation.
        org: OrgId,
        /// Which one of its memberships waits for them.
        member: Uuid,
        /// The organisation's name.
        organisation: String,
    },
    /// The platform's staff have said how an organisation stands, to one of its owners.
    Judged {
        /// Its name.
        organisation: String,
        /// `approved`, `rejected`, `suspended` or `reactivated`.
        verdict: &'static str,
    },
    /// Something was done to what this person proves themselves by: which action. They have done it themselves, or staff have, so strangers
    /// cannot use up what an address gets in a day to hide it.
    Told(&'static str),
    /// Goes nowhere: nobody is called so.
    Nobody,
}

/// A letter to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct New {
    pub(crate) id: Uuid,
    pub(crate) address: String,
    pub(crate) language: Language,
    pub(crate) kind: Kind,
}

/// What a token hears that is none, was used or is over.
pub(super) const NOT_GOOD: ApiError = ApiError::Refused("the token is not good, or not any more");

/// Which letter's token it is.
pub(super) fn presented(app: &App, token: &str) -> Result<Uuid, ApiError> {
    app.proofs.signing.proven(Purpose::Letter, token).map(|(letter, _)| letter).ok_or(NOT_GOOD)
}
