//! A visit of the provider: from when it is said where a browser goes until it has come back. Its token is the browser's that began it, so nobody is
//! signed in by an address that somebody else has sent them (RFC 6749 §10.12). What it is for is in all that it is known by, so a guest's visit signs
//! nobody in, and leads in behind no other QR code than the one it began at.

use subtle::ConstantTimeEq as _;

use super::model::{Authorization, Returned, VISIT_MINUTES};
use crate::{
    app::App,
    http::error::ApiError,
    identifier,
    identity::signing::{Kind, Purpose},
    instant::Instant,
    openid::{Proven, Provider, Visit},
};

/// What somebody visits the provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Aim<'a> {
    /// An account of theirs.
    Account,
    /// The organisation behind this QR code, as a guest.
    Guest(&'a str),
}

impl<'a> Aim<'a> {
    /// As it is in what the visit is known by. No QR code is empty.
    const fn as_str(self) -> &'a str {
        match self {
            Aim::Account => "",
            Aim::Guest(code) => code,
        }
    }
}

const NONE: ApiError =
    ApiError::ProviderUnavailable("no provider of sign-ins is configured: [openid] of api.toml says which");
const NOT_GOOD: ApiError = ApiError::Refused("that is no visit of yours, or it took too long; begin again");

fn provider(app: &App) -> Result<&Provider, ApiError> {
    app.openid.as_ref().ok_or(NONE)
}

/// A visit begins.
pub(in crate::identity) async fn begin(app: &App, aim: Aim<'_>) -> Result<Authorization, ApiError> {
    let (provider, id, signing) = (provider(app)?, identifier::fresh()?, &app.proofs.signing);
    let secs = VISIT_MINUTES * 60;
    let until = u32::try_from(Instant::now().seconds()).unwrap_or(u32::MAX).saturating_add(secs);
    let token = signing.prove(Purpose::Visit, id, until);
    let url = provider.address(known_by(app, (id, until), aim)?).await?;
    Ok(Authorization { url, token, expires_in: secs })
}

/// Who has come back from a visit with that aim.
pub(in crate::identity) async fn end(app: &App, aim: Aim<'_>, back: Returned) -> Result<Proven, ApiError> {
    let (provider, proven) = (provider(app)?, app.proofs.signing.proven(Purpose::Visit, &back.token));
    let is_in_time = |until: u32| u64::from(until) > Instant::now().seconds();
    let begun = proven.filter(|(_, until)| is_in_time(*until)).ok_or(NOT_GOOD)?;
    let visit = known_by(app, begun, aim)?;
    if !bool::from(visit.state.as_bytes().ct_eq(back.state.as_bytes())) {
        return Err(NOT_GOOD);
    }
    provider.proven(back.code, visit).await
}

fn known_by(app: &App, begun: (uuid::Uuid, u32), aim: Aim<'_>) -> Result<Visit, ApiError> {
    let made = |kind| app.proofs.signing.secret(kind, begun, aim.as_str());
    Ok(Visit { state: made(Kind::State)?, nonce: made(Kind::Nonce)?, verifier: made(Kind::Verifier)? })
}
