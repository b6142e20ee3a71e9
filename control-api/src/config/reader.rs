//! A TOML table that is taken apart key by key; what is wrong is noted, what is left over is unknown.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use toml::{Table, Value};

use super::Mistake;

/// One table of the file.
pub(super) struct Reader {
    prefix: String,
    table: Table,
    mistakes: Vec<Mistake>,
    unknown: Vec<Mistake>,
}

impl Reader {
    pub(super) fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let table =
            text.parse().map_err(|error: toml::de::Error| vec![error.to_string().trim().to_owned()])?;
        Ok(Self { prefix: String::new(), table, mistakes: Vec::new(), unknown: Vec::new() })
    }

    /// The table `key`, empty when it is missing. Give it back to [`Self::absorb`].
    pub(super) fn table(&mut self, key: &str) -> Self {
        let table = match self.table.remove(key) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.mistake(key, "must be a table");
                Table::new()
            }
        };
        Self { prefix: format!("{}{key}.", self.prefix), table, mistakes: Vec::new(), unknown: Vec::new() }
    }

    /// Takes over what was found wrong in `table`.
    pub(super) fn absorb(&mut self, mut table: Self) {
        table.note_unknown();
        self.mistakes.append(&mut table.mistakes);
        self.unknown.append(&mut table.unknown);
    }

    pub(super) fn text(&mut self, key: &str, default: &str) -> String {
        match self.table.remove(key) {
            None => default.to_owned(),
            Some(Value::String(text)) => text,
            Some(_) => {
                self.mistake(key, "must be text");
                default.to_owned()
            }
        }
    }

    /// A list of texts, each understood by `read`; those that are wrong are noted and left out.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        default: &[&str],
        read: impl Fn(&str) -> Option<T>,
        must: &str,
    ) -> Vec<T> {
        let given = self.table.remove(key);
        let given =
            given.unwrap_or_else(|| default.iter().copied().map(Value::from).collect::<Vec<_>>().into());
        let Value::Array(given) = given else {
            self.mistake(key, "must be a list");
            return Vec::new();
        };
        let mut values = Vec::new();
        for value in given {
            match value.as_str().and_then(&read) {
                Some(value) => values.push(value),
                None => self.mistake(key, must),
            }
        }
        values
    }

    /// `None` when it is wrong, which has been noted.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, default: &str, must: &str) -> Option<T> {
        let before = self.mistakes.len();
        let value = self.text(key, default).parse().ok();
        if value.is_none() && self.mistakes.len() == before {
            self.mistake(key, must);
        }
        value
    }

    pub(super) fn number<T>(&mut self, key: &str, default: T, bounds: RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        match self.table.remove(key) {
            None => default,
            Some(Value::Integer(number)) if T::try_from(number).is_ok_and(|n| bounds.contains(&n)) => {
                T::try_from(number).unwrap_or(default)
            }
            Some(_) => {
                let (least, most) = bounds.into_inner();
                self.mistake(key, &format!("must be a whole number, {least} … {most}"));
                default
            }
        }
    }

    pub(super) fn seconds(&mut self, key: &str, default: u32, bounds: RangeInclusive<u32>) -> Duration {
        Duration::from_secs(self.number(key, default, bounds).into())
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        match self.table.remove(key) {
            None => false,
            Some(Value::Boolean(is_so)) => is_so,
            Some(_) => {
                self.mistake(key, "must be true or false");
                false
            }
        }
    }

    /// Notes a mistake unless `is_right`.
    pub(super) fn check(&mut self, key: &str, is_right: bool, must: &str) {
        if !is_right {
            self.mistake(key, must);
        }
    }

    /// Everything that was wrong in the whole file; else `value`, which is there when nothing was.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Mistake>> {
        self.note_unknown();
        self.mistakes.append(&mut self.unknown);
        match value {
            Some(value) if self.mistakes.is_empty() => Ok(value),
            _ => Err(self.mistakes),
        }
    }

    fn note_unknown(&mut self) {
        let keys = self.table.keys().map(|key| format!("{}{key}: unknown key", self.prefix));
        self.unknown.extend(keys);
        self.table.clear();
    }

    fn mistake(&mut self, key: &str, what: &str) {
        self.mistakes.push(format!("{}{key}: {what}", self.prefix));
    }
}
