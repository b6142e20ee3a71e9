//! An organisation's holidays as clients see and describe them.

use std::collections::BTreeSet;

use dialplan::limits;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::fields::Fields,
    telephony::{clock::Span, part},
};

/// A date with other hours than its weekday's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// Which
    #[schema(example = "2026-12-25", format = Date)]
    pub date: String,
    /// For people
    #[schema(example = "Natal", min_length = 1, max_length = 100)]
    pub name: String,
    /// Whose: one extension's; null: everybody's who has hours
    #[serde(default)]
    pub extension_id: Option<Uuid>,
    /// When it is open all the same; none: closed
    #[serde(default)]
    pub hours: Vec<Span>,
}

/// All of them.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Holidays {
    /// By date.
    #[sqlx(json)]
    pub holidays: Vec<Holiday>,
    /// The version of the organisation's settings; also the ETag.
    pub version: i32,
}

/// All that can be said of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HolidaysDescription)]
pub struct Description {
    /// Each date once for everybody, and once for each extension
    pub holidays: Vec<Holiday>,
}

/// A date as ISO 8601 writes it, and nothing more.
fn is_date(text: &str) -> bool {
    text.parse::<Date>().is_ok_and(|date| date.to_string() == text && date.year() > 0)
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        let rows: usize = self.holidays.iter().map(|holiday| holiday.hours.len().max(1)).sum();
        let most = limits::HOLIDAYS_MAX;
        fields.must(rows <= most, "holidays", format!("must be {most} at most, with all their hours"));
        let mut dates = BTreeSet::new();
        for (at, holiday) in self.holidays.iter().enumerate() {
            let field = format!("holidays[{at}]");
            fields.must(
                is_date(&holiday.date),
                &format!("{field}.date"),
                "must be a date such as 2026-12-25",
            );
            fields.name(&format!("{field}.name"), &holiday.name);
            let is_first = dates.insert((&holiday.date, holiday.extension_id));
            fields.must(is_first, &field, "is there already: its hours belong together");
            let mut starts = BTreeSet::new();
            for (no, span) in holiday.hours.iter().enumerate() {
                let field = format!("{field}.hours[{no}]");
                span.check(fields, &field);
                fields.must(starts.insert(&span.start), &field, "begins when another one does");
            }
        }
    }
}
