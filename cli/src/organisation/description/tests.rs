//! Descriptions with one mistake each, and what is said of it: file, line, key, and what would be right.

mod conferences;
mod page_groups;

use super::*;
use crate::organisation::{Account, described, text};

mod telephone_network;

const SOUND: &str = r#"[organisation]
name = "Demo"
domain = "demo.test"

[[staff]]
number = "1001"
name = "Sari"
email = "sari@demo.test"

[[extension]]
number = "100"
name = "Front desk"
staff = ["1001"]

[[account]]
username = "1001"
staff = "1001"
"#;

fn mistakes(text: &str) -> Vec<String> {
    let found = parse(Path::new("org.toml"), text).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

/// A sound description with more, without accounts, whose passwords would be missing.
fn without_accounts(more: &str) -> String {
    let account = "[[account]]\nusername = \"1001\"\nstaff = \"1001\"\n";
    assert!(SOUND.contains(account));
    format!("{}{more}", SOUND.replacen(account, "", 1))
}

/// A mistake is told in these words.
#[track_caller]
fn is_told(text: &str, expected: &str) {
    let said = mistakes(text);
    assert!(said.iter().any(|line| line.contains(expected)), "{expected}\n{said:#?}");
}

/// What is said when `old` is replaced by `new` in a sound description.
fn said(old: &str, new: &str) -> Vec<String> {
    assert!(SOUND.contains(old), "{old}");
    mistakes(&SOUND.replacen(old, new, 1))
}

#[test]
fn supervisors_of_an_extension_are_people_of_the_organisation_each_once() {
    let with = |people: &str| {
        SOUND.replace("staff = [\"1001\"]\n", &format!("staff = [\"1001\"]\nsupervisors = {people}\n"))
    };
    let description = parse(Path::new("org.toml"), &with("[\"1001\"]")).unwrap();
    assert_eq!(description.extensions[0].supervisors, [0]);
    is_told(&with("[\"1009\"]"), "extension.supervisors: no [[staff]] has the number \"1009\"");
    is_told(&with("[\"1001\", \"1001\"]"), "extension.supervisors: names somebody twice");
}

#[test]
fn a_sound_description_is_taken() {
    let description = parse(Path::new("org.toml"), SOUND).unwrap();
    assert_eq!((description.name.as_str(), description.ring_timeout.value), ("Demo", 60));
    assert_eq!(
        (description.extensions[0].staff.as_slice(), description.accounts[0].owner),
        (&[0][..], Some(0))
    );
}

#[test]
fn a_mistake_is_told_with_its_line_its_key_and_what_would_be_right() {
    let cases = [
        ("\"Demo\"", "\"\"", "org.toml:2: organisation.name: expected 1 to 100 characters"),
        ("name = \"Demo\"\n", "", "org.toml:1: organisation.name: is missing"),
        (
            "\"demo.test\"",
            "7",
            "org.toml:3: organisation.domain: expected a text in quotes, found a value of type integer",
        ),
        (
            "\"demo.test\"",
            "\"192.0.2.1\"",
            "org.toml:3: organisation.domain: expected a host name in lower case, no address",
        ),
        (
            "domain =",
            "ring_timeout_secs = 4\ndomain =",
            "org.toml:3: organisation.ring_timeout_secs: expected a whole number from 5 to 600",
        ),
        (
            "domain =",
            "colour = 1\ndomain =",
            "org.toml:3: organisation.colour: no such key; there are name, domain, default, \
             ring_timeout_secs, language, announcements, recording, recording_notice, recording_keys, recording_retention_days, timezone, country_code and emergency_numbers",
        ),
        (
            "domain =",
            "language = \"fr\"\ndomain =",
            "org.toml:3: organisation.language: expected \"id\" or \"en\"",
        ),
        ("\"1001\"", "\"1\"", "org.toml:6: staff.number: expected 2 to 6 digits in quotes"),
        (
            "\"sari@demo.test\"",
            "\"Sari\"",
            "org.toml:8: staff.email: expected an e-mail address in lower case",
        ),
        ("[\"1001\"]", "[\"1001\", \"1001\"]", "org.toml:10: extension.staff: names somebody twice"),
        (
            "[\"1001\"]",
            "[\n \"1001\",\n \"1002\"]",
            "org.toml:15: extension.staff: no [[staff]] has the number \"1002\"",
        ),
        (
            "username = \"1001\"",
            "username = \"a b\"",
            "org.toml:16: account.username: expected 1 to 64 letters, digits and . _ ~ + -",
        ),
        (
            "username = \"1001\"",
            "username = \"1001\"\npassword_file = \"none/such\"",
            "org.toml:17: account.password_file: none/such: No such file or directory (os error 2)",
        ),
        ("[organisation]", "[organisation", "org.toml:1: is no TOML: "),
        (
            "[[account]]",
            "[acount]\n[[account]]",
            "org.toml:15: acount: no such key; there are [organisation], [[staff]], [[extension]], [[account]], [[rule]], [[queue]], [[menu]], [[conference]], [[page_group]], [[trunk]], [[did]], [[outbound_route]], [[budget]], [[price]] and [[holiday]]",
        ),
    ];
    for (old, new, expected) in cases {
        let said = said(old, new);
        assert!(said.iter().any(|line| line.starts_with(expected)), "{expected}\n{said:#?}");
    }
}

#[test]
fn numbers_and_usernames_are_one_s_own() {
    let taken = "org.toml:12: extension.number: \"1001\" is taken by another row: staff and extensions share their numbers";
    // The compiler takes extensions first, so the person's number is the one that is taken.
    let said = said("\"100\"", "\"1001\"");
    assert!(
        said.len() == 1
            && (said[0] == taken || said[0].starts_with("org.toml:6: staff.number: \"1001\" is taken")),
        "{said:?}"
    );
    let twice = format!("{SOUND}\n[[account]]\nusername = \"1001\"\n");
    assert_eq!(mistakes(&twice).len(), 1, "{:?}", mistakes(&twice));
    let person = "\n[[staff]]\nnumber = \"1002\"\nname = \"S\"\nemail = \"sari@demo.test\"\n";
    let said = mistakes(&format!("{SOUND}{person}"));
    assert_eq!(said, ["org.toml:22: staff.email: stands in line 8 already: one person has one number"]);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_lines() {
    let text =
        SOUND.replace("1001\"\nname", "1\"\nname").replace("\"Demo\"", "\"\"").replace("\"100\"", "\"x\"");
    let lines: Vec<_> =
        mistakes(&text).iter().map(|line| line.split(':').nth(1).unwrap().to_owned()).collect();
    let mut sorted = lines.clone();
    sorted.sort_by_key(|line| line.parse::<usize>().unwrap());
    assert!(lines.len() >= 2 && lines == sorted, "{lines:?}");
}

#[test]
fn no_byte_of_rubbish_is_taken_and_none_ends_the_program() {
    // Every place of a sound description, with something else in it: it is sound still, or it is refused with a line.
    for at in 0..SOUND.len() {
        for other in ["\"", "]", "=", "\u{1F4DE}", "\n", "\\u0000"] {
            let mut text = SOUND.to_owned();
            text.replace_range(at..=at, other);
            if let Err(mistakes) = parse(Path::new("org.toml"), &text) {
                assert!(mistakes.iter().all(|mistake| mistake.line.is_some()), "{text}\n{mistakes:?}");
            }
        }
    }
}

#[test]
fn a_new_account_needs_a_password_and_an_old_one_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let with = SOUND.replace("username = \"1001\"", "username = \"1001\"\npassword_file = \"secret\"");
    let file = folder.path().join("org.toml");
    let none = BTreeMap::new();
    for (content, mode) in [("short\n", 0o600), ("long enough\n", 0o644), ("two\nlines here", 0o600)] {
        fs::write(&secret, content).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
        assert!(parse(&file, &with).is_err(), "{content} {mode:o}");
    }
    fs::write(&secret, "correct horse\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let with = parse(&file, &with).unwrap();
    let without = parse(&file, SOUND).unwrap();
    assert!(matches!(described::rows(&without, None, &none), Err(crate::Failure::Mistakes(_))));
    let rows = described::rows(&with, None, &none).unwrap();
    assert_eq!(rows.accounts["1001"].ha1_md5, digests("1001", "demo.test", "correct horse").0);
    let people = rows.staff.iter().map(|(email, staff)| (email.clone(), staff.user)).collect();
    assert_eq!(described::rows(&without, Some(&rows), &people).unwrap(), rows);
    // What is written down is what was read.
    let again = parse(&file, &text::text(&rows)).unwrap();
    assert_eq!(described::rows(&again, Some(&rows), &people).unwrap(), rows);
}

#[test]
fn the_example_in_conf_is_sound_and_shows_every_key() {
    let example = include_str!("../../../../conf/examples/organisation.toml");
    let description = parse(Path::new("organisation.toml"), example).unwrap();
    assert_eq!(
        (description.staff.len(), description.extensions.len(), description.accounts.len()),
        (2, 4, 1)
    );
    assert_eq!((description.conferences.len(), description.menus.len()), (1, 1));
    assert_eq!(description.page_groups.len(), 1);
    assert_eq!((description.rules.len(), description.holidays.len()), (2, 2));
    assert_eq!((description.routes.len(), description.budgets.len(), description.prices.len()), (3, 2, 2));
    for table in listed(TABLES) {
        let known = KEYS.iter().find(|(of, _)| *of == table).unwrap_or_else(|| panic!("keys of {table}"));
        for key in listed(known.1) {
            let mut inside = "";
            let is_shown = example.lines().any(|line| {
                inside = if line.starts_with('[') { line } else { inside };
                inside == table && line.trim_start_matches("# ").starts_with(&format!("{key} ="))
            });
            assert!(is_shown, "{table} {key}");
        }
    }
}

/// The keys of each table.
const KEYS: &[(&str, &str)] = &[
    ("[organisation]", HEAD_KEYS),
    ("[[staff]]", STAFF_KEYS),
    ("[[extension]]", EXTENSION_KEYS),
    ("[[account]]", ACCOUNT_KEYS),
    ("[[rule]]", super::rules::RULE_KEYS),
    ("[[queue]]", super::queues::KEYS),
    ("[[menu]]", super::menus::KEYS),
    ("[[conference]]", super::conferences::KEYS),
    ("[[page_group]]", super::page_groups::KEYS),
    ("[[trunk]]", super::outside::TRUNK_KEYS),
    ("[[did]]", super::outside::DID_KEYS),
    ("[[outbound_route]]", super::outbound::ROUTE_KEYS),
    ("[[budget]]", super::outbound::BUDGET_KEYS),
    ("[[price]]", super::outbound::PRICE_KEYS),
    ("[[holiday]]", super::rules::HOLIDAY_KEYS),
];

/// What is listed as people read it: `a, b and c`.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(", ").flat_map(|part| part.split(" and "))
}

const RULED: &str = r#"
[[rule]]
extension = "100"
timescope = "off_hours"
action = "announce_hangup"
target = "closed"

[[rule]]
extension = "100"
condition = "no_answer"
action = "forward_staff"
target = "1001"
enabled = false

[[rule]]
extension = "100"
condition = "busy"
action = "forward_extension"
target = "200"

[[extension]]
number = "200"
name = "Back office"
staff = ["1001"]
hours = ["mon-fri 08:00-12:00", "mon-fri 13:00-17:00", "sat 22:00-24:00"]
recording = "always"

[[holiday]]
date = "2026-12-25"
name = "Natal"

[[holiday]]
date = "2026-12-25"
name = "Natal"
extension = "200"
hours = ["08:00-10:00", "18:00-02:00"]
"#;

fn ruled(old: &str, new: &str) -> Vec<String> {
    let text = format!("{SOUND}{RULED}");
    assert!(text.contains(old), "{old}");
    mistakes(&text.replacen(old, new, 1))
}

/// What is replaced in [`RULED`], by what, and what is said.
const RULED_MISTAKES: &[(&str, &str, &str)] = &[
    (
        "domain =",
        "timezone = \"Jakarta\"\ndomain =",
        "org.toml:3: organisation.timezone: expected a time zone such as \"Asia/Jakarta\"",
    ),
    (
        "\"off_hours\"",
        "\"night\"",
        "org.toml:21: rule.timescope: expected one of \"any\", \"work_hours\", \"off_hours\"",
    ),
    (
        "\"no_answer\"",
        "\"never\"",
        "org.toml:27: rule.condition: expected one of \"always\", \"busy\", \"no_answer\", \"unreachable\"",
    ),
    (
        "\"announce_hangup\"",
        "\"shout\"",
        "org.toml:22: rule.action: expected \"ring\", \"forward_extension\", \"forward_staff\", \"forward_number\", \"queue\", \"ivr\", \"announce_hangup\" or",
    ),
    ("target = \"closed\"\n", "", "org.toml:22: rule.target: is missing: the name of a sound"),
    (
        "\"closed\"",
        "\"../closed\"",
        "org.toml:19: rule.target: expected the name of a sound: lower-case letters, digits, - and _",
    ),
    (
        "target = \"200\"",
        "target = \"300\"",
        "org.toml:36: rule.target: no [[extension]] has the number \"300\"",
    ),
    ("target = \"1001\"", "target = \"9\"", "org.toml:29: rule.target: no [[staff]] has the number \"9\""),
    ("target = \"200\"", "target = \"100\"", "org.toml:32: rule.target: leads in a circle: 100 → 100"),
    (
        "action = \"forward_extension\"",
        "action = \"queue\"",
        "org.toml:32: rule.target: leads to an extension that has no [[queue]] or no [[menu]]",
    ),
    (
        "action = \"announce_hangup\"",
        "action = \"ring\"",
        "org.toml:23: rule.target: ring has none: it rings the extension's own people",
    ),
    (
        "condition = \"busy\"\naction = \"forward_extension\"\ntarget = \"200\"",
        "condition = \"busy\"\naction = \"ring\"",
        "org.toml:32: rule.action: rings the extension's own people, which only the condition always can",
    ),
    ("\"sat 22:00-24:00\"", "\"Saturday\"", "org.toml:42: extension.hours: expected days and times such as"),
    (
        "\"sat 22:00-24:00\"",
        "\"wed 13:00-14:00\"",
        "org.toml:38: extension.hours: begin twice at the same time of a day",
    ),
    ("recording = \"always\"", "recording = true", "org.toml:43: extension.recording: expected"),
    (
        "recording = \"always\"",
        "recording = \"sometimes\"",
        "org.toml:43: extension.recording: expected one of \"never\", \"on_demand\", \"always\"",
    ),
    ("\"2026-12-25\"", "\"25.12.2026\"", "org.toml:46: holiday.date: expected a date such as \"2026-12-25\""),
    ("extension = \"200\"\n", "", "org.toml:50: holiday.date: stands in line 46 already"),
    (
        "extension = \"200\"\nhours",
        "extension = \"100\"\nhours",
        "org.toml:52: holiday.extension: has no hours: it is always open, on that date too",
    ),
    ("\"08:00-10:00\"", "\"8-10\"", "org.toml:53: holiday.hours: expected times such as"),
    ("\"08:00-10:00\"", "\"18:00-19:00\"", "org.toml:49: holiday.hours: begin twice at the same time"),
];

#[test]
fn mistakes_in_hours_rules_and_holidays_are_told_with_their_lines() {
    for (old, new, expected) in RULED_MISTAKES {
        let said = ruled(old, new);
        assert!(said.iter().any(|line| line.starts_with(expected)), "{expected}\n{said:#?}");
    }
}

#[test]
fn mistakes_in_queues_are_told_with_their_lines() {
    let queue = "\n[[queue]]\nextension = \"100\"\nstrategy = \"fair\"\nring_secs = 4\n\
                 agents = [\"9\", \"1001*x\"]\n\n[[queue]]\nextension = \"100\"\n";
    let said = mistakes(&format!("{SOUND}{RULED}{queue}"));
    for expected in [
        "org.toml:55: queue.ring_secs: expected a whole number from 5 to 600",
        "org.toml:57: queue.strategy: expected one of \"ring_all\", \"longest_idle\"",
        "org.toml:59: queue.agents: no [[staff]] has the number \"9\"",
        "org.toml:59: queue.agents: expected a number such as \"101\", or \"101*3\" with a weight, found \"1001*x\"",
        "org.toml:62: queue.extension: has a queue already, in line 55",
    ] {
        assert!(said.iter().any(|line| line.starts_with(expected)), "{expected}\n{said:#?}");
    }
}

const MENUS: &str = r##"
[[menu]]
extension = "100"
greeting = "sales"
language = "en"
timeout_secs = 7
key_timeout_secs = 2
tries_max = 4
direct_dialling = true
choices = [
  "0: ring",
  "1: forward_extension 200",
  "2: forward_staff 1001",
  "3: queue 200 5",
  "4: ivr 200",
  "5: forward_number +628123456789",
  "*: repeat",
  "#: announce_hangup goodbye",
  "timeout: forward_extension 200",
]

[[menu]]
extension = "200"

[[queue]]
extension = "200"

[[rule]]
extension = "200"
condition = "busy"
action = "ivr"
target = "100"
"##;

#[test]
fn menus_that_are_written_down_are_those_that_were_read() {
    let file = Path::new("org.toml");
    let whole = format!("{SOUND}{RULED}{MENUS}").replacen("username = \"1001\"\nstaff = \"1001\"\n", "", 1);
    let whole = whole.replacen("[[account]]\n", "", 1);
    let read = parse(file, &whole).unwrap();
    let none = BTreeMap::new();
    let rows = described::rows(&read, None, &none).unwrap();
    let people = rows.staff.iter().map(|(email, staff)| (email.clone(), staff.user)).collect();
    assert_eq!(rows.menus["100"].choices.len(), 9);
    let written = text::text(&rows);
    let in_order = "\"4: ivr 200\", \"5: forward_number +628123456789\", \"*: repeat\"";
    assert!(written.contains(&format!("\"3: queue 200 5\", {in_order}")), "{written}");
    assert!(written.contains("\"2: forward_staff 1001\""), "a number, and no e-mail: {written}");
    let again = parse(file, &written).unwrap();
    assert_eq!(described::rows(&again, Some(&rows), &people).unwrap(), rows);
    let snapshot = rows.snapshot(&BTreeSet::new());
    assert_eq!(snapshot.extensions[0].menu.as_ref().unwrap().choices.len(), 9);
    let plan = dialplan::compile(&snapshot::Snapshot { revision: 1, organisations: vec![snapshot] });
    assert!(plan.is_ok(), "{plan:?}");
}

/// What is replaced in [`MENUS`], by what, and what is said.
const MENU_MISTAKES: &[(&str, &str, &str)] = &[
    (
        "\"0: ring\"",
        "\"ring\"",
        "menu.choices: expected a key and what it does, such as \"1: queue 11\", found",
    ),
    ("\"0: ring\"", "\"10: ring\"", "menu.choices: expected 0 to 9, *, #, timeout or invalid, found \"10\""),
    ("\"0: ring\"", "\"0: dance\"", "menu.choices: expected \"ring\", \"forward_extension\""),
    ("\"0: ring\"", "\"1: ring\"", "menu.1: is there twice"),
    (
        "forward_extension 200\",\n  \"2",
        "forward_extension 300\",\n  \"2",
        "menu.choices: no [[extension]] has the number \"300\"",
    ),
    (
        "1: forward_extension 200",
        "1: forward_extension",
        "menu.choices: is missing: the number of an [[extension]]",
    ),
    ("queue 200 5", "queue 200 x", "menu.choices: expected no more than a priority after the target in"),
    ("queue 200 5", "queue 200 10", "menu.3: has a priority that is not from 0 to 9"),
    ("queue 200 5", "queue 100", "menu.3: leads to an extension that has no [[queue]] or no [[menu]]"),
    ("goodbye", "../goodbye", "menu.#: expected the name of a sound"),
    ("\"sales\"", "\"../sales\"", "menu.greeting: expected the name of a sound"),
    ("\"en\"", "\"fr\"", "menu.language: expected \"id\" or \"en\""),
    ("timeout_secs = 7", "timeout_secs = 61", "menu.timeout_secs: expected a whole number from 1 to 60"),
    ("tries_max = 4", "tries_max = 0", "menu.tries_max: expected a whole number from 1 to 10"),
    (
        "[[menu]]\nextension = \"200\"",
        "[[menu]]\nextension = \"100\"",
        "menu.extension: has a menu already, in line",
    ),
    ("1: forward_extension 200", "1: forward_number 0215550199", "menu.choices: expected a number with its"),
];

#[test]
fn mistakes_in_menus_are_told_with_what_would_be_right() {
    for (old, new, expected) in MENU_MISTAKES {
        assert!(MENUS.contains(old), "{old}");
        is_told(&format!("{SOUND}{RULED}{}", MENUS.replacen(old, new, 1)), expected);
    }
}

#[test]
fn a_circle_of_rules_is_told_with_its_numbers_at_the_rule_that_closes_it() {
    let circle = "\n[[rule]]\nextension = \"200\"\naction = \"forward_extension\"\ntarget = \"100\"\n";
    let text = format!("{SOUND}{RULED}{circle}").replace("condition = \"busy\"\n", "");
    assert_eq!(mistakes(&text), ["org.toml:54: rule.target: leads in a circle: 100 → 200 → 100"]);
}

#[test]
fn hours_rules_and_holidays_that_are_written_down_are_those_that_were_read() {
    let file = Path::new("org.toml");
    let text_of = SOUND.replace("domain =", "timezone = \"Asia/Makassar\"\ndomain =");
    let ruled = RULED.replace("recording = \"always\"", "recording = \"always\"\nintercom = true");
    let read = parse(file, &format!("{text_of}{ruled}")).unwrap();
    let account = Account {
        id: Uuid::nil(),
        owner: None,
        ha1_md5: "0".repeat(32),
        ha1_sha256: "0".repeat(64),
        is_active: true,
    };
    let none = BTreeMap::new();
    let mut known = described::rows(
        &parse(file, "[organisation]\nname = \"Demo\"\ndomain = \"demo.test\"\n").unwrap(),
        None,
        &none,
    )
    .unwrap();
    known.accounts.insert("1001".into(), account);
    let rows = described::rows(&read, Some(&known), &none).unwrap();
    let people = rows.staff.iter().map(|(email, staff)| (email.clone(), staff.user)).collect();
    let keys: Vec<_> = rows.rules.keys().chain(rows.holidays.keys()).map(String::as_str).collect();
    assert_eq!(keys, ["100/01", "100/02", "100/03", "2026-12-25", "2026-12-25 200"]);
    assert_eq!((rows.timezone.as_str(), rows.extensions["200"].hours.len()), ("Asia/Makassar", 11));
    let recording = ["100", "200"].map(|number| rows.extensions[number].recording);
    assert_eq!(recording, [None, Some(snapshot::RecordingPolicy::Always)]);
    assert_eq!(["100", "200"].map(|number| rows.extensions[number].takes_intercom), [false, true]);
    let again = parse(file, &text::text(&rows)).unwrap();
    assert_eq!(described::rows(&again, Some(&rows), &people).unwrap(), rows);
    // What the switch would make of them compiles.
    let snapshot = rows.snapshot(&BTreeSet::new());
    assert_eq!((snapshot.holidays.len(), snapshot.extensions[0].rules.len()), (3, 3));
    let plan = dialplan::compile(&snapshot::Snapshot { revision: 1, organisations: vec![snapshot] });
    assert!(plan.is_ok(), "{plan:?}");
}

/// What is written into the only `[[staff]]`, and what is said about it.
const MAILBOX_MISTAKES: &[(&str, &str)] = &[
    ("voicemail = 1", "staff.voicemail: expected true or false"),
    (
        "voicemail = true\nvoicemail_messages_max = 0",
        "staff.voicemail_messages_max: expected a whole number from 1 to 500",
    ),
    (
        "voicemail = true\nvoicemail_secs_max = 3600",
        "staff.voicemail_secs_max: expected a whole number from 10 to 600",
    ),
    (
        "voicemail = true\nvoicemail_greeting = \"../x\"",
        "staff.voicemail_greeting: expected the name of a sound",
    ),
    ("voicemail_greeting = \"away\"", "staff.voicemail: is not true: without it there is no mailbox"),
    ("voicemail_email = \"sari@x.test\"", "staff.voicemail: is not true: without it there is no mailbox"),
    (
        "voicemail = true\nvoicemail_email = \"sari@x..test\"",
        "staff.voicemail_email: expected an e-mail address",
    ),
    (
        "voicemail = true\nvoicemail_email = \"sari@x.test, budi@x.test\"",
        "staff.voicemail_email: expected an e-mail address",
    ),
    (
        "voicemail = true\nvoicemail_email_language = \"en\"",
        "staff.voicemail_email: is missing: without it nothing is mailed",
    ),
    (
        "voicemail = true\nvoicemail_email_sound = false",
        "staff.voicemail_email: is missing: without it nothing is mailed",
    ),
    (
        "voicemail = true\nvoicemail_email_delete = true",
        "org.toml:8: staff.voicemail_email: is missing: without it nothing is mailed",
    ),
    ("voicemail_email_sound = true", "staff.voicemail: is not true: without it there is no mailbox"),
    ("voicemail_email_delete = false", "staff.voicemail: is not true: without it there is no mailbox"),
    ("voicemail_secs_max = 20", "staff.voicemail: is not true: without it there is no mailbox"),
    (
        "voicemail = true\nvoicemail_email = \"sari@x.test\"\nvoicemail_email_language = \"fr\"",
        "staff.voicemail_email_language: expected \"id\" or \"en\"",
    ),
    (
        "voicemail = true\nvoicemail_email = \"sari@x.test\"\nvoicemail_email_sound = false\nvoicemail_email_delete = true",
        "staff.voicemail_email_delete: would delete what nobody has heard",
    ),
];

#[test]
fn a_mailbox_is_described_in_full_or_told_what_is_wrong_with_it() {
    let with = |keys: &str| SOUND.replacen("number = \"1001\"\n", &format!("number = \"1001\"\n{keys}\n"), 1);
    for (keys, expected) in MAILBOX_MISTAKES {
        let said = mistakes(&with(keys));
        assert!(said.len() == 1 && said[0].contains(expected), "{expected}\n{said:#?}");
    }
    let described = |keys: &str| parse(Path::new("org.toml"), &with(keys)).unwrap().staff[0].mailbox.clone();
    assert_eq!(described(""), None);
    assert_eq!(described("voicemail = true"), Some(Mailbox::default()));
    let full = "voicemail = true\nvoicemail_greeting = \"away\"\nvoicemail_messages_max = 5\nvoicemail_secs_max = 20";
    let expected = Mailbox { greeting: Some("away".into()), messages_max: 5, message_secs_max: 20 };
    assert_eq!(described(full), Some(expected));
    let mails = |keys: &str| parse(Path::new("org.toml"), &with(keys)).unwrap().staff[0].mails.clone();
    assert_eq!(mails("voicemail = true"), None);
    let plain = "voicemail = true\nvoicemail_email = \"sari.w+pbx@mail.x.test\"";
    assert_eq!(mails(plain), Some(Mails::to("sari.w+pbx@mail.x.test".to_owned())));
    let all = format!("{plain}\nvoicemail_email_delete = true\nvoicemail_email_language = \"en\"");
    let expected = Mails {
        is_deleted: true,
        language: Some(Language::En),
        ..Mails::to("sari.w+pbx@mail.x.test".to_owned())
    };
    assert_eq!(mails(&all), Some(expected));
}

#[test]
fn a_rule_leads_to_a_mailbox_that_is_on() {
    let rule = "\n[[rule]]\nextension = \"100\"\ncondition = \"busy\"\naction = \"voicemail\"\n";
    let to = format!("{SOUND}{rule}target = \"1001\"\n");
    let said = mistakes(&to);
    assert!(said.len() == 1 && said[0].contains("rule.target: has no mailbox"), "{said:?}");
    let on = to.replacen("number = \"1001\"\n", "number = \"1001\"\nvoicemail = true\n", 1);
    assert_eq!(mistakes(&on), [""; 0]);
    let said = mistakes(&format!("{SOUND}{rule}"));
    assert!(
        said.len() == 1 && said[0].contains("rule.target: is missing: the number of somebody"),
        "{said:?}"
    );
}
