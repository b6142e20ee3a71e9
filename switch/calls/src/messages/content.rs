//! What may be in a message: size, text without control characters, and no other sender inside than outside.
//!
//! A type that is not known here is passed on as it came, with its own name: devices decide what they can show.

use dialplan::{Account, OrgPlan};
use sip::{ExtraHeaders, HeaderName, Message, NameAddr, Reply};

/// What else the headers of a message say about its body (RFC 3261 §20.13); the rest goes with the body itself.
pub(super) fn headers(message: &Message<'_>) -> ExtraHeaders {
    let languages: Vec<&str> = message.values(HeaderName::ContentLanguage).collect();
    let line = (HeaderName::ContentLanguage.as_str().into(), languages.join(", "));
    if languages.is_empty() { ExtraHeaders::new() } else { ExtraHeaders::from([line]) }
}

/// Judges the body of a message.
pub(super) fn judge(
    message: &Message<'_>,
    org: &OrgPlan,
    sender: &Account,
    bytes_max: usize,
) -> Result<(), Reply> {
    let body = message.body();
    if body.len() > bytes_max {
        return Err(Reply::new(513));
    }
    if body.is_empty() || message.first(HeaderName::ContentEncoding).is_some() {
        return Ok(());
    }
    let content_type = message.first(HeaderName::ContentType).unwrap_or("");
    let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if kind.starts_with("text/") && !is_clean(body) {
        return Err(Reply::new(400).phrase("Control Characters In Text"));
    }
    if kind == "message/cpim" && !names_sender(body, org, sender) {
        return Err(Reply::new(403).phrase("CPIM From Is Not The Authenticated User"));
    }
    Ok(())
}

/// UTF-8 without control characters but tab and line ends: a terminal or a log must not obey a message.
fn is_clean(body: &[u8]) -> bool {
    let is_text = |character: char| !character.is_control() || matches!(character, '\t' | '\r' | '\n');
    std::str::from_utf8(body).is_ok_and(|text| text.chars().all(is_text))
}

/// Whether the From inside a CPIM message (RFC 3862 §4.1), if there is one, is the sender's own.
fn names_sender(body: &[u8], org: &OrgPlan, sender: &Account) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let head = text.lines().take_while(|line| !line.trim().is_empty());
    head.filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("from"))
        .all(|(_, value)| {
            // `im:`, `pres:` or `sip:`: the address behind it is what counts.
            let address = NameAddr::parse(value.trim()).ok().and_then(|from| from.uri.split_once(':'));
            let parts = address.and_then(|(_, rest)| rest.split(';').next()?.split_once('@'));
            parts.is_some_and(|(user, host)| {
                let is_own = user == &*sender.username || user == &*sender.number;
                is_own && host.eq_ignore_ascii_case(org.sip_domain())
            })
        })
}
