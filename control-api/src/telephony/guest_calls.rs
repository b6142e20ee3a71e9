//! What guests may call (H-020, HX-17), by the plan that the switch makes of the same rows. A call of theirs is begun with a pass
//! ([`contract::guests`]) that nobody stores.

pub mod http;
pub mod model;

use configuration::Secrets;
use contract::{
    id::{ExtensionId, OrgId},
    snapshot::Snapshot,
    time::Timestamp,
};
use dialplan::Plan;
use sqlx::PgConnection;

use self::model::OpenExtension;
use crate::http::error::ApiError;

/// An organisation's plan at this moment, as far as guests see it.
pub(crate) struct GuestPlan {
    language: &'static str,
    timezone: String,
    sip_domain: String,
    extensions: Vec<OpenExtension>,
}

/// That of an organisation, whose scope it is; `None`: there is none to call by.
pub(crate) async fn plan(c: &mut PgConnection, org: OrgId) -> Result<Option<GuestPlan>, ApiError> {
    let organisations = configuration::load(c, Some(&[org]), Secrets::Withheld).await?;
    let snapshot = Snapshot { revision: 0, organisations };
    let compiled = dialplan::compile(&snapshot)
        .map_err(|wrong| ApiError::Internal(format!("the rows make no plan: {} mistakes", wrong.len())))?;
    Ok(GuestPlan::of(&snapshot, &compiled, org))
}

impl GuestPlan {
    fn of(snapshot: &Snapshot, plan: &Plan, org: OrgId) -> Option<Self> {
        let rows = snapshot.organisations.iter().find(|organisation| organisation.id == org)?;
        let plan = plan.organisation(org)?;
        let now = Timestamp(jiff::Timestamp::now().as_microsecond());
        let active = rows.extensions.iter().filter(|extension| extension.is_active);
        let mut extensions: Vec<OpenExtension> = active
            .map(|extension| OpenExtension {
                id: extension.id.0,
                number: extension.number.clone(),
                name: extension.name.clone(),
                is_open: !plan.is_closed(&extension.number, now),
                opens: plan.opens_next(&extension.number, now).map(Into::into),
            })
            .collect();
        extensions.sort_by(|one, other| one.number.cmp(&other.number));
        let (language, timezone) = (plan.language().as_str(), plan.timezone().to_owned());
        Some(Self { language, timezone, sip_domain: plan.sip_domain().to_owned(), extensions })
    }

    /// That of its announcements.
    pub(crate) fn language(&self) -> &'static str {
        self.language
    }

    /// That of its hours.
    pub(crate) fn timezone(&self) -> &str {
        &self.timezone
    }

    /// Whom guests may call, by number.
    pub(crate) fn extensions(self) -> Vec<OpenExtension> {
        self.extensions
    }

    /// One of them, with the organisation's SIP domain.
    fn extension(self, id: ExtensionId) -> Option<(OpenExtension, String)> {
        let found = self.extensions.into_iter().find(|extension| extension.id == id.0)?;
        Some((found, self.sip_domain))
    }
}
