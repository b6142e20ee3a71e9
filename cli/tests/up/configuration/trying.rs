//! "Try this number at this time" by its three roads: of the rows (`sambung route`), of the plan in use (the switch's door), and
//! by the API. All are told the same.

use std::fs;

use reqwest::Url;
use serde_json::{Value, json};

use super::RULES;
use crate::site::{Site, get, text};

const OUTSIDE: &str = "\n[[trunk]]\nname = \"provider\"\nsources = [\"203.0.113.0/28\"]\n\n\
                       [[did]]\nnumber = \"+62215550100\"\nextension = \"100\"\n";

/// Who calls what, when, and what is done then: its word, with the number, sound or reason that belongs to it.
const QUESTIONS: [([&str; 3], &str); 11] = [
    (["1001", "100", "2026-11-23T09:00"], "ring 100"),
    (["1001", "100", "2026-11-23T20:00"], "announce closed"),
    (["1001", "100", "2026-11-23T02:00Z"], "ring 100"),
    (["1001", "100", "2026-12-24T09:59"], "ring 100"),
    (["1001", "100", "2026-12-24T10:00"], "announce closed"),
    (["1001", "100", "2026-12-25T09:00"], "announce closed"),
    (["provider", "021-5550100", "2026-11-23T09:00"], "ring 100"),
    (["provider", "+628123456789", "2026-11-23T09:00"], "refuse unknown_number"),
    (["1001", "8000", "2026-11-23T09:00"], "conference 8000"),
    (["1001", "1001", "2026-11-23T09:00"], "refuse self_call"),
    (["1001", "999", "2026-11-23T09:00"], "refuse unknown_number"),
];

/// The two doors of a running site.
struct Doors {
    api: (String, String),
    switch: (String, String),
}

impl Doors {
    fn of(site: &Site) -> Self {
        let demo = site.demo();
        let own = |name| fs::read_to_string(site.data().join("switch").join(name)).unwrap().trim().to_owned();
        Self {
            api: (
                format!("{}/api/telephony/route", text(&demo, "/http")),
                text(&demo, "/api_key").to_owned(),
            ),
            switch: (format!("{}/v1/route", own("switch_api.url")), own("switch_api.token")),
        }
    }
}

fn ask((door, key): &(String, String), [from, to, at]: [&str; 3]) -> (u16, Value) {
    let url = Url::parse_with_params(door, [("from", from), ("to", to), ("at", at)]).unwrap();
    let (status, body) = get(url.as_str(), key);
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{url}: {status} {body}")))
}

/// What was said without the instant, which each says in its own way; `local` is the same for all.
fn without_instant(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("at").unwrap();
    answer
}

fn word(answer: &Value) -> String {
    let (word, more) = answer["route"].as_object().unwrap().iter().next().unwrap();
    let of = ["number", "sound", "reason"].iter().find_map(|key| more[key].as_str()).unwrap();
    format!("{word} {of}")
}

fn check_answers(site: &Site, doors: &Doors) {
    for (question, expected) in QUESTIONS {
        let [from, to, at] = question;
        let said = site.says(&["route", from, to, "--at", at, "--json"]);
        let of_rows: Value =
            serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{question:?}\n{said}"));
        let (status, of_switch) = ask(&doors.switch, question);
        assert_eq!(status, 200, "{of_switch}");
        assert_eq!((&of_rows, word(&of_rows).as_str()), (&of_switch, expected), "{question:?}");
        let (status, of_api) = ask(&doors.api, question);
        assert_eq!(status, 200, "{of_api}");
        assert_eq!(without_instant(of_api), without_instant(of_switch), "{question:?}");
    }
    let (_, told) = ask(&doors.api, QUESTIONS[0].0);
    assert_eq!(told["at"], "2026-11-23T01:00:00.000000Z");
    assert_eq!(told["local"], "Mon 2026-11-23 09:00 Asia/Makassar");
    assert_eq!(told["then"][0]["decisions"][1]["route"]["ring"]["number"], "1002");
}

fn check_mistakes(site: &Site, doors: &Doors) {
    for (question, fields) in [
        (["nobody", "100", "tomorrow"], json!(["from", "at"])),
        (["provider", "100", "2026-11-23T09:00"], json!(["to"])),
    ] {
        let [from, to, at] = question;
        let (status, of_switch) = ask(&doors.switch, question);
        assert_eq!(status, 400, "{of_switch}");
        let errors = of_switch["errors"].as_array().unwrap();
        assert_eq!(Value::from_iter(errors.iter().map(|wrong| wrong["field"].clone())), fields);
        let (status, of_api) = ask(&doors.api, question);
        assert_eq!((status, &of_api["errors"]), (400, &of_switch["errors"]));
        let said = site.says(&["route", from, to, "--at", at]);
        let is_told = |wrong: &Value| said.err.contains(wrong["reason"].as_str().unwrap());
        assert!(said.code == Some(2) && errors.iter().all(is_told), "{said}\n{of_switch}");
    }
}

#[test]
fn a_question_has_the_same_answer_by_all_three_roads() {
    let site = Site::new();
    let up = site.start(&[]);
    let hours = "name = \"Resepsionis\"\nhours = [\"mon-fri 08:00-17:00\"]";
    let described = site.described().replace("name = \"Resepsionis\"", hours);
    let described = described.replace("timezone = \"Asia/Jakarta\"", "timezone = \"Asia/Makassar\"");
    site.file("demo.toml", &format!("{described}{RULES}{OUTSIDE}"));
    let applied = site.says(&["apply", "demo.toml"]);
    assert!(applied.code == Some(0) && applied.out.contains(" is in use.\n"), "{applied}");
    let doors = Doors::of(&site);
    check_answers(&site, &doors);
    check_mistakes(&site, &doors);
    let (status, _) = get(&format!("{}?from=1001&to=100", doors.switch.0), "no-token");
    assert_eq!(status, 401);
    drop(up);
}
