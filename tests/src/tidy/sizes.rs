//! Files and functions that are too long, as a ratchet: `tests/sizes.toml` lists those that are, with their
//! present size, and that list may only shrink.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{Finding, source::Source};

/// Lines a file may have.
pub const FILE_LINES_MAX: usize = 700;
/// Lines a function may have, from `fn` to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Sizes over the limits: `path` for a file, `path::function` for a function.
pub type Sizes = BTreeMap<String, usize>;

/// What `text` of the file at `path` adds to the list.
pub fn oversized(path: &str, text: &str) -> Sizes {
    let mut found = Sizes::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        found.insert(path.to_owned(), lines);
    }
    for function in Source::new(text).functions() {
        if function.lines > FUNCTION_LINES_MAX {
            let size = found.entry(format!("{path}::{}", function.name)).or_default();
            *size = function.lines.max(*size);
        }
    }
    found
}

/// Reads the committed list.
pub fn parse(toml: &str) -> Result<Sizes> {
    toml::from_str(toml).context("tests/sizes.toml: a table of path = lines")
}

/// Compares what is with what was agreed.
pub fn check(actual: &Sizes, agreed: &Sizes) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, lines) in actual {
        let what = match agreed.get(place) {
            Some(limit) if lines > limit => format!("grew from {limit} to {lines} lines; it may only shrink"),
            Some(limit) if lines < limit => {
                format!("shrank: lower it in tests/sizes.toml from {limit} to {lines}")
            }
            Some(_) => continue,
            None if place.contains("::") => {
                format!("{lines} lines in one function; the limit is {FUNCTION_LINES_MAX}: split it")
            }
            None => format!("{lines} lines in one file; the limit is {FILE_LINES_MAX}: split it"),
        };
        findings.push(Finding::at(place, 0, what));
    }
    for place in agreed.keys().filter(|place| !actual.contains_key(*place)) {
        findings.push(Finding::at(place, 0, "is small enough or gone: remove it from tests/sizes.toml"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(entries: &[(&str, usize)]) -> Sizes {
        entries.iter().map(|(place, lines)| ((*place).to_owned(), *lines)).collect()
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let long =
            format!("fn small() {{}}\nfn big() {{\n{}}}\n", "    work();\n".repeat(FUNCTION_LINES_MAX));
        assert_eq!(oversized("a.rs", &long), sizes(&[("a.rs::big", FUNCTION_LINES_MAX + 2)]));
        let many = "// line\n".repeat(FILE_LINES_MAX + 1);
        assert_eq!(oversized("b.rs", &many), sizes(&[("b.rs", FILE_LINES_MAX + 1)]));
        assert!(oversized("c.rs", &"// line\n".repeat(FILE_LINES_MAX)).is_empty());
    }

    #[test]
    fn the_list_only_shrinks() {
        let agreed = parse("\"a.rs\" = 800").unwrap();
        assert!(check(&sizes(&[("a.rs", 800)]), &agreed).is_empty());
        for bad in [&[("a.rs", 801)][..], &[("a.rs", 799)], &[], &[("a.rs", 800), ("b.rs::f", 71)]] {
            assert_eq!(check(&sizes(bad), &agreed).len(), 1, "{bad:?}");
        }
    }
}
