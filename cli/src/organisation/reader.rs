//! A TOML file that is taken apart key by key, with the line of everything, so that a mistake can be found again in an
//! editor. What is wrong is noted and the rest is read on; what nobody asks for is unknown.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The longest file: some ten thousand accounts.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The file.
    pub(crate) file: PathBuf,
    /// Its line, from 1; none when it is about the whole.
    pub(crate) line: Option<usize>,
    /// The key, `staff.number`; empty when it is about the whole.
    pub(crate) key: String,
    /// What is wrong, and what would be right.
    pub(crate) reason: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// A file's text.
pub(crate) fn read(file: &Path) -> Result<String, Mistake> {
    let wrong = |reason: String| Mistake { file: file.to_owned(), line: None, key: String::new(), reason };
    let size = fs::metadata(file).map_err(|error| wrong(format!("cannot be read: {error}")))?.len();
    if size > FILE_BYTES_MAX {
        return Err(wrong(format!("has {size} bytes, more than {FILE_BYTES_MAX}: split it")));
    }
    fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// The file while it is read.
pub(crate) struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    pub(crate) mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// The file's tables. A text that is no TOML gives nothing and one mistake.
    pub(crate) fn open(file: &'a Path, text: &'a str) -> (Self, DeTable<'a>) {
        let mut reader = Self { file, text, mistakes: Vec::new() };
        match DeTable::parse(text) {
            Ok(table) => (reader, table.into_inner()),
            Err(error) => {
                let line = error.span().map(|span| reader.line(span.start));
                reader.mistakes.push(Mistake {
                    file: file.to_owned(),
                    line,
                    key: String::new(),
                    reason: format!("is no TOML: {}", error.message().replace('\n', " ").trim()),
                });
                (reader, DeTable::new())
            }
        }
    }

    /// The folder that relative paths count from.
    pub(crate) fn folder(&self) -> &'a Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Notes a mistake.
    pub(crate) fn wrong(&mut self, line: usize, key: impl Into<String>, reason: impl Into<String>) {
        let (key, reason) = (key.into(), reason.into());
        self.mistakes.push(Mistake { file: self.file.to_owned(), line: Some(line), key, reason });
    }

    /// The table `[name]`.
    pub(crate) fn table(&mut self, from: &mut DeTable<'a>, name: &'static str) -> Option<Section<'a>> {
        let found = from.remove(name)?;
        let line = self.line(found.span().start);
        match found.into_inner() {
            DeValue::Table(table) => Some(Section { name, line, table }),
            _ => {
                self.wrong(line, name, format!("is a table, written [{name}]"));
                None
            }
        }
    }

    /// All `[[name]]`.
    pub(crate) fn tables(&mut self, from: &mut DeTable<'a>, name: &'static str) -> Vec<Section<'a>> {
        let Some(found) = from.remove(name) else { return Vec::new() };
        let line = self.line(found.span().start);
        let DeValue::Array(items) = found.into_inner() else {
            self.wrong(line, name, format!("may come several times: write [[{name}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            let line = self.line(item.span().start);
            match item.into_inner() {
                DeValue::Table(table) => sections.push(Section { name, line, table }),
                _ => self.wrong(line, name, format!("expected tables, each written [[{name}]]")),
            }
        }
        sections
    }

    /// Whatever is left over is unknown.
    pub(crate) fn nothing_else(&mut self, table: &DeTable<'a>, prefix: &str, known: &str) {
        for key in table.keys() {
            let (line, name) = (self.line(key.span().start), format!("{prefix}{}", key.get_ref()));
            self.wrong(line, name, format!("no such key; there are {known}"));
        }
    }
}

/// One table while it is read.
pub(crate) struct Section<'a> {
    name: &'static str,
    pub(crate) line: usize,
    table: DeTable<'a>,
}

impl<'a> Section<'a> {
    /// `staff.number`
    pub(crate) fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn take<T>(
        &mut self,
        reader: &mut Reader<'a>,
        key: &str,
        expected: &str,
        read: impl FnOnce(&DeValue<'a>) -> Option<T>,
    ) -> Option<At<T>> {
        let found = self.table.remove(key)?;
        let line = reader.line(found.span().start);
        match read(found.get_ref()) {
            Some(value) => Some(At { value, line }),
            None => {
                let kind = found.get_ref().type_str();
                reader.wrong(
                    line,
                    self.key(key),
                    format!("expected {expected}, found a value of type {kind}"),
                );
                None
            }
        }
    }

    /// A text, trimmed; `None` when it is missing or none, the latter being noted.
    pub(crate) fn text(&mut self, reader: &mut Reader<'a>, key: &str) -> Option<At<String>> {
        self.take(reader, key, "a text in quotes", |value| value.as_str().map(|text| text.trim().to_owned()))
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, reader: &mut Reader<'a>, key: &str) -> Option<At<String>> {
        let (is_there, text) = (self.table.contains_key(key), self.text(reader, key));
        if !is_there {
            reader.wrong(self.line, self.key(key), "is missing");
        }
        text
    }

    /// true or false.
    pub(crate) fn flag(&mut self, reader: &mut Reader<'a>, key: &str, default: bool) -> bool {
        self.take(reader, key, "true or false", DeValue::as_bool).map_or(default, |at| at.value)
    }

    /// A whole number.
    pub(crate) fn number(&mut self, reader: &mut Reader<'a>, key: &str) -> Option<At<i64>> {
        self.take(reader, key, "a whole number", |value| {
            let number = value.as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// Whether it says anything of this.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The line of the first of these keys that it says anything of.
    pub(crate) fn first_of(&self, reader: &Reader<'a>, keys: &[&str]) -> Option<usize> {
        keys.iter().filter_map(|key| self.table.get(*key)).map(|found| reader.line(found.span().start)).min()
    }

    /// A list of texts, each with its line.
    pub(crate) fn texts(&mut self, reader: &mut Reader<'a>, key: &str) -> Vec<At<String>> {
        let expected = "a list of texts in [ ]";
        let list = self.take(reader, key, expected, |value| {
            let texts = value.as_array()?.iter().map(|item: &Spanned<DeValue<'a>>| {
                Some((item.span().start, item.get_ref().as_str()?.trim().to_owned()))
            });
            texts.collect::<Option<Vec<_>>>()
        });
        let texts = list.map(|at| at.value).unwrap_or_default();
        texts.into_iter().map(|(offset, value)| At { value, line: reader.line(offset) }).collect()
    }

    /// Whatever has not been asked for is unknown.
    pub(crate) fn finish(self, reader: &mut Reader<'a>, known: &str) {
        reader.nothing_else(&self.table, &format!("{}.", self.name), known);
    }
}

/// The line in which `key`, such as `sip.udp`, is set in a text of TOML; that of its table when it is not there.
pub(crate) fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut table = DeTable::parse(text).ok()?.into_inner();
    let mut offset = None;
    for part in key.split('.') {
        let Some((name, value)) = table.remove_entry(part) else { break };
        offset = Some(name.span().start);
        match value.into_inner() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    let before = text.as_bytes().get(..offset?)?;
    Some(before.iter().filter(|byte| **byte == b'\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_key_is_found_or_that_of_its_table() {
        let text = "data_dir = \"x\"\n\n[sip]\ntcp = []\nudp = [\"a\"]\n";
        let lines = ["data_dir", "sip.udp", "sip.nothing", "media.ports"].map(|key| line_of(text, key));
        assert_eq!(lines, [Some(1), Some(5), Some(3), None]);
    }
}
