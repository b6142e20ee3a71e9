//! What is said in the two steps of a registration and of a forgotten password, and by whoever wants another name.

use contract::language::Language;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{error::ApiError, fields::Fields},
    identity::{password, sign_ins::model::EMAIL_BYTES_MAX},
};

/// Characters of a person's name.
pub(in crate::identity) const NAME_CHARS_MAX: usize = 100;

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The name that others see
    #[schema(example = "Sari Dewi", min_length = 1, max_length = 100)]
    pub name: String,
    /// Where the letter goes
    #[schema(example = "sari@example.com")]
    pub email: String,
    /// At least 8 characters, with a digit and a symbol
    pub password: String,
    /// The language of the letter: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

/// Who has forgotten a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    /// The account's address
    #[schema(example = "sari@example.com")]
    pub email: String,
    /// The language of the letter: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

/// The token of a letter, from whoever has asked for the account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// As it stands in the letter; it is good once
    pub token: String,
    /// The one that was asked for: else whoever knows an address could have its owner open an account with a password of theirs
    pub password: String,
}

/// The token of a letter, and another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// As it stands in the letter; it is good once
    pub token: String,
    /// At least 8 characters, with a digit and a symbol
    pub password: String,
}

/// Who wants to be called something else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Renaming {
    /// The name that others see
    #[schema(example = "Sari Dewi", min_length = 1, max_length = 100)]
    pub name: String,
}

impl Registration {
    /// Itself, or everything that is wrong with it.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let name = name(&mut fields, &self.name);
        let email = address(&mut fields, &self.email);
        password::check(&mut fields, "password", &self.password);
        fields.done().map(|()| Self { name, email, ..self })
    }
}

impl Forgotten {
    /// Itself, if its address could be one.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let email = address(&mut fields, &self.email);
        fields.done().map(|()| Self { email, ..self })
    }
}

impl Reset {
    /// Itself, if the password may be one.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        password::check(&mut fields, "password", &self.password);
        fields.done().map(|()| self)
    }
}

impl Renaming {
    /// Itself, if that may be a name.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let name = name(&mut fields, &self.name);
        fields.done().map(|()| Self { name })
    }
}

/// A person's name.
pub(in crate::identity) fn name(fields: &mut Fields, said: &str) -> String {
    let name = said.trim().to_owned();
    let is_name = (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fields.must(is_name, "name", format!("must be 1 … {NAME_CHARS_MAX} printable characters"));
    name
}

/// An address that a letter can go to, as addresses are compared.
pub(in crate::identity) fn address(fields: &mut Fields, said: &str) -> String {
    let email = said.trim().to_lowercase();
    // Not every server takes letters to others (RFC 6531).
    let is_plain = email.split('@').next().is_some_and(str::is_ascii);
    let is_one = email.len() <= EMAIL_BYTES_MAX && is_plain && email.parse::<lettre::Address>().is_ok();
    fields.must(is_one, "email", "must be an e-mail address");
    email
}
