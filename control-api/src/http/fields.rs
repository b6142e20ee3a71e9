//! Looking at what a client has sent, field by field: everything that is wrong is told at once.

use std::{fmt, ops::RangeInclusive};

use super::{
    error::{ApiError, FieldError},
    page::{LIMIT_DEFAULT, LIMIT_MAX},
};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 100;

/// What is wrong so far.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// `field` must be as `reason` says.
    pub fn must(&mut self, is_so: bool, field: &str, reason: impl Into<String>) {
        if !is_so {
            self.0.push(FieldError::new(field, reason));
        }
    }

    /// `field` must be of `range`.
    pub fn within<T: PartialOrd + fmt::Display>(
        &mut self,
        field: &str,
        value: &T,
        range: &RangeInclusive<T>,
    ) {
        let reason = format!("must be {} … {}", range.start(), range.end());
        self.must(range.contains(value), field, reason);
    }

    /// What `text` says, if it is there; it must be as `reason` says.
    pub fn read<T>(
        &mut self,
        field: &str,
        text: Option<&str>,
        read: impl FnOnce(&str) -> Option<T>,
        reason: &str,
    ) -> Option<T> {
        let value = read(text?);
        self.must(value.is_some(), field, reason);
        value
    }

    /// `text` must be a name.
    pub fn name(&mut self, field: &str, text: &str) {
        let is_name = (1..=NAME_CHARS_MAX).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && text.trim() == text;
        let reason = format!("must be 1 … {NAME_CHARS_MAX} printable characters without spaces around them");
        self.must(is_name, field, reason);
    }

    /// What somebody else has found to be wrong.
    pub fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        self.0.extend(errors);
    }

    /// How many rows a page is to have.
    pub fn limit(&mut self, text: Option<&str>) -> u16 {
        let read = |text: &str| text.parse().ok().filter(|rows| (1..=LIMIT_MAX).contains(rows));
        self.read("limit", text, read, &format!("must be 1 … {LIMIT_MAX}")).unwrap_or(LIMIT_DEFAULT)
    }

    /// Refuses if anything was wrong.
    pub fn done(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.0)) }
    }
}
