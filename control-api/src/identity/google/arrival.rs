//! Who somebody is that has come back from the provider: whose account is theirs, or which guest they are. One person has one of the provider's accounts,
//! whatever they act as here (HX-20).

use contract::language::Language;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    model::{called, registered, subject},
    store,
};
use crate::{
    database::{Scope, enter},
    http::error::ApiError,
    identity::{
        accounts, guests,
        person_events::{self, Action},
    },
    openid::Proven,
};

/// What whoever may not sign in hears, whyever that is (H-008).
pub(super) const WRONG: ApiError = ApiError::Refused("nobody may sign in here by that");
const NOT_VERIFIED: ApiError =
    ApiError::Refused("the provider has not verified your e-mail address, and you have linked no account");
const NAMELESS: ApiError =
    ApiError::Refused("the provider does not say what you are called: enter with a name");

/// What the provider calls them, after itself.
fn named(proven: &Proven) -> Result<(&str, &str), ApiError> {
    Ok((proven.issuer.as_str(), subject(proven).ok_or(WRONG)?))
}

/// Whose sign-in it is, whose scope it is from here on: whoever the provider calls so, or who has the address that it has verified, or somebody new,
/// who is called `fresh`. Who was a guest so far becomes one of these.
pub(super) async fn arrive(
    c: &mut PgConnection,
    proven: &Proven,
    fresh: Uuid,
    language: Language,
) -> Result<Uuid, ApiError> {
    let named = named(proven)?;
    let known = known(c, named).await?;
    if let Some((user, true)) = known {
        return Ok(user);
    }
    let (name, address) = registered(proven).ok_or(NOT_VERIFIED)?;
    let Some(account) = accounts::store::account_of(c, &address).await? else {
        let user = match known {
            Some((guest, _)) => {
                accounts::store::add_address(c, guest, &address).await?;
                guest
            }
            None => {
                accounts::store::add_person(c, fresh, (&name, &address)).await?;
                store::link(c, fresh, named).await?;
                fresh
            }
        };
        person_events::append(c, (user, user), Action::GoogleLinked, None).await?;
        return Ok(user);
    };
    // A password of an account whose address nobody has verified may be a stranger's, and would be good from now on.
    if !account.is_active || account.has_password && !account.is_verified {
        return Err(WRONG);
    }
    enter(c, Scope::Person(account.user)).await?;
    store::verify(c, account.user, &address).await?;
    attach(c, account.user, proven, language).await?;
    Ok(account.user)
}

/// Which guest it is, whose scope it is from here on: whoever the provider calls so, guest before or with an account, or somebody new, who is called `fresh`.
/// No account is looked for by an address: behind a QR code on a wall nobody gets a way into one.
pub(in crate::identity) async fn arrive_as_guest(
    c: &mut PgConnection,
    proven: &Proven,
    fresh: Uuid,
) -> Result<Uuid, ApiError> {
    let named = named(proven)?;
    if let Some((user, _)) = known(c, named).await? {
        return Ok(user);
    }
    guests::store::add(c, fresh, &called(proven).ok_or(NAMELESS)?).await?;
    match store::link(c, fresh, named).await {
        // They are coming in by two tabs, and the other one was first.
        Err(ApiError::Conflict(_)) => Err(ApiError::Busy),
        done => done.map(|()| fresh),
    }
}

/// From now on the provider's account is a way into `user`'s, whose scope it is, and into nobody else's. They are told.
pub(super) async fn attach(
    c: &mut PgConnection,
    user: Uuid,
    proven: &Proven,
    language: Language,
) -> Result<(), ApiError> {
    let named = named(proven)?;
    if let Some((guest, false)) = known(c, named).await? {
        store::unlink(c, guest).await?;
    }
    enter(c, Scope::Person(user)).await?;
    store::link(c, user, named).await?;
    person_events::append(c, (user, user), Action::GoogleLinked, None).await?;
    person_events::tell(c, user, Action::GoogleLinked, language).await
}

/// Whom the provider calls so, whose scope it is from here on, and whether they have an account; else they have only been a guest.
async fn known(c: &mut PgConnection, named: (&str, &str)) -> Result<Option<(Uuid, bool)>, ApiError> {
    let Some(user) = store::linked(c, named).await? else { return Ok(None) };
    enter(c, Scope::Person(user)).await?;
    Ok(Some((user, accounts::store::is_one(c, user).await?)))
}
