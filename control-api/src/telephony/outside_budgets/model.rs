//! A budget as clients see and describe it.

use contract::{
    id::BudgetId,
    outside::{Allowance, Budget, Outside},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    instant::Instant,
    telephony::outside::mistakes,
};

/// How much of the telephone network may be used by a person, by a bare account, or by everybody who has no budget of their own.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct OutsideBudget {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// The person whose it is, if it is somebody's.
    pub user_id: Option<Uuid>,
    /// The bare account whose it is, if it is one's.
    pub account_id: Option<Uuid>,
    /// `national`, `international` or what a number by E.164 begins with; none: nowhere.
    #[schema(example = json!(["national", "+65"]))]
    pub destinations: Vec<String>,
    /// Calls to the telephone network at once.
    pub calls_at_once_max: i32,
    /// Calls begun within 60 seconds.
    pub calls_per_minute_max: i32,
    /// Within an hour.
    pub calls_per_hour_max: i32,
    /// Within 24 hours.
    pub calls_per_day_max: i32,
    /// Minutes that are talked within 24 hours.
    pub minutes_per_day_max: i32,
    /// What they may cost in rupiah; null: whatever they do.
    pub rupiah_per_day_max: Option<i32>,
    /// Only while this extension is open; null: always.
    pub hours_extension_id: Option<Uuid>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of a budget. What is left out is as for a new one, also in a change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutsideBudgetDescription {
    /// A person with a number
    pub user_id: Option<Uuid>,
    /// Or an account of nobody; with neither it is everybody's who has none of their own
    pub account_id: Option<Uuid>,
    /// `national`, `international` or what a number by E.164 begins with; none: nowhere
    #[schema(max_items = 64, example = json!(["national", "+65"]))]
    pub destinations: Vec<String>,
    /// Calls to the telephone network at once
    #[schema(maximum = 2000, default = 3)]
    pub calls_at_once_max: u16,
    /// Calls begun within 60 seconds
    #[schema(maximum = 1000, default = 10)]
    pub calls_per_minute_max: u16,
    /// Within an hour
    #[schema(maximum = 1000, default = 60)]
    pub calls_per_hour_max: u16,
    /// Within 24 hours
    #[schema(maximum = 1000, default = 300)]
    pub calls_per_day_max: u16,
    /// Minutes that are talked within 24 hours
    #[schema(maximum = 100_000, default = 480)]
    pub minutes_per_day_max: u32,
    /// What they may cost in rupiah; what has no price is not called then
    #[schema(maximum = 1_000_000_000)]
    pub rupiah_per_day_max: Option<u32>,
    /// Only while this extension is open
    pub hours_extension_id: Option<Uuid>,
}

impl Default for OutsideBudgetDescription {
    /// What holds where no row says anything.
    fn default() -> Self {
        let allowance = Allowance::default();
        Self {
            user_id: None,
            account_id: None,
            destinations: allowance.destinations,
            calls_at_once_max: allowance.calls_at_once_max,
            calls_per_minute_max: allowance.calls_per_minute_max,
            calls_per_hour_max: allowance.calls_per_hour_max,
            calls_per_day_max: allowance.calls_per_day_max,
            minutes_per_day_max: allowance.minutes_per_day_max,
            rupiah_per_day_max: allowance.rupiah_per_day_max,
            hours_extension_id: None,
        }
    }
}

const CALLS: &str = "must be 0 … 1000";
/// What each field must be, where it is not as the compiler wants it.
const REASONS: &[(&str, &str)] = &[
    ("destinations", "must be up to 64 of national, international and what numbers begin with, such as +65"),
    ("calls_at_once_max", "must be 0 … 2000"),
    ("calls_per_minute_max", CALLS),
    ("calls_per_hour_max", CALLS),
    ("calls_per_day_max", CALLS),
    ("minutes_per_day_max", "must be 0 … 100000"),
    ("rupiah_per_day_max", "must be 0 … 1000000000"),
];

impl OutsideBudgetDescription {
    /// Itself, or everything that is wrong with it as far as it can be seen without looking at other rows.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let is_one = self.user_id.is_none() || self.account_id.is_none();
        fields.must(is_one, "account_id", "must not be there beside user_id");
        let budget = Budget {
            id: BudgetId(Uuid::nil()),
            user: None,
            account: None,
            allowance: Allowance {
                destinations: self.destinations.clone(),
                calls_at_once_max: self.calls_at_once_max,
                calls_per_minute_max: self.calls_per_minute_max,
                calls_per_hour_max: self.calls_per_hour_max,
                calls_per_day_max: self.calls_per_day_max,
                minutes_per_day_max: self.minutes_per_day_max,
                rupiah_per_day_max: self.rupiah_per_day_max,
            },
            hours_of: None,
        };
        fields.extend(mistakes(Outside { budgets: vec![budget], ..Outside::default() }, REASONS));
        fields.done().map(|()| self)
    }
}
