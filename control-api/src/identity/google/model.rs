//! What is said around a visit of the provider.

use contract::language::Language;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{http::fields::Fields, identity::accounts, instant::Instant, openid::Proven};

/// Minutes that a visit of the provider may take.
pub const VISIT_MINUTES: u32 = 10;
/// Characters of what the provider calls somebody (OpenID Connect Core 1.0 §2).
const SUBJECT_CHARS_MAX: usize = 255;

/// How somebody may sign in here.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Methods {
    /// With e-mail address and password.
    pub password: bool,
    /// With Google, or whichever provider the operator names.
    pub google: bool,
}

/// Where a browser goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Authorization {
    /// At the provider.
    pub url: String,
    /// To be kept by this browser alone, and sent with what it comes back with.
    pub token: String,
    /// Seconds until it must have come back.
    #[schema(example = 600)]
    pub expires_in: u32,
}

/// What a browser has come back with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// What this browser has kept
    pub token: String,
    /// As it stands in the address
    pub state: String,
    /// As it stands in the address
    pub code: String,
}

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoogleSignIn {
    /// What the browser has come back with
    pub visit: Returned,
    /// The organisation to act in, for who is in several; else the first one
    #[serde(default)]
    pub organisation: Option<Uuid>,
    /// The language of a letter about it: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

/// Who wants to sign in with Google from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Linking {
    /// What the browser has come back with
    pub visit: Returned,
    /// The password, because whoever has found a browser that is signed in may not let themselves in for good
    pub password: String,
    /// The language of the letter about it: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

/// Who does not want to any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unlinking {
    /// The password, which is then the only way in
    pub password: String,
    /// The language of the letter about it: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

/// How it stands.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Link {
    /// Since when; null: not.
    pub linked_at: Option<Instant>,
    /// Without a password it stays.
    pub has_password: bool,
}

/// What the provider calls somebody, if rows can hold it.
pub(super) fn subject(proven: &Proven) -> Option<&str> {
    let is_one = (1..=SUBJECT_CHARS_MAX).contains(&proven.subject.chars().count());
    is_one.then_some(proven.subject.as_str())
}

/// Name and address of somebody nobody knows yet, as registrations have them.
pub(super) fn registered(proven: &Proven) -> Option<(String, String)> {
    let mut fields = Fields::default();
    let address = accounts::model::address(&mut fields, proven.address.as_deref()?);
    fields.done().ok()?;
    let name = called(proven).unwrap_or_else(|| printable(address.split('@').next().unwrap_or_default()));
    Some((name, address))
}

/// Their name, if the provider says one that can be shown.
pub(super) fn called(proven: &Proven) -> Option<String> {
    proven.name.as_deref().map(printable).filter(|name| !name.is_empty())
}

fn printable(text: &str) -> String {
    let shown = text.chars().filter(|letter| !letter.is_control());
    shown.take(accounts::model::NAME_CHARS_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_name_at_the_provider_is_called_by_the_address() {
        let check = |name: Option<&str>, address: Option<&str>| {
            let proven = Proven {
                issuer: String::new(),
                subject: "1".to_owned(),
                address: address.map(str::to_owned),
                name: name.map(str::to_owned),
            };
            registered(&proven)
        };
        let some = |name: &str| Some((name.to_owned(), "sari@example.test".to_owned()));
        let address = Some("Sari@Example.test");
        assert_eq!(check(Some(" Sari\u{7} Dewi "), address), some("Sari Dewi"));
        assert_eq!(check(Some("\n"), address), some("sari"));
        assert_eq!(check(None, address), some("sari"));
        assert_eq!(check(Some(&"x".repeat(101)), address), some(&"x".repeat(100)));
        assert_eq!(check(Some("Sari"), None), None);
        assert_eq!(check(Some("Sari"), Some("sari")), None);
    }
}
