//! Which extensions are open at this moment, by the plan that the switch makes of the same rows: for guests, who see nothing else of an
//! organisation (H-020, HX-17), and for its members, who send calls on to them (H-034). What is open is `dialplan`'s word.

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

use self::model::{ExtensionNow, OpenExtension};
use crate::http::error::ApiError;

/// An organisation at this moment, as far as it is told to whoever may not read what its calls are decided by.
pub(crate) struct Directory {
    language: &'static str,
    timezone: String,
    sip_domain: String,
    extensions: Vec<ExtensionNow>,
}

/// That of an organisation, whose scope it is; `None`: there is none to call by.
pub(crate) async fn directory(c: &mut PgConnection, org: OrgId) -> Result<Option<Directory>, ApiError> {
    let organisations = configuration::load(c, Some(&[org]), Secrets::Withheld).await?;
    let snapshot = Snapshot { revision: 0, organisations };
    let compiled = dialplan::compile(&snapshot)
        .map_err(|wrong| ApiError::Internal(format!("the rows make no plan: {} mistakes", wrong.len())))?;
    Ok(Directory::of(&snapshot, &compiled, org))
}

impl Directory {
    fn of(snapshot: &Snapshot, plan: &Plan, org: OrgId) -> Option<Self> {
        let rows = snapshot.organisations.iter().find(|organisation| organisation.id == org)?;
        let plan = plan.organisation(org)?;
        let now = Timestamp(jiff::Timestamp::now().as_microsecond());
        let active = rows.extensions.iter().filter(|extension| extension.is_active);
        let mut extensions: Vec<ExtensionNow> = active
            .map(|extension| ExtensionNow {
                is_open: !plan.is_closed(&extension.number, now),
                opens: plan.opens_next(&extension.number, now).map(Into::into),
                extension: OpenExtension {
                    id: extension.id.0,
                    number: extension.number.clone(),
                    name: extension.name.clone(),
                },
            })
            .collect();
        extensions.sort_by(|one, other| one.extension.number.cmp(&other.extension.number));
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

    /// All that are active, by number.
    pub(crate) fn extensions(self) -> Vec<ExtensionNow> {
        self.extensions
    }

    /// Those that are open, by number.
    fn open(self) -> impl Iterator<Item = OpenExtension> {
        let open = self.extensions.into_iter().filter(|now| now.is_open);
        open.map(|now| now.extension)
    }

    /// One of them, with the organisation's SIP domain.
    pub(crate) fn extension(self, id: ExtensionId) -> Option<(ExtensionNow, String)> {
        let found = self.extensions.into_iter().find(|now| now.extension.id == id.0)?;
        Some((found, self.sip_domain))
    }
}
