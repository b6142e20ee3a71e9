//! Page groups in a description: what is read, what is written down, and what is said of mistakes.

use super::*;

#[test]
fn page_groups_that_are_written_down_are_those_that_were_read() {
    let (file, none) = (Path::new("org.toml"), BTreeMap::new());
    let text_of = without_accounts("[[page_group]]\nextension = \"100\"\nduplex = true\n");
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
    let group = "[[page_group]]\nextension = \"100\"\n";
    is_told(
        &without_accounts(&format!("{group}{group}")),
        "page_group.extension: is a page group already, in line ",
    );
    is_told(
        &without_accounts(&format!("{group}loud = true\n")),
        "page_group.loud: no such key; there are extension and duplex",
    );
    is_told(&without_accounts(&group.replace("100", "9")), "page_group.extension: ");
    let room = "[[conference]]\nextension = \"100\"\n";
    is_told(
        &without_accounts(&format!("{group}{room}")),
        "page_group.extension: is a queue or a conference already",
    );
}
