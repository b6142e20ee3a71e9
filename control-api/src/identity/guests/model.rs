//! What guests see of an organisation, and what they say to enter it. No I/O.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    identity::google::model::Returned,
    instant::Instant,
    telephony::open_extensions::{Directory, model::ExtensionNow},
};

/// Characters of what a guest calls themselves.
const GUEST_NAME_CHARS_MAX: usize = 100;

/// An organisation as guests see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GuestOrganisation {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// Where it is.
    pub address: Option<String>,
    /// The same in degrees, north positive (WGS 84).
    pub latitude: Option<f64>,
    /// East positive.
    pub longitude: Option<f64>,
    /// The language that its calls are announced in.
    #[schema(example = "id")]
    pub language: String,
    /// Where its hours are counted: a name of the IANA database.
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    /// Whom guests may call, by number.
    pub extensions: Vec<ExtensionNow>,
}

/// What the row says of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Face {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) address: Option<String>,
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
    pub(super) is_approved: bool,
}

/// Who wants to enter.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The code behind `/g/`
    #[schema(example = "k7dqx2mfw9bn3hpt4zcr")]
    pub code: String,
    /// What they call themselves
    #[schema(example = "Siti", min_length = 1, max_length = 100)]
    pub name: String,
}

impl Entry {
    /// Itself, if the name can be shown. No name is wrong beyond that, and none is taken (H-010).
    pub(super) fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let is_name = (1..=GUEST_NAME_CHARS_MAX).contains(&self.name.chars().count())
            && !self.name.trim().is_empty()
            && !self.name.chars().any(char::is_control);
        fields.must(is_name, "name", format!("must be 1 … {GUEST_NAME_CHARS_MAX} printable characters"));
        fields.done().map(|()| self)
    }
}

/// Who wants to enter with Google.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuestVisit {
    /// The code behind `/g/`
    #[schema(example = "k7dqx2mfw9bn3hpt4zcr")]
    pub code: String,
}

/// Who has come back from there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuestReturn {
    /// The code that they went from
    #[schema(example = "k7dqx2mfw9bn3hpt4zcr")]
    pub code: String,
    /// What the browser has come back with
    pub visit: Returned,
}

/// The row of a session that goes on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::identity) struct Session {
    pub(super) id: Uuid,
    pub(super) org_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) name: String,
    pub(super) expires_at: Instant,
    pub(super) is_approved: bool,
}

/// A guest in an organisation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GuestSession {
    /// Bearer of all that the guest asks for from now on.
    #[schema(example = "sambung_guest_…")]
    pub token: String,
    /// Who the guest is, in calls too.
    pub guest: Uuid,
    /// What they call themselves.
    pub name: String,
    /// Until when, unless the session is used before.
    pub expires_at: Instant,
    /// Where they are.
    pub organisation: GuestOrganisation,
}

impl Session {
    pub(super) fn view(self, token: String, organisation: GuestOrganisation) -> GuestSession {
        GuestSession {
            token,
            guest: self.user_id,
            name: self.name,
            expires_at: self.expires_at,
            organisation,
        }
    }
}

impl Face {
    pub(super) fn view(self, directory: Directory) -> GuestOrganisation {
        let Self { name, description, address, latitude, longitude, .. } = self;
        let (language, timezone) = (directory.language().to_owned(), directory.timezone().to_owned());
        let extensions = directory.extensions();
        GuestOrganisation { name, description, address, latitude, longitude, language, timezone, extensions }
    }
}
