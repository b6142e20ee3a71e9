//! Extensions of the moment as clients see them, and what can be asked of the list. No I/O.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Page},
    instant::Instant,
    telephony::extensions::model::is_number,
};

/// Characters that are searched for.
const SEARCH_CHARS_MAX: usize = 100;

/// An extension that takes calls now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenExtension {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    #[schema(example = "100")]
    pub number: String,
    /// Its name.
    #[schema(example = "Resepsionis")]
    pub name: String,
}

/// An extension as it is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExtensionNow {
    /// Which one.
    #[serde(flatten)]
    pub extension: OpenExtension,
    /// Whether it is open now, by its hours and the organisation's holidays.
    pub is_open: bool,
    /// When it opens next, if it is closed and does within two weeks.
    pub opens: Option<Opening>,
}

/// A time for which an extension is open.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Opening {
    /// From when on.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

impl From<dialplan::Opening> for Opening {
    fn from(opening: dialplan::Opening) -> Self {
        Self { from: Instant(opening.from), until: Instant(opening.until) }
    }
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OpenExtensionsQuery {
    /// Only those whose number begins with it, or whose name has it somewhere, in capitals or not
    #[param(max_length = 100)]
    search: Option<String>,
    /// Extensions on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// In small letters; nothing is in every name.
    search: String,
    limit: u16,
    /// The number behind which the page begins.
    after: Option<String>,
}

impl OpenExtensionsQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub(super) fn check(self) -> Result<Asked, ApiError> {
        let mut fields = Fields::default();
        let search = self.search.unwrap_or_default();
        let reason = format!("must be {SEARCH_CHARS_MAX} characters at most");
        fields.must(search.chars().count() <= SEARCH_CHARS_MAX, "search", reason);
        let limit = fields.limit(self.limit.as_deref());
        let is_cursor = self.cursor.as_deref().is_none_or(is_number);
        fields.must(is_cursor, "cursor", "must be the next_cursor of a page before");
        fields.done().map(|()| Asked { search: search.trim().to_lowercase(), limit, after: self.cursor })
    }
}

impl Asked {
    /// The page of `all`, which come by number.
    pub(super) fn page(&self, all: impl Iterator<Item = OpenExtension>) -> Page<OpenExtension> {
        let found = all.filter(|one| self.after.as_deref().is_none_or(|after| *one.number > *after));
        let found = found.filter(|one| {
            one.number.starts_with(&self.search) || one.name.to_lowercase().contains(&self.search)
        });
        let rows = found.take(usize::from(self.limit) + 1).collect();
        Page::new(rows, self.limit, |last| last.number.clone())
    }
}
