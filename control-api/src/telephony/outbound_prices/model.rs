//! A price as clients see and describe it.

use contract::{
    id::PriceId,
    outside::{Outside, Price},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    instant::Instant,
    telephony::outside::mistakes,
};

/// What a minute costs that is talked with some numbers.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct OutboundPrice {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// What the numbers begin with: with a plus by E.164, without one as those of services. The longest that fits counts.
    #[schema(example = "+62812")]
    pub prefix: String,
    /// For each minute that begins.
    #[schema(example = 500)]
    pub rupiah_per_minute: i32,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of a price.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutboundPriceDescription {
    /// What the numbers begin with: with a plus by E.164, without one as those of services
    #[schema(example = "+62812", pattern = r"^\+?[0-9]{1,15}$")]
    pub prefix: String,
    /// For each minute that begins; 0 where it is free
    #[schema(example = 500, maximum = 1_000_000)]
    pub rupiah_per_minute: u32,
}

impl OutboundPriceDescription {
    /// Itself, or everything that is wrong with it as far as it can be seen without looking at other rows.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let Self { prefix, rupiah_per_minute } = self.clone();
        let price = Price { id: PriceId(Uuid::nil()), prefix, rupiah_per_minute };
        let reasons = [
            ("prefix", "must be 1 … 15 digits, with a plus or as numbers of services have them"),
            ("rupiah_per_minute", "must be 0 … 1000000"),
        ];
        fields.extend(mistakes(Outside { prices: vec![price], ..Outside::default() }, &reasons));
        fields.done().map(|()| self)
    }
}
