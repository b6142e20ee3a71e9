//! Guards of the house: what neither the compiler nor clippy can say about this repository.
//!
//! Each guard takes text and gives a list of [`Finding`]s, so that it can be shown to bite on a small bad
//! sample (the tests beside each guard). `tests/tests/tidy.rs` runs them over the real tree. The rules
//! themselves stand in `docs/architecture.md`; nothing here reads anything but tracked files and manifests.

pub mod bans;
pub mod edges;
pub mod sizes;
pub mod source;
pub mod tree;

use std::fmt;

/// A place that breaks a rule, and which rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path relative to the repository's root, or a package's name.
    pub place: String,
    /// Line from 1; 0 when the finding is about the whole file.
    pub line: usize,
    /// What is wrong, and what to do instead.
    pub what: String,
}

impl Finding {
    /// A finding about `line` of `place`.
    pub fn at(place: &str, line: usize, what: impl Into<String>) -> Self {
        Self { place: place.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.place, self.what),
            line => write!(f, "{}:{line}: {}", self.place, self.what),
        }
    }
}

/// All findings, one a line, or `Ok` when there are none: what a test on the real tree returns.
pub fn verdict(rule: &str, mut findings: Vec<Finding>) -> Result<(), String> {
    if findings.is_empty() {
        return Ok(());
    }
    findings.sort();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Err(format!("{rule}: {} finding(s)\n{}", lines.len(), lines.join("\n")))
}
