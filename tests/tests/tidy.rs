//! The guards of `tests::tidy`, run over the real tree. A failure lists every place and says what to do.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use tests::tidy::{Finding, bans, edges, sizes, tree, tree::TextFile, verdict};

fn rust_files() -> Result<Vec<TextFile>> {
    Ok(tree::text_files()?.into_iter().filter(|file| file.path.ends_with(".rs")).collect())
}

/// Every finding of `guard` over `files`.
fn check(rule: &str, files: &[TextFile], guard: impl Fn(&TextFile) -> Vec<Finding>) -> Result<()> {
    verdict(rule, files.iter().flat_map(guard).collect()).map_err(|text| anyhow!(text))
}

#[test]
fn packages_use_only_whom_they_may() -> Result<()> {
    verdict("crate edges", edges::check(&tree::metadata()?)).map_err(|text| anyhow!(text))
}

/// Folders of the pure packages, relative to the root: `switch/sip`.
fn pure_folders() -> Result<Vec<String>> {
    let (metadata, root) = (tree::metadata()?, tree::root());
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let folders: Vec<String> = packages
        .filter(|package| package["name"].as_str().is_some_and(edges::is_pure))
        .filter_map(|package| {
            Path::new(package["manifest_path"].as_str()?).parent()?.strip_prefix(&root).ok()
        })
        .map(|folder| folder.display().to_string())
        .collect();
    assert_eq!(folders.len(), 5, "contract, dialplan, streams, sip and calls are pure: {folders:?}");
    Ok(folders)
}

#[test]
fn pure_packages_do_not_touch_the_world() -> Result<()> {
    let sources: Vec<String> = pure_folders()?.iter().map(|folder| format!("{folder}/src/")).collect();
    let mut files = rust_files()?;
    files.retain(|file| {
        sources.iter().any(|folder| file.path.starts_with(folder)) && !is_test_file(&file.path)
    });
    check("purity", &files, bans::impure)
}

/// Files that only exist under `#[cfg(test)]`.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[test]
fn nothing_is_left_unfinished() -> Result<()> {
    check("unfinished", &rust_files()?, bans::unfinished)
}

#[test]
fn names_say_what_they_hold() -> Result<()> {
    check("names", &tree::text_files()?, |file| bans::empty_names(&file.path))
}

#[test]
fn sql_stands_in_its_rooms() -> Result<()> {
    let mut files = rust_files()?;
    files.retain(|file| !is_test_file(&file.path));
    check("SQL", &files, bans::misplaced_sql)
}

#[test]
fn the_tree_speaks_of_nobodys_machine() -> Result<()> {
    check("foreign words", &tree::text_files()?, bans::foreign)
}

#[test]
fn every_file_says_what_it_is_for() -> Result<()> {
    check("headers", &rust_files()?, bans::headless)
}

#[test]
fn sizes_only_shrink() -> Result<()> {
    let actual = rust_files()?.iter().flat_map(|file| sizes::oversized(&file.path, &file.text)).collect();
    let agreed = sizes::parse(&std::fs::read_to_string(tree::root().join("tests/sizes.toml"))?)?;
    verdict("sizes", sizes::check(&actual, &agreed)).map_err(|text| anyhow!(text))
}

#[test]
fn pure_packages_have_the_pure_lints_and_these_repeat_the_roots() -> Result<()> {
    let read = |path: &str| std::fs::read_to_string(tree::root().join(path)).with_context(|| path.to_owned());
    let (root, pure) = (read("clippy.toml")?, read("pure.clippy.toml")?);
    assert!(root.contains("path = "), "clippy.toml bans nothing");
    verdict("lints", bans::forgotten_lints("pure.clippy.toml", &pure, &root))
        .map_err(|text| anyhow!(text))?;
    for folder in pure_folders()? {
        assert_eq!(
            read(&format!("{folder}/clippy.toml"))?,
            pure,
            "{folder}/clippy.toml links to pure.clippy.toml"
        );
    }
    Ok(())
}

#[test]
fn the_readme_fits_on_a_page() -> Result<()> {
    let lines = std::fs::read_to_string(tree::root().join("README.md"))?.lines().count();
    assert!(lines <= 120, "README.md has {lines} lines; 120 is the limit");
    Ok(())
}
