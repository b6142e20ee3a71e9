//! Trunks, numbers outside, routes and budgets in a description.

use super::*;

#[test]
fn trunks_and_numbers_outside_are_read_and_their_mistakes_told() {
    let outside = r#"
[[trunk]]
name = "telkom"
sources = ["203.0.113.5/28", "203.0.113.77"]

[[did]]
number = "+62215550100"
extension = "100"
"#;
    let sound = format!("{SOUND}{outside}");
    let description = parse(Path::new("org.toml"), &sound).unwrap();
    let trunk = &description.trunks[0];
    assert_eq!(trunk.sources, ["203.0.113.0/28", "203.0.113.77/32"], "as Postgres writes them");
    assert_eq!((trunk.channels_max, trunk.is_trusted, trunk.is_active), (30, true, true));
    assert_eq!((description.dids[0].extension, description.dids[0].staff), (Some(0), None));
    let narrow =
        "whoever sends from there would be believed to be the provider (at least /16, or /32 of IPv6)";
    for (old, new, expected) in [
        (
            "\"203.0.113.5/28\"",
            "\"x\"",
            "trunk.sources: expected an address or a network, such as \"203.0.113.0/28\"".to_owned(),
        ),
        ("\"203.0.113.5/28\"", "\"0.0.0.0/0\"", format!("trunk.sources: holds too many addresses: {narrow}")),
        (
            "\"+62215550100\"",
            "\"0215550100\"",
            "did.number: expected a number with its country, such as \"+62215550100\"".to_owned(),
        ),
        (
            "extension = \"100\"\n",
            "",
            "did: needs either extension or staff: what the number stands for".to_owned(),
        ),
        (
            "extension = \"100\"\n",
            "extension = \"9\"\n",
            "did.extension: no [[extension]] has the number \"9\"".to_owned(),
        ),
    ] {
        let said = mistakes(&sound.replacen(old, new, 1));
        assert!(matches!(said.as_slice(), [one] if one.ends_with(&expected)), "{new}: {said:?}");
    }
    let twice = format!("{sound}{outside}");
    let said = mistakes(&twice);
    assert!(said.iter().any(|one| one.contains("trunk.name: stands in line 20 already")), "{said:?}");
    assert!(said.iter().any(|one| one.contains("did.number: stands there twice")), "{said:?}");
}

const OUTBOUND: &str = r#"
[[trunk]]
name = "telkom"
targets = ["sip:sip.telkom.example", "sip:203.0.113.5:5080;transport=tcp"]
auth_username = "62215550100"
auth_realm = "telkom.example"
register = true
registration_expiry_secs = 600
options_interval_secs = 30
number_format = "national"
from_number = "+62215550100"
"#;

