//! Lists by keyset: a page names where the next one begins, by the order's own columns, so that rows which
//! arrive meanwhile neither repeat nor hide any.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{error::ApiError, fields::Fields};
use crate::instant::Instant;

/// Rows on a page unless asked otherwise.
pub const LIMIT_DEFAULT: u16 = 50;

/// Rows on a page at most.
pub const LIMIT_MAX: u16 = 200;

/// A part of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows, newest first unless the list says otherwise.
    pub items: Vec<T>,
    /// Pass as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// From up to `limit` + 1 rows: the one too many only proves that there is a next page.
    pub fn new<C: fmt::Display>(mut rows: Vec<T>, limit: u16, cursor: impl Fn(&T) -> C) -> Self {
        let has_more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let next_cursor = rows.last().filter(|_| has_more).map(|row| cursor(row).to_string());
        Self { items: rows, next_cursor }
    }
}

/// The last row of a page, by creation and id. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its `created_at`.
    pub at: Instant,
    /// Its `id`.
    pub id: Uuid,
}

impl Cursor {
    /// The cursor that `text` is, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0_u8; 24];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        let (at, id) = decoded.split_at_checked(8)?;
        let at = Instant::from_micros(i64::from_be_bytes(at.try_into().ok()?))?;
        Some(Self { at, id: Uuid::from_slice(id).ok()? })
    }
}

/// As clients carry it.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0_u8; 24];
        let (at, id) = bytes.split_at_mut(8);
        at.copy_from_slice(&self.at.0.0.to_be_bytes());
        id.copy_from_slice(self.id.as_bytes());
        f.write_str(&Base64UrlUnpadded::encode_string(&bytes))
    }
}

/// What can be asked of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Rows on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: Option<String>,
    /// `next_cursor` of the page before
    pub(crate) cursor: Option<String>,
}

impl ListQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub fn check(&self) -> Result<(u16, Option<Cursor>), ApiError> {
        let mut fields = Fields::default();
        let asked = self.read(&mut fields);
        fields.done().map(|()| asked)
    }

    /// The same among more that is asked.
    pub(crate) fn read(&self, fields: &mut Fields) -> (u16, Option<Cursor>) {
        let cursor = "must be the next_cursor of a page before";
        let limit = fields.limit(self.limit.as_deref());
        (limit, fields.read("cursor", self.cursor.as_deref(), Cursor::parse, cursor))
    }
}

#[cfg(test)]
mod tests {
    use contract::time::Timestamp;

    use super::*;

    fn cursor(micros: i64) -> Cursor {
        Cursor { at: Instant(Timestamp(micros)), id: Uuid::from_u128(7) }
    }

    #[test]
    fn a_cursor_survives_its_journey_and_nothing_else_is_one() {
        assert_eq!(
            Cursor::parse(&cursor(1_700_000_000_000_001).to_string()),
            Some(cursor(1_700_000_000_000_001))
        );
        for text in ["", "abc", "../../etc/passwd", &"A".repeat(31), &"A".repeat(33), &"A".repeat(5_000)] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
        for beyond_time in [i64::MIN, i64::MAX] {
            assert_eq!(Cursor::parse(&cursor(beyond_time).to_string()), None, "{beyond_time}");
        }
    }

    #[test]
    fn only_a_full_page_with_a_row_beyond_has_a_next() {
        let page = Page::new(vec![3, 2, 1], 2, |row| cursor(*row));
        assert_eq!((page.items, page.next_cursor), (vec![3, 2], Some(cursor(2).to_string())));
        let page = Page::new(vec![2, 1], 2, |row| cursor(*row));
        assert_eq!((page.items, page.next_cursor), (vec![2, 1], None));
    }
}
