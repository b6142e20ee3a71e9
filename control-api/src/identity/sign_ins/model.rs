//! What is said at a sign-in, what comes of it, and what an access token claims.

use std::collections::BTreeSet;

use contract::id::OrgId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{
        error::{ApiError, FieldError},
        fields::Fields,
    },
    identity::{
        password::PASSWORD_BYTES_MAX,
        permission::{Permission, Role, of_member},
    },
    instant::Instant,
};

/// Seconds that an access token is good (S-040).
pub const ACCESS_SECS: i64 = 8 * 3_600;
/// Days after which somebody has to sign in again.
pub const SIGN_IN_DAYS: i32 = 30;
/// Minutes in which the code has to follow the password.
pub const CODE_MINUTES: i32 = 5;
/// Places where a person is signed in; a further one ends the one that was used least lately.
pub const SIGN_INS_MAX: i64 = 50;
/// Octets of an e-mail address.
pub const EMAIL_BYTES_MAX: usize = 254;
/// Characters kept of what a browser calls itself.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The e-mail address
    #[schema(example = "sari@example.com")]
    pub email: String,
    /// The password
    pub password: String,
    /// The organisation to act in, for who is in several; else the first one
    #[serde(default)]
    pub organisation: Option<Uuid>,
}

impl SignIn {
    /// Itself, as names are compared. Only what could be nobody's is told apart from what is wrong.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let email = self.email.trim().to_lowercase();
        fields.must(
            email.len() <= EMAIL_BYTES_MAX && email.contains('@') && !email.chars().any(char::is_control),
            "email",
            "must be an e-mail address",
        );
        fields.must(
            self.password.len() <= PASSWORD_BYTES_MAX,
            "password",
            format!("must be {PASSWORD_BYTES_MAX} octets at most"),
        );
        fields.done().map(|()| Self { email, ..self })
    }
}

/// Who has shown the password, and shows a code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStep {
    /// What the first step was answered with
    pub token: String,
    /// What the phone shows, or a recovery code
    #[schema(example = "123456")]
    pub code: String,
}

/// What the first step of two comes to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FirstStep {
    /// For the second one.
    pub token: String,
    /// Seconds that it is good.
    #[schema(example = 300)]
    pub expires_in: i32,
}

/// Who wants to stay signed in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The last refresh token; it is good once
    pub refresh_token: String,
    /// The organisation to act in from now on; else the same one
    #[serde(default)]
    pub organisation: Option<Uuid>,
}

/// What a browser calls itself, as far as it is kept.
pub(super) fn user_agent(said: Option<&str>) -> Option<String> {
    let printable = said?.chars().filter(|character| !character.is_control());
    Some(printable.take(USER_AGENT_CHARS_MAX).collect()).filter(|agent: &String| !agent.is_empty())
}

/// What an access token says of its bearer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    /// Who.
    pub(super) sub: Uuid,
    /// Where it was signed in.
    pub(super) sid: Uuid,
    /// For which organisation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) org: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    role: Option<Role>,
    permissions: BTreeSet<Permission>,
    /// Rises with each change of what the bearer may.
    pub(super) epoch: i64,
}

/// An organisation that somebody belongs to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Belonging {
    /// Which one.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What they are there.
    pub role: Option<Role>,
    /// What they may there.
    pub permissions: BTreeSet<Permission>,
    /// Nothing can be done in one that is not approved.
    pub is_approved: bool,
    /// `pending` until it has been reviewed; `approved`, `rejected` or `suspended`.
    #[schema(example = "approved")]
    pub status: String,
    /// Why, in words of the platform's staff.
    pub reason: Option<String>,
}

/// Somebody who has proven who they are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// Who.
    pub id: Uuid,
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// `super_admin`, or `none`.
    pub platform_role: String,
}

/// A person with all organisations they belong to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Me {
    /// Who it is.
    pub person: PersonView,
    /// The one that they act in; null: none.
    pub organisation: Option<Uuid>,
    /// All that they belong to, longest first.
    pub organisations: Vec<Belonging>,
}

/// What comes of a sign-in and of a refresh.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Tokens {
    /// Bearer of every other request (JWT, EdDSA).
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token is good.
    #[schema(example = 28800)]
    pub expires_in: i64,
    /// For the next access token. It is good once: when it comes twice, the sign-in is over.
    pub refresh_token: String,
    /// The sign-in's id.
    pub sign_in: Uuid,
    /// Who, and where they act.
    #[serde(flatten)]
    pub me: Me,
}

