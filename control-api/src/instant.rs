//! Instants as they cross both doors: `timestamptz` in the database, RFC 3339 in UTC in JSON.

use std::ops::RangeInclusive;

use contract::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef},
};
use utoipa::{PartialSchema, ToSchema, openapi};

/// Postgres counts from 2000-01-01T00:00:00Z.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// 0001-01-01T00:00:00Z and the last microsecond of the year 9999: what both doors can say.
const MICROS: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// [`Timestamp`] with its two outward forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

impl Instant {
    /// The instant that `text`, RFC 3339 with any offset, names, in the years 1 … 9999.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().and_then(|instant| Self::from_micros(instant.as_microsecond()))
    }

    /// By this machine's clock.
    pub fn now() -> Self {
        Self(Timestamp(jiff::Timestamp::now().as_microsecond()))
    }

    /// Whole seconds since 1970 began; 0 before.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0.0 / 1_000_000).unwrap_or_default()
    }

    /// So many microseconds after 1970 began, in the years 1 … 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        MICROS.contains(&micros).then_some(Self(Timestamp(micros)))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_microsecond(self.0.0) {
            Ok(instant) => serializer.collect_str(&format_args!("{instant:.6}")),
            Err(error) => Err(serde::ser::Error::custom(error)),
        }
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 instant"))
    }
}

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.0.checked_sub(POSTGRES_EPOCH_MICROS).ok_or("instant before Postgres' time")?;
        <i64 as Encode<Postgres>>::encode_by_ref(&micros, buffer)
    }
}

impl Decode<'_, Postgres> for Instant {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() != PgValueFormat::Binary {
            return Err("timestamptz in text form".into());
        }
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        Ok(Self(Timestamp(micros.checked_add(POSTGRES_EPOCH_MICROS).ok_or("instant after the end of time")?)))
    }
}

impl PartialSchema for Instant {
    fn schema() -> openapi::RefOr<openapi::schema::Schema> {
        let format = openapi::SchemaFormat::KnownFormat(openapi::KnownFormat::DateTime);
        openapi::ObjectBuilder::new()
            .schema_type(openapi::schema::Type::String)
            .format(Some(format))
            .description(Some("RFC 3339, in UTC, with microseconds"))
            .into()
    }
}

impl ToSchema for Instant {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, json: &str) {
        let instant = Instant::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&instant).unwrap(), format!("\"{json}\""));
    }

    #[test]
    fn instants_are_said_in_utc_with_microseconds() {
        check("2026-11-21T10:00:00+07:00", "2026-11-21T03:00:00.000000Z");
        check("2026-11-21T03:00:00.25Z", "2026-11-21T03:00:00.250000Z");
        assert_eq!(Instant::parse("2026-11-21"), None);
    }

    #[test]
    fn an_instant_that_postgres_does_not_know_is_none() {
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z");
        check("9999-12-30T00:00:00Z", "9999-12-30T00:00:00.000000Z");
        assert_eq!(Instant::parse("-009000-01-01T00:00:00Z"), None);
        assert!([i64::MIN, i64::MAX].into_iter().all(|micros| Instant::from_micros(micros).is_none()));
    }
}
