//! Who may use whom, and what a pure package may lean on. Read from the manifests, as cargo resolves them.

use serde_json::Value;

use super::Finding;

/// What a package may use of ours. `None`: anything.
struct Rule {
    package: &'static str,
    pure: bool,
    uses: Option<&'static [&'static str]>,
}

const fn pure(package: &'static str, uses: &'static [&'static str]) -> Rule {
    Rule { package, pure: true, uses: Some(uses) }
}

const fn world(package: &'static str, uses: &'static [&'static str]) -> Rule {
    Rule { package, pure: false, uses: Some(uses) }
}

const fn proof(package: &'static str) -> Rule {
    Rule { package, pure: false, uses: None }
}

/// The plan of the house, `docs/architecture.md`.
const RULES: &[Rule] = &[
    pure("contract", &[]),
    pure("dialplan", &["contract"]),
    pure("streams", &[]),
    pure("sip", &[]),
    pure("calls", &["contract", "dialplan", "sip", "streams"]),
    world("configuration", &["contract"]),
    world("relay", &["streams"]),
    world("sounds", &["streams"]),
    world("recorder", &["streams"]),
    world(
        "sambungd",
        &["contract", "dialplan", "configuration", "streams", "sip", "calls", "relay", "sounds", "recorder"],
    ),
    world("sambung-api", &["contract", "dialplan", "configuration", "sounds"]),
    world("migrations", &[]),
    world("sambung", &["contract", "dialplan", "migrations", "recorder"]),
    proof("tests"),
    proof("benches"),
];

/// What the tests of a package that touches the world may use besides: a private Postgres, and its schemas.
const THROW_AWAY_DATABASE: &[&str] = &["sambung", "migrations"];

/// Crates that bring a clock, a socket, a thread or chance with them. Pure packages may test with them.
const WORLDLY: &[&str] = &[
    "async-channel",
    "axum",
    "crossbeam",
    "crossbeam-channel",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "libc",
    "mio",
    "nix",
    "rand",
    "rayon",
    "reqwest",
    "rustix",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-util",
    "tracing",
];

/// Packages whose code must be pure, by name.
pub fn is_pure(package: &str) -> bool {
    RULES.iter().any(|rule| rule.package == package && rule.pure)
}

/// Judges `cargo metadata --no-deps`.
pub fn check(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(rule) = RULES.iter().find(|rule| rule.package == name) else {
            findings.push(Finding::at(
                name,
                0,
                "a package without a rule: say in tests/src/tidy/edges.rs whom it may use",
            ));
            continue;
        };
        for used in package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default() {
            findings.extend(check_edge(rule, used));
        }
    }
    findings
}

fn check_edge(rule: &Rule, used: &Value) -> Option<Finding> {
    let name = used["name"].as_str().unwrap_or_default();
    let is_ours = used["path"].is_string();
    let is_for_tests = used["kind"].as_str() == Some("dev");
    let is_excused = is_for_tests && !rule.pure && THROW_AWAY_DATABASE.contains(&name);
    if is_ours && !is_excused && rule.uses.is_some_and(|uses| !uses.contains(&name)) {
        return Some(Finding::at(rule.package, 0, format!("must not use {name}")));
    }
    if !is_ours && rule.pure && !is_for_tests && WORLDLY.contains(&name) {
        return Some(Finding::at(rule.package, 0, format!("is pure and must not depend on {name}")));
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn findings(package: &str, dependency: &Value) -> Vec<String> {
        let metadata = json!({ "packages": [{ "name": package, "dependencies": [dependency] }] });
        check(&metadata).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_forbidden_edge_is_found_and_an_allowed_one_is_not() {
        assert_eq!(findings("sip", &json!({ "name": "calls", "path": "x" })), ["sip: must not use calls"]);
        assert_eq!(
            findings("sambung-api", &json!({ "name": "sambungd", "path": "x", "kind": "dev" })).len(),
            1
        );
        assert_eq!(findings("sambung-api", &json!({ "name": "migrations", "path": "x" })).len(), 1);
        assert!(
            findings("sambung-api", &json!({ "name": "migrations", "path": "x", "kind": "dev" })).is_empty()
        );
        assert!(findings("calls", &json!({ "name": "sip", "path": "x" })).is_empty());
        assert!(findings("tests", &json!({ "name": "calls", "path": "x" })).is_empty());
    }

    #[test]
    fn a_pure_package_may_not_touch_the_world_but_its_tests_may() {
        assert_eq!(
            findings("calls", &json!({ "name": "tokio" })),
            ["calls: is pure and must not depend on tokio"]
        );
        assert!(findings("calls", &json!({ "name": "tokio", "kind": "dev" })).is_empty());
        assert!(findings("sambungd", &json!({ "name": "tokio" })).is_empty());
    }

    #[test]
    fn a_new_package_needs_a_rule() {
        assert_eq!(findings("misplaced", &json!({ "name": "serde" })).len(), 1);
    }
}
