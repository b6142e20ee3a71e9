//! How little the units let our programs do, in systemd's own measure: 10 is everything, 0 is nothing (issue 3 §8).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{io::Write as _, path::Path, process::Command};

/// A unit's exposure must not be above so many tenths.
fn check(unit: &str, tenths_max: u8) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd").join(unit);
    let analysed = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", &format!("--threshold={tenths_max}")])
        .arg(&path)
        .output();
    let Ok(analysed) = analysed else {
        let _ = writeln!(std::io::stderr(), "NOT PROVEN HERE: {unit}: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&analysed.stdout);
    assert!(said.contains("Overall exposure level"), "{}", String::from_utf8_lossy(&analysed.stderr));
    let exposing: Vec<&str> = said.lines().filter(|line| !line.starts_with('✓')).collect();
    assert!(analysed.status.success(), "more than {tenths_max} tenths:\n{}", exposing.join("\n"));
}

#[test]
fn the_switch_is_exposed_by_no_more_than_1_5() {
    check("sambungd.service", 15);
}

#[test]
fn the_api_is_exposed_by_no_more_than_1() {
    check("sambung-api.service", 10);
}
