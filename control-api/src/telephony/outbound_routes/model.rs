//! The routes to the telephone network as clients see and describe them.

use std::collections::BTreeSet;

use contract::{
    id::{OutboundRouteId, TrunkId},
    outside::{self, Outside},
};
use dialplan::{Row, limits::ROUTES_MAX};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{
        error::{ApiError, FieldError},
        fields::Fields,
    },
    telephony::outside::{diagnostics, reason},
};

/// The routes, in the order in which they are tried.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OutboundRoutes {
    /// The first that fits a number takes it.
    pub routes: Vec<OutboundRoute>,
    /// The version of the whole list; also the ETag. 0 where there never was one.
    pub version: i32,
}

/// Which calls go out by which trunks.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct OutboundRoute {
    /// Its id; it stays as long as the name does.
    pub id: Uuid,
    /// For people.
    #[schema(example = "National")]
    pub name: String,
    /// What the number begins with: with a plus by E.164, else as it is dialled. Empty: any number.
    #[schema(example = "+62")]
    pub prefix: String,
    /// Digits that are taken off what was dialled before it is read as a number.
    pub strip_digits: i32,
    /// Digits that are put in front of the rest.
    pub prepend_digits: String,
    /// The trunks that are tried, in order.
    pub trunks: Vec<Uuid>,
    /// False: passed over.
    pub is_active: bool,
}

/// All routes, in the order in which they are tried. Those that are left out are there no more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutboundRoutesDescription {
    /// The first that fits a number takes it
    #[schema(max_items = 256)]
    pub routes: Vec<OutboundRouteDescription>,
}

/// All that can be said of a route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutboundRouteDescription {
    /// For people, no other one's
    #[schema(example = "National", min_length = 1, max_length = 100)]
    pub name: String,
    /// What the number begins with: with a plus by E.164, else as it is dialled; empty: any number
    #[serde(default)]
    #[schema(example = "+62", pattern = r"^\+?[0-9]{0,15}$")]
    pub prefix: String,
    /// Digits of the prefix, without a plus, that are taken off what was dialled
    #[serde(default)]
    #[schema(maximum = 15, default = 0)]
    pub strip_digits: u16,
    /// Digits that are put in front of the rest; none where the prefix has a plus
    #[serde(default)]
    #[schema(pattern = r"^\+?[0-9]{0,15}$")]
    pub prepend_digits: String,
    /// The trunks that are tried, in order, each once
    #[schema(min_items = 1, max_items = 32)]
    pub trunks: Vec<Uuid>,
    /// False: passed over
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
}

const fn yes() -> bool {
    true
}

/// What each field must be, where it is not as the compiler wants it.
const REASONS: &[(&str, &str)] = &[
    ("prefix", "must be up to 15 digits such as 0 or 9, or with a plus +65"),
    ("strip_digits", "must be 0 … the length of a prefix without a plus"),
    ("prepend_digits", "must be up to 15 digits, and none where the prefix has a plus"),
    ("trunks", "must be trunks, each once"),
];

impl OutboundRoutesDescription {
    /// Itself, or everything that is wrong with it as far as it can be seen without looking at other rows.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.must(self.routes.len() <= ROUTES_MAX, "routes", format!("must be {ROUTES_MAX} at most"));
        let mut names = BTreeSet::new();
        for (at, route) in self.routes.iter().enumerate() {
            let field = format!("routes[{at}].name");
            fields.name(&field, &route.name);
            fields.must(names.insert(&route.name), &field, "must be no other one's");
        }
        for one in diagnostics(self.alone()) {
            if let Row::OutboundRoute(id) = one.row {
                let field = format!("routes[{}].{}", id.0.as_u128(), one.field);
                fields.extend([FieldError::new(field, reason(&one, REASONS))]);
            }
        }
        fields.done().map(|()| self)
    }

    /// For the compiler: its place is the id of each, and whatever trunks they name are there.
    fn alone(&self) -> Outside {
        let routes = self.routes.iter().zip(0_u128..).map(|(route, at)| outside::OutboundRoute {
            id: OutboundRouteId(Uuid::from_u128(at)),
            name: route.name.clone(),
            prefix: route.prefix.clone(),
            strip_digits: route.strip_digits,
            prepend_digits: route.prepend_digits.clone(),
            trunks: route.trunks.iter().copied().map(TrunkId).collect(),
            is_active: route.is_active,
        });
        Outside { routes: routes.collect(), ..Outside::default() }
    }
}
