//! What Prometheus reads, and what the shipped dashboard and alerts ask it for.

use std::collections::{BTreeMap, BTreeSet};

use crate::switch::Switch;

const DASHBOARD: &str = include_str!("../../../../conf/grafana/sambung.json");
const ALERTS: &str = include_str!("../../../../conf/prometheus/rules.yml");

/// Names of metrics in an expression's text.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("sambung_") || word.starts_with("process_")).collect()
}

/// The metrics of a page with their types; the page is as the exposition format 0.0.4 wants it.
fn types_of(page: &str) -> BTreeMap<&str, &str> {
    let (mut types, mut helped) = (BTreeMap::new(), BTreeSet::new());
    let mut samples = BTreeSet::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(helped.insert(help.split_once(' ').unwrap().0), "helped twice: {line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(helped.contains(name) && types.insert(name, kind).is_none(), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            assert!(types.contains_key(family_of(name, &types)), "a sample without a type: {line}");
            assert!(
                labels.is_empty() || (labels.ends_with("\"}") && labels.matches('"').count() == 2),
                "{line}"
            );
            assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
            assert!(samples.insert(series), "told twice: {line}");
        }
    }
    types
}

/// A histogram has samples by three names of its own.
fn family_of<'a>(name: &'a str, types: &BTreeMap<&str, &str>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
    parts.into_iter().find(|family| types.get(family) == Some(&"histogram")).unwrap_or(name)
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let mut switch = Switch::new();
    switch.start();
    let (status, page) = switch.get("/metrics", Some(&switch.token()));
    assert_eq!(status, 200);
    let types = types_of(&page);
    for (name, kind) in &types {
        let is_counter = *kind == "counter";
        assert_eq!(name.ends_with("_total"), is_counter, "{name} is a {kind}");
        assert!(name.starts_with("sambung_") || name.starts_with("process_"), "{name}");
    }
    serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
    for (place, text) in [("the dashboard", DASHBOARD), ("the alerts", ALERTS)] {
        let asked = metrics_in(text);
        assert!(asked.len() > 10, "{place} asks for {asked:?}");
        for name in asked {
            assert!(types.contains_key(family_of(name, &types)), "{place} asks for {name}");
        }
    }
    for label in ["kind=\"authentication_failed\"", "type=\"failed\""] {
        assert!(ALERTS.contains(label) && page.contains(label), "an alert asks for {label}");
    }
    assert!(
        switch.metric("process_open_fds") > 10 && switch.metric("process_resident_memory_bytes") > 1 << 20
    );
    assert_eq!(switch.get("/metrics", None).0, 401);
    let buckets: Vec<u64> = page
        .lines()
        .filter_map(|line| {
            line.strip_prefix("sambung_sip_queue_delay_seconds_bucket")?.rsplit_once(' ')?.1.parse().ok()
        })
        .collect();
    assert!(buckets.len() > 10 && buckets.is_sorted(), "{buckets:?}");
    assert_eq!(buckets.last(), Some(&switch.metric("sambung_sip_queue_delay_seconds_count")));
}
