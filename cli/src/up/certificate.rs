//! The demo's own certificate authority and the certificate it signs for the switch, so that phones can speak TLS
//! without anybody buying anything. An installation that others reach uses certificates that the world believes.
//!
//! The authority is made once and kept, so that phones that believe it go on doing so; what it signs is made anew at
//! every start, for the addresses of that start.

use std::fs;

use anyhow::Context as _;
use jiff::{ToSpan as _, civil::Date};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::{folder::Folder, options::Options, state::DOMAIN};

/// What phones are told to believe.
pub(super) const AUTHORITY: &str = "tls/ca.pem";
/// What the switch shows.
pub(super) const CHAIN: &str = "tls/switch.pem";
/// The key of what it shows.
pub(super) const KEY: &str = "tls/switch.key";
const AUTHORITY_KEY: &str = "tls/ca.key";
/// Some phones refuse certificates that are valid for longer.
const DAYS: i64 = 397;
const AUTHORITY_YEARS: i64 = 10;

/// Writes all of `DIR/tls`, the authority only when it is missing.
pub(super) fn write(folder: &Folder, options: &Options) -> anyhow::Result<()> {
    folder.private("tls")?;
    let today = jiff::Zoned::now().date();
    let mut authority = CertificateParams::default();
    authority.distinguished_name = name("sambung demo authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = match fs::read_to_string(folder.join(AUTHORITY_KEY)) {
        Ok(pem) if folder.join(AUTHORITY).exists() => {
            KeyPair::from_pem(&pem).with_context(|| format!("{AUTHORITY_KEY} holds no key"))?
        }
        _ => {
            let key = KeyPair::generate()?;
            last(&mut authority, today, today.checked_add(AUTHORITY_YEARS.years())?)?;
            folder.write_secret(AUTHORITY_KEY, &key.serialize_pem())?;
            folder.write_secret(AUTHORITY, &authority.self_signed(&key)?.pem())?;
            key
        }
    };
    let shown = [options.sips, options.wss].into_iter().flatten();
    let shown = shown.map(|address| options.reachable(address).ip().to_string());
    let mut names = vec![DOMAIN.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()];
    names.extend(shown.chain([options.media_address.to_string()]));
    names.extend(options.ipv6.map(|ip| ip.to_string()));
    names.sort_unstable();
    names.dedup();
    let mut switch = CertificateParams::new(names)?;
    switch.distinguished_name = name("sambung demo switch");
    switch.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    switch.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    switch.use_authority_key_identifier_extension = true;
    last(&mut switch, today, today.checked_add(DAYS.days())?)?;
    let switch_key = KeyPair::generate()?;
    let certificate = switch.signed_by(&switch_key, &Issuer::new(authority, key))?;
    folder.write_secret(KEY, &switch_key.serialize_pem())?;
    folder.write_secret(CHAIN, &certificate.pem())?;
    Ok(())
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Valid from yesterday, so that a clock a little behind does no harm, to `until`.
fn last(params: &mut CertificateParams, today: Date, until: Date) -> anyhow::Result<()> {
    let at = |date: Date| -> anyhow::Result<_> {
        let (month, day) = (u8::try_from(date.month())?, u8::try_from(date.day())?);
        Ok(date_time_ymd(i32::from(date.year()), month, day))
    };
    params.not_before = at(today.checked_sub(1.day())?)?;
    params.not_after = at(until)?;
    Ok(())
}
