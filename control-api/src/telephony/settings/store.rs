//! The row of an organisation's settings. It is there since the organisation has a SIP domain, which only an operator gives.

use contract::language::Language;
use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::model::{Description, Settings};
use crate::{
    http::error::ApiError,
    telephony::{
        extensions::model::Recording,
        part::{Actions, Part, Place, small},
    },
};

impl Part for Settings {
    type Description = Description;
    const ACTIONS: Actions =
        Actions { created: "settings.created", changed: "settings.changed", deleted: "settings.deleted" };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, _): Place) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query(
            "select sip_domain, ring_timeout_seconds, language, has_announcements, is_record_a_call, \
               is_recording_on_demand, has_recording_notice, has_recording_keys, recording_retention_days, timezone, \
               country_code, emergency_numbers, updated_at, version \
             from telephony.organisation_settings where org_id = $1",
        );
        row.bind(org.0).fetch_optional(c).await?.map(|row| settings(&row)).transpose()
    }

    async fn put(
        c: &mut PgConnection,
        (org, _): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        if old.is_none() {
            return Err(ApiError::NotFound);
        }
        sqlx::query(
            "update telephony.organisation_settings \
             set ring_timeout_seconds = $2, language = $3, has_announcements = $4, is_record_a_call = $5, \
               is_recording_on_demand = $6, has_recording_notice = $7, has_recording_keys = $8, \
               recording_retention_days = $9, timezone = $10, country_code = $11, emergency_numbers = $12 \
             where org_id = $1",
        )
        .bind(org.0)
        .bind(i32::from(new.ring_timeout_secs))
        .bind(new.language.as_str())
        .bind(new.has_announcements)
        .bind(new.recording == Recording::Always)
        .bind(new.recording == Recording::OnDemand)
        .bind(new.has_recording_notice)
        .bind(new.has_recording_keys)
        .bind(new.recording_retention_days.map(i32::from))
        .bind(&new.timezone)
        .bind(&new.country_code)
        .bind(&new.emergency_numbers)
        .execute(c)
        .await?;
        Ok(())
    }
}

fn settings(row: &PgRow) -> Result<Settings, sqlx::Error> {
    let recording = match (row.try_get("is_record_a_call")?, row.try_get("is_recording_on_demand")?) {
        (true, _) => Recording::Always,
        (false, true) => Recording::OnDemand,
        (false, false) => Recording::Never,
    };
    let described = Description {
        ring_timeout_secs: small(row, "ring_timeout_seconds")?,
        language: Language::of(row.try_get("language")?).unwrap_or_default(),
        has_announcements: row.try_get("has_announcements")?,
        recording,
        has_recording_notice: row.try_get("has_recording_notice")?,
        has_recording_keys: row.try_get("has_recording_keys")?,
        recording_retention_days: row
            .try_get::<Option<i32>, _>("recording_retention_days")?
            .and_then(|days| u16::try_from(days).ok()),
        timezone: row.try_get("timezone")?,
        country_code: row.try_get("country_code")?,
        emergency_numbers: row.try_get("emergency_numbers")?,
    };
    Ok(Settings {
        sip_domain: row.try_get("sip_domain")?,
        described,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
