//! What a device is told, whoever has made it: where it registers as whom, and what its keys show. The templates write it in each
//! vendor's own way.

use dialplan::{Feature, PICK_UP_AT};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    model::{Device, LINES_MAX},
    store::{Account, Rows},
};
use crate::{
    config::Phones,
    http::error::ApiError,
    identity::signing::{Kind, Signing},
};

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sheet {
    pub(super) label: String,
    pub(super) mac: String,
    /// Where the switch is: every request goes there.
    pub(super) server: String,
    pub(super) port: u16,
    pub(super) transport: String,
    /// What the accounts are of.
    pub(super) domain: String,
    pub(super) codecs: Vec<String>,
    /// What is dialled to hear messages.
    pub(super) voicemail: String,
    /// What is dialled before a number to answer what rings there.
    pub(super) pickup: String,
    /// Seconds that the clock is ahead of UTC.
    pub(super) utc_offset_seconds: i32,
    pub(super) language: String,
    pub(super) lines: Vec<Line>,
    /// Lines with nobody on them.
    pub(super) spare_lines: Vec<u8>,
    pub(super) keys: Vec<Key>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    /// From 1.
    pub(super) no: u8,
    pub(super) username: String,
    pub(super) password: String,
    /// Of its owner, or else the username.
    pub(super) name: String,
}

/// A key that shows a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Key {
    /// From 1, behind those of the lines.
    pub(super) no: usize,
    pub(super) number: String,
    pub(super) label: String,
}

impl Sheet {
    /// What is told to the device of these rows at `now`.
    pub(super) fn new(
        rows: Rows,
        phones: &Phones,
        signing: &Signing,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let Rows { device, domain, timezone, accounts, numbers } = rows;
        let (server, port) = place(&device, phones)?;
        let lines: Result<Vec<Line>, ApiError> =
            accounts.into_iter().map(|account| line(account, signing)).collect();
        let lines = lines?;
        let taken = device.lines.len();
        let is_spare = |no: &u8| lines.iter().all(|line| line.no != *no);
        let keys = numbers.into_iter().zip(taken + 1..);
        let zone = TimeZone::get(&timezone).unwrap_or(TimeZone::UTC);
        Ok(Self {
            label: device.label,
            mac: device.mac,
            server,
            port,
            transport: device.transport,
            domain,
            codecs: device.codecs,
            voicemail: Feature::VOICEMAIL_CODE.to_owned(),
            pickup: PICK_UP_AT.to_owned(),
            utc_offset_seconds: zone.to_offset(now).seconds(),
            language: device.language,
            spare_lines: (1..).take(LINES_MAX).filter(is_spare).collect(),
            keys: keys.map(|((number, label), no)| Key { no, number, label }).collect(),
            lines,
        })
    }
}

fn place(device: &Device, phones: &Phones) -> Result<(String, u16), ApiError> {
    let server = if device.transport == "tls" { &phones.tls_server } else { &phones.server };
    let place = server.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    place.ok_or(ApiError::Conflict("api.toml does not say where phones find the switch by that transport"))
}

fn line(account: Account, signing: &Signing) -> Result<Line, ApiError> {
    let known = account.password_key.as_deref().zip(account.password_no);
    let password = known.and_then(|known| signing.word_again(Kind::Password, account.id, known));
    let unknown = ApiError::Conflict("the password of an account on it was not made here: rotate it");
    let name = account.name.unwrap_or_else(|| account.username.clone());
    let password = password.ok_or(unknown)?;
    Ok(Line {
        no: u8::try_from(account.line).unwrap_or_default(),
        username: account.username,
        password,
        name,
    })
}
