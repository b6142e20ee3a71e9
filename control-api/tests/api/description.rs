//! The API as it is described: schemathesis makes requests of the description, right ones and wrong ones, and holds the answers
//! against it. What a request may name that there is (members, cursors) the description cannot say, so a request that
//! fits it may be refused.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use crate::{coverage::permissions, stage::Stage};

/// Requests of each operation that are drawn, besides those that are made of each part of its description.
const DRAWN: &str = "8";

/// As `bin/install-deps test` has put it beside what is built.
fn schemathesis() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let tools = target.join("tools/schemathesis");
    assert!(tools.exists(), "{} is missing: run bin/install-deps test", tools.display());
    tools
}

fn run(url: &str, key: &str) -> Output {
    let tools = schemathesis();
    let mut command = Command::new("python3");
    command.arg(tools.join("bin/schemathesis")).env("PYTHONPATH", &tools).current_dir(std::env::temp_dir());
    command.arg("--config-file").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.toml"));
    command.args(["run", url, "--header", &format!("Authorization: Bearer {key}")]);
    command.args([
        "--checks",
        "all",
        "--exclude-checks",
        "positive_data_acceptance",
        "--continue-on-failure",
    ]);
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", DRAWN, "--seed", "1"]);
    // Its answer has no end.
    command.args(["--exclude-path", "/api/events"]);
    command.args(["--generation-database", "none", "--warnings", "off", "--no-color"]).output().unwrap()
}

#[tokio::test]
async fn nothing_is_answered_that_the_description_does_not_tell_of() {
    let stage = Stage::new().await;
    stage.settle(stage.a).await;
    stage.member(stage.a, Some("1001")).await;
    let api = stage.serve().await;
    let permissions = permissions(&api).await;
    let key = stage.key(stage.a, &permissions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let url = api.at("/api/openapi.json");
    let output = tokio::task::spawn_blocking(move || run(&url, &key)).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("No issues found"), "{said}");
}