/// A place where somebody is signed in.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Place {
    /// The sign-in's id.
    pub id: Uuid,
    /// The organisation it acts in.
    pub organisation: Option<Uuid>,
    /// By what: `password` or `google_login`.
    #[schema(example = "password")]
    pub method: String,
    /// What the browser or program calls itself.
    pub user_agent: Option<String>,
    /// Since when.
    pub created_at: Instant,
    /// When a token was got last.
    pub used_at: Instant,
    /// Until when.
    pub expires_at: Instant,
    /// Whether it is this one.
    pub is_current: bool,
}

/// The rows of a person.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) person: PersonView,
    pub(super) is_active: bool,
    pub(super) epoch: i32,
    pub(super) memberships: Vec<Membership>,
}

/// A row of a membership that is active.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Membership {
    pub(super) org_id: Uuid,
    pub(super) name: String,
    pub(super) is_approved: bool,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) role: String,
    pub(super) granted: Vec<String>,
    pub(super) withheld: Vec<String>,
    pub(super) token_epoch: i32,
}

impl Membership {
    fn permissions(&self) -> BTreeSet<Permission> {
        of_member(Role::of(&self.role), &self.granted, &self.withheld)
    }

    fn view(&self) -> Belonging {
        Belonging {
            id: self.org_id,
            name: self.name.clone(),
            role: Role::of(&self.role),
            permissions: self.permissions(),
            is_approved: self.is_approved,
            status: self.status.clone(),
            reason: self.reason.clone(),
        }
    }
}

impl Known {
    /// The organisation to act in: the one that is wished for, which must be there, else the one of before, else the first.
    pub(super) fn choose(&self, wish: Option<Uuid>, before: Option<Uuid>) -> Result<Option<Uuid>, ApiError> {
        let mut open = self.memberships.iter().filter(|membership| membership.is_approved);
        let has = |org: Uuid| open.clone().any(|membership| membership.org_id == org);
        match wish {
            Some(wish) if has(wish) => Ok(Some(wish)),
            Some(_) => {
                let reason = "is none that you are in and that is approved";
                Err(ApiError::Invalid(vec![FieldError::new("organisation", reason)]))
            }
            None => Ok(before.filter(|org| has(*org)).or_else(|| open.next().map(|first| first.org_id))),
        }
    }

    pub(super) fn view(self, organisation: Option<Uuid>) -> Me {
        let organisations = self.memberships.iter().map(Membership::view).collect();
        Me { person: self.person, organisation, organisations }
    }

    /// What an access token for `sign_in`, acting in `organisation`, claims.
    pub(super) fn claims(&self, sign_in: Uuid, organisation: Option<Uuid>) -> Claims {
        let acts = self.memberships.iter().find(|membership| Some(membership.org_id) == organisation);
        Claims {
            sub: self.person.id,
            sid: sign_in,
            org: acts.map(|membership| membership.org_id),
            role: acts.and_then(|membership| Role::of(&membership.role)),
            permissions: acts.map(Membership::permissions).unwrap_or_default(),
            epoch: epoch(self.epoch, acts.map(|membership| membership.token_epoch)),
        }
    }
}

/// Both only rise, so their sum changes with each of them.
fn epoch(person: i32, member: Option<i32>) -> i64 {
    i64::from(person) + i64::from(member.unwrap_or_default())
}

/// How a sign-in stands now: neither revoked nor over, and whose it is may sign in.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Standing {
    pub(super) org_id: Option<Uuid>,
    pub(super) is_staff: bool,
    pub(super) person_epoch: i32,
    pub(super) member_epoch: Option<i32>,
    pub(super) is_open: bool,
    pub(super) role: Option<String>,
    pub(super) granted: Option<Vec<String>>,
    pub(super) withheld: Option<Vec<String>>,
}

impl Standing {
    pub(super) fn epoch(&self) -> i64 {
        epoch(self.person_epoch, self.member_epoch)
    }

    /// For which organisation, if it is approved and the person is still active there.
    pub(super) fn acts(self) -> Option<(OrgId, BTreeSet<Permission>)> {
        let org = self.org_id.filter(|_| self.is_open)?;
        let role = self.role.as_deref().and_then(Role::of);
        let (granted, withheld) = (self.granted.unwrap_or_default(), self.withheld.unwrap_or_default());
        Some((OrgId(org), of_member(role, &granted, &withheld)))
    }
}
