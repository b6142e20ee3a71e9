//! Conferences in a description: what is read, what is written down, and what is said of mistakes.

use super::*;

const CONFERENCES: &str = r#"
[[extension]]
number = "8000"
name = "Rapat"
staff = []

[[conference]]
extension = "8000"
pin_file = "rapat"
members_max = 12
tones = false

[[conference]]
extension = "100"
"#;

#[test]
fn conferences_that_are_written_down_are_those_that_were_read_and_a_pin_never_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("org.toml");
    let pin = folder.path().join("rapat");
    fs::write(&pin, "4711\n").unwrap();
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();
    let none = BTreeMap::new();
    let rows = described::rows(&parse(&file, &without_accounts(CONFERENCES)).unwrap(), None, &none).unwrap();
    let people = rows.staff.iter().map(|(email, staff)| (email.clone(), staff.user)).collect();
    let (room, open) = (&rows.conferences["8000"], &rows.conferences["100"]);
    assert_eq!(room.pin.as_ref().map(|pin| pin.0.as_str()), Some("4711"));
    assert_eq!((room.members_max, room.has_tones), (12, false));
    assert_eq!((open.pin.is_none(), open.members_max, open.has_tones), (true, 32, true));
    let written = text::text(&rows);
    assert!(!written.contains("4711") && written.contains("pin = true\n"), "{written}");
    let again = parse(&file, &written).unwrap();
    assert_eq!(described::rows(&again, Some(&rows), &people).unwrap(), rows, "it stays as it is");
    let Err(crate::Failure::Mistakes(said)) = described::rows(&again, None, &none) else { panic!("no PIN") };
    assert!(said[0].ends_with("conference.pin_file: there is no PIN yet: name the file that holds it"));
    let open = parse(&file, &written.replace("pin = true\n", "")).unwrap();
    assert!(described::rows(&open, Some(&rows), &people).unwrap().conferences["8000"].pin.is_none());
    let snapshot = snapshot::Snapshot { revision: 1, organisations: vec![rows.snapshot(&BTreeSet::new())] };
    assert!(dialplan::compile(&snapshot).is_ok());
    let both = CONFERENCES.replace("pin_file = ", "pin = false\npin_file = ");
    let said = parse(&file, &without_accounts(&both)).err().unwrap_or_default();
    assert!(
        said[0].to_string().ends_with("is false, and pin_file names one: leave one of them out"),
        "{said:?}"
    );
    fs::write(&pin, "47a1\n").unwrap();
    let said = parse(&file, &without_accounts(CONFERENCES)).err().unwrap_or_default();
    assert!(said[0].to_string().ends_with("conference.pin: expected 4 to 10 digits in the file"), "{said:?}");
}

#[test]
fn mistakes_in_conferences_are_told_with_what_would_be_right() {
    let sound = CONFERENCES.replace("pin_file = \"rapat\"\n", "");
    for (old, new, expected) in [
        (
            "members_max = 12",
            "members_max = 33",
            "conference.members_max: expected a whole number from 2 to 32",
        ),
        ("members_max = 12", "members = 12", "conference.members: no such key; there are extension, pin,"),
        (
            "extension = \"100\"",
            "extension = \"8000\"",
            "conference.extension: has a conference already, in line",
        ),
        (
            "extension = \"100\"",
            "extension = \"300\"",
            "conference.extension: no [[extension]] has the number",
        ),
    ] {
        assert!(sound.contains(old), "{old}");
        is_told(&without_accounts(&sound.replacen(old, new, 1)), expected);
    }
}
