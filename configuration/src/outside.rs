//! Rows of trunks, of the numbers that people outside dial, of routes to the telephone network, of budgets and of prices.

use contract::{
    id::{AccountId, BudgetId, DidId, ExtensionId, OutboundRouteId, PriceId, TrunkId, UserId},
    outside::{Allowance, Budget, Credentials, Did, NumberFormat, OutboundRoute, Price, Registering, Trunk},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::rows::number;

pub(crate) fn trunk(row: &PgRow) -> Result<Trunk, sqlx::Error> {
    let expiry: i32 = row.try_get("registration_expiry_seconds")?;
    let login: (Option<String>, Option<String>) =
        (row.try_get("auth_username")?, row.try_get("auth_password")?);
    let realm = row.try_get("auth_realm")?;
    let registration = Registering { expiry_secs: u32::try_from(expiry).unwrap_or(0) };
    let format: &str = row.try_get("number_format")?;
    let unknown = || sqlx::Error::Decode(format!("a trunk of another release: {format}").into());
    Ok(Trunk {
        id: TrunkId(row.try_get("id")?),
        name: row.try_get("name")?,
        sources: row.try_get("sources")?,
        targets: row.try_get("targets")?,
        credentials: login.0.zip(login.1).map(|(username, password)| Credentials {
            username,
            password,
            realm,
        }),
        registration: row.try_get::<bool, _>("is_registering")?.then_some(registration),
        options_interval_secs: number(row, "options_interval_seconds")?,
        number_format: NumberFormat::of(format).ok_or_else(unknown)?,
        from_number: row.try_get("from_number")?,
        channels_max: number(row, "channels_max")?,
        is_trusted: row.try_get("is_trusted")?,
        is_active: row.try_get("is_active")?,
    })
}

pub(crate) fn did(row: &PgRow) -> Result<Did, sqlx::Error> {
    let (extension, user): (Option<Uuid>, Option<Uuid>) =
        (row.try_get("extension_id")?, row.try_get("user_id")?);
    Ok(Did {
        id: DidId(row.try_get("id")?),
        number: row.try_get("number")?,
        extension: extension.map(ExtensionId),
        user: user.map(UserId),
    })
}

pub(crate) fn route(row: &PgRow) -> Result<OutboundRoute, sqlx::Error> {
    let trunks: Vec<Uuid> = row.try_get("trunks")?;
    Ok(OutboundRoute {
        id: OutboundRouteId(row.try_get("id")?),
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        strip_digits: number(row, "strip_digits")?,
        prepend_digits: row.try_get("prepend_digits")?,
        trunks: trunks.into_iter().map(TrunkId).collect(),
        is_active: row.try_get("is_active")?,
    })
}

pub(crate) fn budget(row: &PgRow) -> Result<Budget, sqlx::Error> {
    let minutes: i32 = row.try_get("minutes_per_day_max")?;
    let rupiah: Option<i32> = row.try_get("rupiah_per_day_max")?;
    let (user, account): (Option<Uuid>, Option<Uuid>) = (row.try_get("user_id")?, row.try_get("account_id")?);
    let hours_of: Option<Uuid> = row.try_get("hours_extension_id")?;
    Ok(Budget {
        id: BudgetId(row.try_get("id")?),
        user: user.map(UserId),
        account: account.map(AccountId),
        allowance: Allowance {
            destinations: row.try_get("destinations")?,
            calls_at_once_max: number(row, "calls_at_once_max")?,
            calls_per_minute_max: number(row, "calls_per_minute_max")?,
            calls_per_hour_max: number(row, "calls_per_hour_max")?,
            calls_per_day_max: number(row, "calls_per_day_max")?,
            minutes_per_day_max: u32::try_from(minutes).unwrap_or(u32::MAX),
            rupiah_per_day_max: rupiah.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        },
        hours_of: hours_of.map(ExtensionId),
    })
}

pub(crate) fn price(row: &PgRow) -> Result<Price, sqlx::Error> {
    let rupiah: i32 = row.try_get("rupiah_per_minute")?;
    Ok(Price {
        id: PriceId(row.try_get("id")?),
        prefix: row.try_get("prefix")?,
        rupiah_per_minute: u32::try_from(rupiah).unwrap_or(u32::MAX),
    })
}
