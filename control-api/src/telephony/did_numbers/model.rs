//! A number in the telephone network as clients see and describe it.

use contract::{
    id::{DidId, ExtensionId},
    outside::{Did, Outside},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    instant::Instant,
    telephony::outside::mistakes,
};

/// A number of the organisation in the telephone network, and what it stands for.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct DidNumber {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// By E.164.
    #[schema(example = "+62215550100")]
    pub number: String,
    /// The extension that it stands for, if it does for one.
    pub extension_id: Option<Uuid>,
    /// The person that it stands for, if it does for one.
    pub user_id: Option<Uuid>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of a number in the telephone network: an extension or a person that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DidNumberDescription {
    /// By E.164, nobody else's, in no organisation
    #[schema(example = "+62215550100", pattern = r"^\+[1-9][0-9]{6,14}$")]
    pub number: String,
    /// An extension
    #[serde(default)]
    pub extension_id: Option<Uuid>,
    /// Or a person with a number
    #[serde(default)]
    pub user_id: Option<Uuid>,
}

impl DidNumberDescription {
    /// Itself, or everything that is wrong with it as far as it can be seen without looking at other rows.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let did = Did {
            id: DidId(Uuid::nil()),
            number: self.number.clone(),
            extension: Some(ExtensionId(Uuid::nil())),
            user: None,
        };
        let reasons = [("number", "must be a number by E.164, such as +62215550100")];
        fields.extend(mistakes(Outside { dids: vec![did], ..Outside::default() }, &reasons));
        let is_one = self.extension_id.is_some() != self.user_id.is_some();
        fields.must(is_one, "extension_id", "must be there, or user_id, and not both");
        fields.done().map(|()| self)
    }
}
