//! Page groups in a description: what is read, what is written down, and what is said of mistakes.

use super::*;

/// Without accounts, whose passwords would be missing.
fn with_groups(text: &str) -> String {
    format!("{}{text}", SOUND.replacen("[[account]]\nusername = \"1001\"\nstaff = \"1001\"\n", "", 1))
}

#[test]
fn page_groups_that_are_written_down_are_those_that_were_read() {
    let (file, none) = (Path::new("org.toml"), BTreeMap::new());
    let text_of = with_groups("[[page_group]]\nextension = \"100\"\nduplex = true\n");
    let rows = described::rows(&parse(file, &text_of).unwrap(), None, &none).unwrap();
    let people = rows.staff.iter().map(|(email, staff)| (email.clone(), staff.user)).collect();
    assert!(rows.page_groups["100"].is_duplex);
    let again = parse(file, &text::text(&rows)).unwrap();
    assert_eq!(described::rows(&again, Some(&rows), &people).unwrap(), rows, "it stays as it is");
    let snapshot = snapshot::Snapshot { revision: 1, organisations: vec![rows.snapshot(&BTreeSet::new())] };
    assert!(snapshot.organisations[0].extensions[0].page_group.is_some());
    assert!(dialplan::compile(&snapshot).is_ok());
}

#[test]
fn mistakes_in_page_groups_are_told_with_what_would_be_right() {
    let check = |text: &str, expected: &str| {
        let said = parse(Path::new("org.toml"), &with_groups(text)).err().unwrap_or_default();
        assert!(said.iter().any(|mistake| mistake.to_string().contains(expected)), "{expected}: {said:?}");
    };
    let group = "[[page_group]]\nextension = \"100\"\n";
    check(&format!("{group}{group}"), "page_group.extension: is a page group already, in line ");
    check(&format!("{group}loud = true\n"), "page_group.loud: no such key; there are extension and duplex");
    check(&group.replace("100", "9"), "page_group.extension: ");
    let room = "[[conference]]\nextension = \"100\"\n";
    check(&format!("{group}{room}"), "page_group.extension: is a queue or a conference already");
}
