//! Rows of prices.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{OutboundPrice, OutboundPriceDescription};
use crate::{
    database::Work,
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    telephony::resource::{
        Resource,
        store::{Statements, statements},
    },
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] =
    &[Broken::taken("outbound_prices_prefix_key", "there is a price for these numbers")];

impl Resource for OutboundPrice {
    type Description = OutboundPriceDescription;
    const PATH: &'static str = "/api/telephony/outbound-prices";
    const ACTIONS: [&'static str; 3] =
        ["outbound_price.created", "outbound_price.changed", "outbound_price.deleted"];
    const STATEMENTS: Statements = statements!(
        "telephony.outbound_prices",
        "id, prefix, rupiah_per_minute, created_at, updated_at, version"
    );

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: OutboundPriceDescription) -> Result<OutboundPriceDescription, ApiError> {
        new.check()
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c OutboundPriceDescription,
    ) -> Work<'c, (), ApiError> {
        let query = "insert into telephony.outbound_prices (org_id, id, prefix, rupiah_per_minute) \
                     values ($1, $2, $3, $4)";
        Box::pin(run(c, query, key, new))
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c OutboundPriceDescription,
    ) -> Work<'c, (), ApiError> {
        let query = "update telephony.outbound_prices set prefix = $3, rupiah_per_minute = $4 \
                     where org_id = $1 and id = $2";
        Box::pin(run(c, query, key, new))
    }
}

async fn run(
    c: &mut PgConnection,
    query: &'static str,
    (org, id): (OrgId, Uuid),
    new: &OutboundPriceDescription,
) -> Result<(), ApiError> {
    let query = sqlx::query(query).bind(org.0).bind(id).bind(&new.prefix);
    let done = query.bind(i64::from(new.rupiah_per_minute)).execute(c).await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}
