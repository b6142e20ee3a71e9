//! Rows of page groups.

use sqlx::PgConnection;

use super::model::{Description, PageGroup};
use crate::{
    http::error::{ApiError, Broken, broken},
    identifier,
    telephony::part::{self, Actions, Part, Place, Removable},
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[Broken::nowhere("page_groups_extension_fkey")];

impl Part for PageGroup {
    type Description = Description;
    const ACTIONS: Actions = Actions {
        created: "page_group.created",
        changed: "page_group.changed",
        deleted: "page_group.deleted",
    };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, extension): Place) -> Result<Option<Self>, sqlx::Error> {
        let one = sqlx::query_as(
            "select id, is_duplex, created_at, updated_at, version from telephony.page_groups \
             where org_id = $1 and extension_id = $2",
        );
        one.bind(org.0).bind(extension).fetch_optional(c).await
    }

    async fn put(
        c: &mut PgConnection,
        (org, extension): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        let done = sqlx::query(if old.is_some() {
            "update telephony.page_groups set is_duplex = $4 where org_id = $1 and extension_id = $2 and id = $3"
        } else {
            "insert into telephony.page_groups (org_id, extension_id, id, is_duplex) values ($1, $2, $3, $4)"
        });
        let id = old.map_or_else(identifier::fresh, |old| Ok(old.id))?;
        let done = done.bind(org.0).bind(extension).bind(id).bind(new.is_duplex).execute(c).await;
        done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
    }
}

impl Removable for PageGroup {
    async fn remove(c: &mut PgConnection, place: Place) -> Result<(), ApiError> {
        part::delete(c, "delete from telephony.page_groups where org_id = $1 and extension_id = $2", place)
            .await
    }
}
