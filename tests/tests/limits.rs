//! `docs/limits.md` says what is: every limit it names stands where it says, with the value it says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

/// The rows of the tables: limit, value, file.
fn rows(page: &str) -> Vec<[String; 3]> {
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    page.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<String> = line.trim_matches('|').split('|').map(cell).collect();
            assert_eq!(cells.len(), 4, "{line}");
            assert!(!cells[3].is_empty(), "what happens: {line}");
            [cells[0].clone(), cells[1].clone(), cells[2].clone()]
        })
        .collect()
}

#[test]
fn every_limit_in_the_documentation_is_the_one_in_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/limits.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 30, "{}", rows.len());
    let wrong: Vec<String> = rows
        .into_iter()
        .filter(|[name, value, file]| {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            let is_constant = |line: &str| {
                line.split_once(&format!("const {name}: "))
                    .is_some_and(|(_, rest)| rest.ends_with(&format!(" = {value};")))
            };
            let is_key = |line: &str| line == format!("{name} = {value}");
            !text.lines().any(|line| is_constant(line) || is_key(line))
        })
        .map(|[name, value, file]| format!("{name} = {value} is not in {file}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
