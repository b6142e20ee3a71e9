//! The hours of an extension as clients see and describe them.

use std::collections::BTreeSet;

use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::fields::Fields,
    telephony::{clock::Span, part},
};

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon = 1,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A part of a weekday in which the extension is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The day on which it begins
    pub day: Day,
    /// Its first minute, 00:00 … 23:59
    #[schema(example = "08:00", pattern = "^[0-9]{2}:[0-9]{2}$")]
    pub start: String,
    /// The minute after its last, 00:00 … 24:00; not after the start: on the next day
    #[schema(example = "17:00", pattern = "^[0-9]{2}:[0-9]{2}$")]
    pub end: String,
}

/// When an extension is open.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Hours {
    /// Parts of the week, in order. None: it is always open.
    #[sqlx(json)]
    pub windows: Vec<Window>,
    /// The extension's version; also the ETag.
    pub version: i32,
}

/// All of an extension's hours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HoursDescription)]
pub struct Description {
    /// Parts of the week, several a day as well; none: always open
    #[schema(max_items = 64)]
    pub windows: Vec<Window>,
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        let most = limits::WINDOWS_MAX;
        fields.must(self.windows.len() <= most, "windows", format!("must be {most} at most"));
        let mut begun = BTreeSet::new();
        for (at, Window { day, start, end }) in self.windows.iter().enumerate() {
            let field = format!("windows[{at}]");
            Span { start: start.clone(), end: end.clone() }.check(fields, &field);
            fields.must(begun.insert((day, start)), &field, "begins when another one does");
        }
    }
}