#[test]
fn a_trunk_that_is_called_is_read_written_and_its_mistakes_told() {
    let sound = format!("{SOUND}{OUTBOUND}");
    for (old, new, expected) in [
        (
            "\"sip:sip.telkom.example\"",
            "\"sip.telkom.example\"",
            "org.toml:20: trunk.targets: expected places such as",
        ),
        ("targets = [", "# targets = [", "org.toml:20: trunk.targets: is missing: say where to register"),
        ("auth_username =", "# auth_username =", "org.toml:19: trunk.auth_username: is missing: there is"),
        (
            "auth_username = \"62215550100\"",
            "auth_username = \"62215550100@\"",
            "org.toml:20: trunk.auth_username: expected a user such as",
        ),
        (
            "= 600",
            "= 6",
            "org.toml:20: trunk.registration_expiry_secs: expected a whole number from 60 to 86400",
        ),
        ("= 30", "= 3", "org.toml:20: trunk.options_interval_secs: expected 0 for none, or a whole number"),
        (
            "\"national\"",
            "\"local\"",
            "org.toml:27: trunk.number_format: expected one of \"e164\", \"digits\"",
        ),
        (
            "\"+62215550100\"",
            "\"0215550100\"",
            "org.toml:20: trunk.from_number: expected a number with its country",
        ),
        ("auth_realm", "realm", "org.toml:23: trunk.realm: no such key"),
    ] {
        assert!(sound.contains(old), "{old}");
        is_told(&sound.replacen(old, new, 1), expected);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("org.toml");
    let none = BTreeMap::new();
    // A password is needed once, and stays.
    let (old, new) =
        ("staff = \"1001\"\n\n[[trunk]]", "staff = \"1001\"\npassword_file = \"phone\"\n\n[[trunk]]");
    let first = sound.replacen(old, new, 1);
    for (name, secret) in [("phone", "correct horse\n"), ("telkom", "s3\n")] {
        fs::write(folder.path().join(name), secret).unwrap();
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let read = parse(&file, &first).unwrap();
    let Err(crate::Failure::Mistakes(said)) = described::rows(&read, None, &none) else {
        panic!("no password")
    };
    assert!(said[0].contains("trunk.auth_password_file: \"62215550100\" has no password yet"), "{said:?}");
    let named = first.replace("auth_realm", "auth_password_file = \"telkom\"\nauth_realm");
    let rows = described::rows(&parse(&file, &named).unwrap(), None, &none).unwrap();
    assert_eq!(rows.outside.trunks["telkom"].credentials.as_ref().unwrap().password, "s3");
    let people = rows.staff.iter().map(|(email, staff)| (email.clone(), staff.user)).collect();
    let again = parse(&file, &text::text(&rows)).unwrap();
    assert_eq!(described::rows(&again, Some(&rows), &people).unwrap(), rows);
    assert!(!text::text(&rows).contains("s3\""), "a password is never written down");
    let snapshot = snapshot::Snapshot { revision: 1, organisations: vec![rows.snapshot(&BTreeSet::new())] };
    assert!(dialplan::compile(&snapshot).is_ok());
}

const ROUTED: &str = r#"
[[outbound_route]]
name = "line"
prefix = "9"
strip_digits = 1
trunks = ["telkom"]

[[outbound_route]]
name = "abroad"
prefix = "+65"
trunks = ["telkom"]
active = false

[[budget]]
destinations = ["national", "+65"]
calls_at_once_max = 1
hours_of = "100"

[[budget]]
staff = "1001"
destinations = []
minutes_per_day_max = 5
rupiah_per_day_max = 100000

[[price]]
prefix = "+62"
rupiah_per_minute = 500

[[rule]]
extension = "100"
condition = "no_answer"
action = "forward_number"
target = "+628123456789"
"#;

#[test]
fn routes_and_budgets_are_read_written_and_their_mistakes_told() {
    let sound = format!("{SOUND}\n[[trunk]]\nname = \"telkom\"\ntargets = [\"sip:a.example\"]\n{ROUTED}");
    for (old, new, expected) in [
        ("\"9\"", "\"nine\"", "outbound_route.prefix: expected digits such as"),
        (
            "= 1\ntrunks",
            "= 2\ntrunks",
            "outbound_route.strip_digits: expected a whole number from 0 to the length",
        ),
        ("[\"telkom\"]", "[\"other\"]", "outbound_route.trunks: no [[trunk]] has the name \"other\""),
        ("\"abroad\"", "\"line\"", "outbound_route.name: stands in line 24 already"),
        ("\"+65\"]", "\"65\"]", "budget.destinations: expected \"national\", \"international\" or"),
        (
            "calls_at_once_max = 1",
            "calls_at_once_max = 2001",
            "budget.calls_at_once_max: expected a whole number from 0",
        ),
        (
            "staff = \"1001\"\ndest",
            "account = \"1001\"\ndest",
            "budget.account: no [[account]] without staff",
        ),
        ("staff = \"1001\"\ndest", "dest", "budget.whose: is a second one for the same"),
        (
            "= 100000",
            "= 1000000001",
            "budget.rupiah_per_day_max: expected a whole number from 0 to 1000000000",
        ),
        (
            "\"+62\"",
            "\"62a\"",
            "price.prefix: expected digits, with a plus or as numbers of services have them",
        ),
        ("= 500\n", "= 1000001\n", "price.rupiah_per_minute: expected a whole number from 0 to 1000000"),
        ("rupiah_per_minute = 500", "", "price.rupiah_per_minute: is missing"),
        (
            "[[price]]",
            "[[price]]\nprefix = \"+62\"\nrupiah_per_minute = 1\n\n[[price]]",
            "price.prefix: is a second one for the same numbers",
        ),
        ("hours_of = \"100\"", "hours_of = \"7\"", "budget.hours_of: no [[extension]] has the number \"7\""),
        ("\"+628123456789\"", "\"08123456789\"", "rule.target: expected a number with its country"),
        ("number = \"100\"", "number = \"112\"", "number: 112 reaches the emergency services"),
        (
            "name = \"Demo\"",
            "name = \"Demo\"\nemergency_numbers = [\"1\"]",
            "organisation.emergency_numbers: expected",
        ),
    ] {
        assert!(sound.contains(old), "{old}");
        is_told(&sound.replacen(old, new, 1), expected);
    }
    let file = Path::new("org.toml");
    let read = parse(file, &sound.replacen("\n[[account]]\nusername = \"1001\"\nstaff = \"1001\"\n", "", 1))
        .unwrap();
    let rows = described::rows(&read, None, &BTreeMap::new()).unwrap();
    let keys: Vec<_> =
        rows.outside.routes.keys().chain(rows.outside.budgets.keys()).map(String::as_str).collect();
    assert_eq!(keys, ["abroad", "line", "everybody else", "sari@demo.test"]);
    let people = rows.staff.iter().map(|(email, staff)| (email.clone(), staff.user)).collect();
    let again = parse(file, &text::text(&rows)).unwrap();
    assert_eq!(described::rows(&again, Some(&rows), &people).unwrap(), rows);
    let snapshot = snapshot::Snapshot { revision: 1, organisations: vec![rows.snapshot(&BTreeSet::new())] };
    let names: Vec<_> =
        snapshot.organisations[0].outside.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["line", "abroad"], "in the order in which they stand");
    assert!(dialplan::compile(&snapshot).is_ok());
}
