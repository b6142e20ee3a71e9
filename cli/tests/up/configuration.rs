//! Configuration as files, on a real switch and a real database: `check`, `describe`, `diff`, `apply` and what goes wrong
//! with them.

mod trying;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::site::{Site, binary, text};

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command said, and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n{}\n{}", self.code, self.out, self.err)
    }
}

impl Site {
    fn sambung(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).env_remove("DATABASE_URL").current_dir(&self.home);
        if arguments[0] != "check" {
            command.arg("--switch").arg(self.data().join("switch"));
        }
        command
    }

    fn says(&self, arguments: &[&str]) -> Said {
        self.sambung(arguments).output().unwrap().into()
    }

    /// Writes a file below `home`, for us alone.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The demo organisation as a file.
    fn described(&self) -> String {
        let said = self.says(&["describe", "demo.sambung.test"]);
        assert_eq!(said.code, Some(0), "{said}");
        said.out
    }

    fn sql(&self) -> Sql {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let demo = self.demo();
        let connection = runtime.block_on(PgConnection::connect(text(&demo, "/database_url"))).unwrap();
        Sql { runtime, connection }
    }
}

/// The database as a superuser sees it.
struct Sql {
    runtime: tokio::runtime::Runtime,
    connection: PgConnection,
}

impl Sql {
    fn run(&mut self, statement: &'static str) {
        let done = self.runtime.block_on(sqlx::raw_sql(statement).execute(&mut self.connection));
        done.unwrap();
    }

    /// `revision applied`
    fn revisions(&mut self) -> (i64, i64) {
        let row = sqlx::query("select revision, applied from telephony.revisions");
        let row = self.runtime.block_on(row.fetch_one(&mut self.connection)).unwrap();
        (row.get(0), row.get(1))
    }

    /// How many of them are remembered.
    fn applications(&mut self) -> i64 {
        let count = sqlx::query_scalar("select count(distinct run) from telephony.applications");
        self.runtime.block_on(count.fetch_one(&mut self.connection)).unwrap()
    }

    /// Every configuration row there is, digests too.
    fn rows(&mut self) -> Vec<String> {
        let rows = sqlx::query_scalar(
            "select t::text from (
                 select 'o', org_id::text, sip_domain, is_default::text, ring_timeout_seconds::text
                     from telephony.organisation_settings where sip_domain not like '%.invalid'
                 union all select 'e', id::text, name, is_active::text, '' from telephony.extensions
                 union all select 'n', number, extension_id::text, user_id::text, '' from telephony.numbers
                 union all select 's', extension_id::text, user_id::text, '', ''
                     from telephony.extension_assigned_staffs
                 union all select 'a', id::text, username, ha1_md5 || ha1_sha256, user_id::text || is_active
                     from telephony.sip_accounts where username not like 'selftest%'
                 union all select 'u', id::text, name, email, status from identity.users
             ) t order by 1",
        );
        self.runtime.block_on(rows.fetch_all(&mut self.connection)).unwrap()
    }
}

/// A second organisation with one phone.
fn branch(name: &str) -> String {
    format!(
        "[organisation]\nname = \"Branch\"\ndomain = \"branch.test\"\n\n[[staff]]\nnumber = \"21\"\nname = \"{name}\"\n\
         email = \"ani@branch.test\"\n\n[[account]]\nusername = \"21\"\nstaff = \"21\"\npassword_file = \"secret\"\n"
    )
}

#[test]
fn a_description_is_applied_shown_as_a_difference_and_taken_back() {
    let site = Site::new();
    let _up = site.start(&[]);
    let mut sql = site.sql();
    let before = sql.rows();
    let described = site.described();
    site.file("demo.toml", &described);
    let same = site.says(&["diff", "demo.toml"]);
    assert!(same.code == Some(0) && same.out.starts_with("0 to add, 0 to change, 0 to remove."), "{same}");
    let revision = sql.revisions();
    let nothing = site.says(&["apply", "demo.toml"]);
    assert!(nothing.code == Some(0) && nothing.out == "Nothing to change.\n", "{nothing}");
    assert_eq!(sql.revisions(), revision);

    // Two people swap their numbers, one loses theirs, an extension gets another name, a branch opens.
    let changed = described
        .replace("number = \"1001\"\nname = \"Sari\"", "number = \"tmp\"\nname = \"Sari\"")
        .replace("number = \"1002\"\nname = \"Budi\"", "number = \"1001\"\nname = \"Budi\"")
        .replace("number = \"tmp\"", "number = \"1002\"")
        .replace("Resepsionis", "Depan")
        .replace("ring_timeout_secs = 60", "ring_timeout_secs = 30");
    site.file("demo.toml", &changed);
    site.file("secret", "correct horse\n");
    site.file("branch.toml", &branch("Ani"));
    let diff = site.says(&["diff", "demo.toml", "branch.toml"]);
    assert_eq!(diff.code, Some(2), "{diff}");
    for line in [
        "~ organisation demo.sambung.test  ring_timeout_secs 60 → 30",
        "~ staff sari@demo.sambung.test  number \"1001\" → \"1002\"",
        "~ staff budi@demo.sambung.test  number \"1002\" → \"1001\"",
        "~ extension 100  name \"Resepsionis\" → \"Depan\"",
        "+ organisation branch.test  name \"Branch\"",
        "+ account 21  staff \"ani@branch.test\", password \"****\", active true",
    ] {
        assert!(diff.out.contains(line), "{line}\n{diff}");
    }
    let json = site.says(&["diff", "--json", "demo.toml", "branch.toml"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    let keys: Vec<_> =
        json["changes"].as_array().unwrap().iter().map(|c| c["key"].as_str().unwrap()).collect();
    assert!(keys.len() >= 6 && keys[0] == "demo.sambung.test" && keys.last() == Some(&"21"), "{keys:?}");
    assert_eq!(sql.rows(), before);

    let applied = site.says(&["apply", "demo.toml", "branch.toml", "--selftest"]);
    assert!(applied.code == Some(0) && applied.out.contains(" is in use.\n"), "{applied}");
    assert!(!format!("{diff}{applied}").contains("correct horse"));
    let revision = applied.out.split("Revision ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(sql.revisions().1 >= revision.parse::<i64>().unwrap(), "{applied}");
    assert_eq!(site.says(&["diff", "demo.toml", "branch.toml"]).code, Some(0));
    let gone = site.says(&["describe", "nobody.test"]);
    assert!(gone.code == Some(2) && gone.err.contains("branch.test, demo.sambung.test"), "{gone}");

    let back = site.says(&["apply", "--rollback"]);
    assert!(back.code == Some(0) && back.out.contains("- account 21\n"), "{back}");
    assert_eq!(site.described(), described);
    // Of the branch stays its name, which the switch leaves out, and who was in it.
    let left: Vec<String> = sql.rows().into_iter().filter(|row| !row.contains("ranch")).collect();
    assert_eq!(left, before);
    let nothing = site.says(&["apply", "--rollback"]);
    assert!(nothing.code == Some(2) && nothing.err.contains("nothing has been applied"), "{nothing}");
    // And it can come again.
    let again = site.says(&["apply", "branch.toml"]);
    assert!(again.code == Some(0) && again.out.contains("status \"pending\" → \"approved\""), "{again}");
}

/// Appended to a description of the demo.
const RULES: &str = "\n[[rule]]\nextension = \"100\"\ntimescope = \"off_hours\"\naction = \"announce_hangup\"\n\
                 target = \"closed\"\n\n[[rule]]\nextension = \"100\"\ncondition = \"no_answer\"\n\
                 action = \"forward_extension\"\ntarget = \"200\"\n\n[[rule]]\nextension = \"200\"\n\
                 condition = \"no_answer\"\naction = \"forward_staff\"\ntarget = \"1002\"\n\n\
                 [[holiday]]\ndate = \"2026-12-25\"\nname = \"Natal\"\n\n[[holiday]]\ndate = \"2026-12-24\"\n\
                 name = \"Malam Natal\"\nextension = \"100\"\nhours = [\"08:00-10:00\"]\n";

/// What `sambung route` says when these rules are applied.
fn check_routes(site: &Site) {
    let route = |at: &str| site.says(&["route", "1001", "100", "--at", at]);
    let open = route("2026-11-23T09:00");
    assert_eq!(open.code, Some(0), "{open}");
    let mut lines = open.out.lines();
    for line in [
        "1001 calls 100 of demo.sambung.test, Mon 2026-11-23 09:00 Asia/Makassar (configuration revision ",
        "  100 is the extension “Resepsionis”",
        "  it is Mon 2026-11-23 09:00 there: open, by Mon 2026-11-23 08:00–17:00",
        "  rule 1 (off hours, always) is for other hours",
        "→ rings 100 “Resepsionis” for up to 60 s",
        "If that does not answer:",
        "  rule 2 (any hours, no answer) forwards to 200 “Support”",
        "→ rings 200 “Support” for up to 60 s",
        "  rule 1 (any hours, no answer) forwards to 1002 “Budi”",
        "→ rings 1002 “Budi” for up to 60 s",
    ] {
        assert!(lines.any(|told| told.starts_with(line)), "{line}\n{open}");
    }
    for (at, told) in [
        ("2026-11-23T20:00", "→ the caller hears “closed” and is refused"),
        ("2026-11-28T23:59", "by Sat 2026-11-28 22:00–24:00"),
        ("2026-11-30T05:59", "by Sun 2026-11-29 22:30–06:00"),
        ("2026-11-29T21:59Z", "by Sun 2026-11-29 22:30–06:00"),
        ("2026-12-24T09:59", "a date with hours of its own: open, by Thu 2026-12-24 08:00–10:00"),
        ("2026-12-25T09:00", "a date with hours of its own: closed"),
    ] {
        let said = route(at);
        assert!(said.code == Some(0) && said.out.contains(told), "{at}: {told}\n{said}");
    }
    let json = site.says(&["route", "1001", "100", "--at", "2026-11-23T09:00", "--json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["route"]["ring"]["number"], "100");
    assert_eq!(json["then"][0]["condition"], "no_answer");
    assert_eq!(json["then"][0]["decisions"].as_array().unwrap().len(), 2);
    for (question, code, told) in [
        (["route", "1001", "999"], 2, "→ refused: unknown_number"),
        (["route", "nobody", "100"], 2, "neither the username of an account"),
        (["route", "1001", "1001"], 2, "→ refused: self_call"),
    ] {
        let said = site.says(&question);
        assert!(said.code == Some(code) && format!("{said}").contains(told), "{said}");
    }
    let said = site.says(&["route", "1001", "100", "--at", "tomorrow"]);
    assert!(said.code == Some(2) && said.err.contains("expected a time such as"), "{said}");
}

#[test]
fn hours_and_rules_are_applied_told_by_route_and_taken_back() {
    let site = Site::new();
    let _up = site.start(&[]);
    let described = site.described();
    let hours =
        "name = \"Resepsionis\"\nhours = [\"mon-fri 08:00-17:00\", \"sat 22:00-24:00\", \"sun 22:30-06:00\"]";
    let changed = format!("{}{RULES}", described.replace("name = \"Resepsionis\"", hours))
        .replace("timezone = \"Asia/Jakarta\"", "timezone = \"Asia/Makassar\"");
    site.file("demo.toml", &changed);
    let applied = site.says(&["apply", "demo.toml"]);
    assert_eq!(applied.code, Some(0), "{applied}");
    assert_eq!(site.says(&["diff", "demo.toml"]).code, Some(0), "what was written is what was meant");
    let again = site.described();
    site.file("again.toml", &again);
    assert_eq!(site.says(&["diff", "again.toml"]).code, Some(0), "{again}");

    check_routes(&site);
    let back = site.says(&["apply", "--rollback"]);
    assert_eq!(back.code, Some(0), "{back}");
    assert_eq!(site.described(), described);
    // Once more, over the rules that stayed behind as deleted, and with another order.
    let swapped = changed.replacen("extension = \"100\"\ncondition", "extension = \"200\"\ncondition", 1);
    let swapped = swapped.replace("target = \"200\"", "target = \"100\"");
    site.file("demo.toml", &swapped);
    let applied = site.says(&["apply", "demo.toml"]);
    assert_eq!(applied.code, Some(0), "{applied}");
    site.file("demo.toml", &changed);
    let applied = site.says(&["apply", "demo.toml"]);
    assert!(applied.code == Some(0), "{applied}");
    assert_eq!(site.described(), again);
}

/// A description with a queue, a mailbox, a trunk and its numbers, rules that lead to them, a page group with a supervisor, prices
/// and a budget of money. Budi has that number, and with the number other things differ, too.
fn with_more(described: &str, budi: &str) -> String {
    let mailbox = "name = \"Budi\"\nvoicemail = true\nvoicemail_greeting = \"budi\"\n\
                   voicemail_email = \"budi@x.test\"\nvoicemail_email_delete = true";
    let described = described.replace("name = \"Budi\"", mailbox);
    format!(
        "{described}\n[[queue]]\nextension = \"200\"\nstrategy = \"weighted\"\nagents = [\"{budi}*3\"]\n\n\
         [[rule]]\nextension = \"100\"\ncondition = \"busy\"\naction = \"queue\"\ntarget = \"200\"\npriority = 2\n\n\
         [[rule]]\nextension = \"200\"\ncondition = \"no_answer\"\naction = \"voicemail\"\ntarget = \"{budi}\"\n\n\
         [[trunk]]\nname = \"provider\"\nsources = [\"203.0.113.0/28\"]\n\n\
         [[did]]\nnumber = \"+62215550100\"\nextension = \"100\"\n\n\
         [[did]]\nnumber = \"+62215550101\"\nstaff = \"{budi}\"\n\n\
         [[extension]]\nnumber = \"300\"\nname = \"Panggilan\"\nstaff = [\"{budi}\"]\nsupervisors = [\"1001\"]\n\n\
         [[page_group]]\nextension = \"300\"\nduplex = {}\n\n\
         [[price]]\nprefix = \"+62\"\nrupiah_per_minute = {budi}\n\n\
         [[price]]\nprefix = \"+{budi}\"\nrupiah_per_minute = 5000\n\n\
         [[budget]]\ndestinations = [\"national\"]\nrupiah_per_day_max = {budi}00\n",
        budi == "1001"
    )
}

/// The rule into the queue was refused by a database that had mailboxes.
#[test]
fn queues_mailboxes_and_trunks_are_applied_and_what_leads_to_somebody_stays_with_them() {
    let site = Site::new();
    let _up = site.start(&[]);
    let described = site.described();
    site.file("demo.toml", &with_more(&described, "1002"));
    let applied = site.says(&["apply", "demo.toml"]);
    assert_eq!(applied.code, Some(0), "{applied}");
    assert_eq!(site.says(&["diff", "demo.toml"]).code, Some(0), "what was written is what was meant");
    site.file("again.toml", &site.described());
    assert_eq!(site.says(&["diff", "again.toml"]).code, Some(0));
    let first = site.described();
    // Two people swap their numbers.
    let swapped = described
        .replace("number = \"1001\"\nname = \"Sari\"", "number = \"tmp\"\nname = \"Sari\"")
        .replace("number = \"1002\"\nname = \"Budi\"", "number = \"1001\"\nname = \"Budi\"")
        .replace("number = \"tmp\"", "number = \"1002\"");
    // Who are assigned to an extension are named by their numbers, too.
    let swapped = swapped.replace("[\"1002\"", "[\"1001\"");
    site.file("demo.toml", &with_more(&swapped, "1001"));
    let applied = site.says(&["apply", "demo.toml"]);
    assert!(applied.code == Some(0) && !applied.out.contains("did"), "{applied}");
    for changed in [
        "~ extension 300  supervisors [\"sari@demo.sambung.test\"] → [\"budi@demo.sambung.test\"]",
        "~ page_group 300  duplex false → true",
        "+ price +1001",
        "- price +1002",
        "~ price +62  rupiah_per_minute 1002 → 1001",
        "~ budget everybody else  rupiah_per_day_max 100200 → 100100",
    ] {
        assert!(applied.out.contains(changed), "{changed} in {applied}");
    }
    let route = site.says(&["route", "provider", "021-5550101"]);
    assert!(route.out.contains("→ rings 1001 “Budi”"), "{route}");
    for before in [first, described] {
        let back = site.says(&["apply", "--rollback"]);
        assert_eq!(back.code, Some(0), "{back}");
        assert_eq!(site.described(), before);
    }
}

#[test]
fn who_comes_back_without_a_mailbox_has_none() {
    let site = Site::new();
    let _up = site.start(&[]);
    site.file("secret", "correct horse\n");
    let beni = "[[staff]]\nnumber = \"22\"\nname = \"Beni\"\nemail = \"beni@branch.test\"\n";
    for more in [&format!("{beni}voicemail = true\n"), "", beni] {
        site.file("branch.toml", &format!("{}\n{more}", branch("Ani")));
        let applied = site.says(&["apply", "branch.toml"]);
        assert_eq!(applied.code, Some(0), "{applied}");
        let diff = site.says(&["diff", "branch.toml"]);
        assert_eq!(diff.code, Some(0), "{diff}");
    }
}

/// Appended to a description of the demo in which 1002 has a mailbox: a rule for every action, and a menu with all of them.
const ACTIONS: &str = r##"
[[queue]]
extension = "200"

[[menu]]
extension = "100"
direct_dialling = true
choices = [
  "0: ring",
  "1: forward_extension 200",
  "2: forward_staff 1002",
  "3: queue 200 4",
  "4: voicemail 1002",
  "5: ivr 200",
  "*: repeat",
  "#: announce_hangup goodbye",
]

[[menu]]
extension = "200"
choices = ["1: ivr 100", "timeout: forward_extension 100"]
"##;

#[test]
fn every_action_of_rules_and_menus_is_taken_by_the_database_and_taken_back() {
    let site = Site::new();
    let _up = site.start(&[]);
    let described = site.described();
    let actions = [
        ("ring", None),
        ("forward_extension", Some("200")),
        ("forward_staff", Some("1002")),
        ("queue", Some("200")),
        ("voicemail", Some("1002")),
        ("ivr", Some("200")),
        ("announce_hangup", Some("closed")),
    ];
    let rules = actions.map(|(action, target)| {
        let target = target.map(|target| format!("target = \"{target}\"\n")).unwrap_or_default();
        format!("\n[[rule]]\nextension = \"100\"\ntimescope = \"off_hours\"\naction = \"{action}\"\n{target}")
    });
    let open = described.replacen("number = \"1002\"\n", "number = \"1002\"\nvoicemail = true\n", 1);
    site.file("demo.toml", &format!("{open}{}{ACTIONS}", rules.concat()));
    // Passwords of former times are not kept for ever: all but the newest fifty applications are forgotten.
    site.sql().run(
        "insert into telephony.applications (org_id, run, before, after, undone_at) \
         select org_id, gen_random_uuid(), '{}', '{}', now() \
         from telephony.organisation_settings, generate_series(1, 60) where sip_domain = 'demo.sambung.test'",
    );
    let applied = site.says(&["apply", "demo.toml"]);
    assert!(applied.code == Some(0) && applied.out.contains(" is in use.\n"), "{applied}");
    assert_eq!(site.sql().applications(), 50);
    assert_eq!(site.says(&["diff", "demo.toml"]).code, Some(0));
    let route = site.says(&["route", "1001", "100"]);
    for line in [
        "the menu of 100 offers 0 ring, 1 forward_extension 200, 2 forward_staff 1002, 3 queue 200",
        "; numbers inside can be dialled",
        "→ the caller chooses from the menu of 100",
    ] {
        assert!(route.code == Some(0) && route.out.contains(line), "{line}\n{route}");
    }
    // Other choices, and one menu less.
    let fewer = ACTIONS.replace("  \"5: ivr 200\",\n", "").replace("2: forward_staff 1002", "2: ring");
    let fewer = fewer.split("[[menu]]\nextension = \"200\"").next().unwrap().to_owned();
    let other =
        rules.concat().replace("action = \"ivr\"\ntarget = \"200\"", "action = \"ivr\"\ntarget = \"100\"");
    site.file("demo.toml", &format!("{open}{other}{fewer}"));
    let changed = site.says(&["apply", "demo.toml"]);
    assert!(changed.code == Some(0) && changed.out.contains("- menu 200\n"), "{changed}");
    let back = site.says(&["apply", "--rollback"]);
    assert!(back.code == Some(0) && back.out.contains("+ menu 200"), "{back}");
    let back = site.says(&["apply", "--rollback"]);
    assert!(back.code == Some(0) && back.out.contains("- menu 100\n"), "{back}");
    assert_eq!(site.described(), described);
}

#[test]
fn a_conference_is_applied_with_a_pin_that_nobody_reads_back() {
    let site = Site::new();
    let _up = site.start(&[]);
    let described = site.described();
    assert!(described.contains("[[conference]]\nextension = \"8000\"\n"), "the demo has one\n{described}");
    site.file("pin", "4711\n");
    let closed = described.replace(
        "[[conference]]\nextension = \"8000\"\n",
        "[[conference]]\nextension = \"8000\"\npin_file = \"pin\"\n",
    );
    site.file("demo.toml", &closed);
    let applied = site.says(&["apply", "demo.toml"]);
    assert!(applied.code == Some(0) && applied.out.contains("~ conference 8000  pin"), "{applied}");
    let again = site.described();
    assert!(!again.contains("4711") && again.contains("pin = true\n"), "{again}");
    site.file("demo.toml", &again);
    assert_eq!(site.says(&["diff", "demo.toml"]).code, Some(0));
    let route = site.says(&["route", "1001", "8000"]);
    for line in
        ["the conference of 8000 takes up to 32, by a PIN", "→ the caller comes into the conference of 8000"]
    {
        assert!(route.code == Some(0) && route.out.contains(line), "{line}\n{route}");
    }
    let shown = site.says(&["conference"]);
    assert!(shown.code == Some(0) && shown.out.contains("0 of 32") && !shown.out.contains("4711"), "{shown}");
    let nobody = site.says(&["conference", "mute", "0199"]);
    assert!(nobody.code == Some(2) && nobody.err.contains("no call is up"), "{nobody}");
    site.file("demo.toml", again.split("[[conference]]").next().unwrap());
    let removed = site.says(&["apply", "demo.toml"]);
    assert!(removed.code == Some(0) && removed.out.contains("- conference 8000\n"), "{removed}");
    let back = site.says(&["apply", "--rollback"]);
    assert!(back.code == Some(0) && back.out.contains("+ conference 8000"), "{back}");
}

#[test]
fn what_the_switch_does_not_take_is_taken_back_and_nobody_else_applies_meanwhile() {
    let site = Site::new();
    let _up = site.start(&[]);
    let mut sql = site.sql();
    let described = site.described();
    site.file("demo.toml", &described.replace("Resepsionis", "Depan"));
    // An account of somebody without a number, in an organisation that nobody describes: no plan can be made of it.
    sql.run(
        "insert into identity.organisations (id, name, status) values
             ('00000000-0000-0000-0000-000000000001', 'Broken', 'approved');
         insert into identity.memberships (id, org_id, user_id, email, role, status)
             select '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', id, email,
                 'call_agent', 'active' from identity.users where email = 'sari@demo.sambung.test';
         insert into telephony.organisation_settings (org_id, sip_domain) values
             ('00000000-0000-0000-0000-000000000001', 'broken.test');
         insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256)
             select '00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001', id, 'x',
                 repeat('0', 32), repeat('0', 64) from identity.users where email = 'sari@demo.sambung.test'",
    );
    let (before, (revision, _)) = (sql.rows(), sql.revisions());
    let waiting = site.says(&["diff", "demo.toml"]);
    assert!(waiting.code == Some(2) && waiting.err.contains("refuses it"), "{waiting}");

    let mut command = site.sambung(&["apply", "demo.toml", "--wait-secs", "6"]);
    let first: Child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + PATIENCE;
    while sql.revisions().0 == revision {
        assert!(Instant::now() < until, "the first one changes nothing");
        sleep(Duration::from_millis(5));
    }
    let second = site.says(&["apply", "demo.toml"]);
    assert!(second.code == Some(1) && second.err.contains("another `sambung apply` is going on"), "{second}");
    let first: Said = first.wait_with_output().unwrap().into();
    assert_eq!(first.code, Some(1), "{first}");
    assert!(
        first.err.contains("everything was taken back") && first.err.contains("did not take revision"),
        "{first}"
    );
    assert_eq!(sql.rows(), before);
    assert_eq!(site.described(), described);
    // Whoever repairs the rows finds the switch following again.
    sql.run("delete from telephony.sip_accounts where username = 'x'");
    let applied = site.says(&["apply", "demo.toml"]);
    assert_eq!(applied.code, Some(0), "{applied}");
}

#[test]
fn mistakes_and_an_absent_switch_change_nothing() {
    let site = Site::new();
    let up = site.start(&[]);
    let mut sql = site.sql();
    let (before, revisions) = (sql.rows(), sql.revisions());
    let described = site.described();
    site.file("bad.toml", &described.replacen("number = \"1003\"", "number = \"100\"", 1));
    let refused = [
        site.says(&["apply", "bad.toml"]),
        site.says(&["diff", "bad.toml"]),
        site.says(&["check", "bad.toml"]),
    ];
    assert_eq!(refused.each_ref().map(|said| said.code), [Some(2), Some(1), Some(2)], "{}", refused[0]);
    let place = |said: &str| said.contains("bad.toml:") && said.contains("\"100\" is taken by another row");
    assert!(place(&refused[0].err) && place(&refused[1].err) && place(&refused[2].out), "{}", refused[2]);
    site.file("new.toml", &format!("{described}\n[[account]]\nusername = \"new\"\n"));
    let refused = site.says(&["apply", "new.toml"]);
    assert!(refused.code == Some(2) && refused.err.contains("\"new\" is new: name the file"), "{refused}");
    site.file("other.toml", &branch("Ani").replace("domain", "default = true\ndomain"));
    site.file("secret", "correct horse");
    let refused = site.says(&["apply", "other.toml"]);
    assert!(
        refused.code == Some(1) && refused.err.contains("another organisation is the default one"),
        "{refused}"
    );
    assert_eq!((sql.rows(), sql.revisions()), (before.clone(), revisions));

    // Its door is shut for somebody who cannot show the token, and nobody opens on another place.
    site.file("demo.toml", &described.replace("Resepsionis", "Depan"));
    site.file("away/switch_api.url", "http://127.0.0.1:1\n");
    site.file("away/switch_api.token", "none\n");
    let url = site.file("url", text(&site.demo(), "/database_url"));
    let mut away = Command::new(binary());
    away.args(["apply", "demo.toml", "--switch", "away", "--database-url-file"])
        .arg(&url)
        .current_dir(&site.home);
    let refused: Said = away.output().unwrap().into();
    assert!(
        refused.code == Some(1) && refused.err.contains("nothing was changed: the switch must be there"),
        "{refused}"
    );
    assert_eq!((sql.rows(), sql.revisions()), (before, revisions));
    let waits: Said = away.arg("--without-switch").output().unwrap().into();
    assert!(waits.code == Some(0) && waits.out.contains("waits for a switch"), "{waits}");
    assert!(sql.rows().iter().any(|row| row.contains("Depan")));

    // A description knows nothing of an extension that has no number, and of what leads from it to somebody.
    sql.run(
        "insert into telephony.extensions (id, org_id, name) \
         select '00000000-0000-0000-0000-0000000000e1', org_id, 'Hidden' from telephony.organisation_settings \
         where sip_domain = 'demo.sambung.test'; \
         insert into telephony.extension_rules (id, org_id, extension_id, timescope, condition, action, target_user_id, position) \
         select extension.id, org_id, extension.id, 'any', 'always', 'forward_staff', number.user_id, 1 \
         from telephony.extensions extension join telephony.numbers number using (org_id) \
         where extension.name = 'Hidden' and number.number = '1003'",
    );
    let without: Vec<&str> = described.split("\n\n").filter(|part| !part.contains("1003")).collect();
    site.file("without.toml", &without.join("\n\n"));
    let refused = site.says(&["apply", "without.toml", "--without-switch"]);
    assert!(
        refused.code == Some(1)
            && refused.err.contains("nothing was changed: a number that would go is where"),
        "{refused}"
    );
    drop(up);
}

#[test]
fn check_tells_the_line_of_what_a_daemon_would_refuse() {
    let site = Site::new();
    let switch = "data_dir = \"x\"\n[sip]\nudp = [\"here\"]\n\n[media]\nports = \"1-2\"\ncolour = 1\n";
    site.file("conf/sambung.toml", switch);
    site.file("conf/api.toml", "listen = \"here\"\n");
    site.file("conf/organisations/branch.toml", &branch("Ani"));
    site.file("conf/organisations/secret", "correct horse");
    let said = site.says(&["check", "conf"]);
    assert_eq!(said.code, Some(2), "{said}");
    for start in [
        "conf/sambung.toml:3: sip.udp: expected an address with a port",
        "conf/sambung.toml:6: media.ports: expected",
        "conf/sambung.toml:7: media.colour: no such key",
        "conf/api.toml:1: listen: must be an address with port",
    ] {
        assert!(said.out.lines().any(|line| line.starts_with(start)), "{start}\n{said}");
    }
    assert_eq!(said.out.lines().count(), 4, "{said}");
    let json: Value = serde_json::from_str(&site.says(&["check", "--json", "conf"]).out).unwrap();
    assert!(json.as_array().unwrap().len() == 4 && json[0]["line"] == 3, "{json}");
    site.file("conf/sambung.toml", "[sip\n");
    let said = site.says(&["check", "conf/sambung.toml"]);
    assert!(said.code == Some(2) && said.out.starts_with("conf/sambung.toml:1: is no TOML: "), "{said}");
    site.file("conf/sambung.toml", "");
    site.file("conf/url", "postgres://sambung_api@127.0.0.1/sambung");
    site.file("conf/api.toml", "[database]\nurl_file = \"url\"\n");
    let said = site.says(&["check", "conf"]);
    assert!(
        said.code == Some(0) && said.out.is_empty() && said.err.contains("1 staff, 0 extensions, 1 accounts"),
        "{said}"
    );
    assert_eq!(site.says(&["check", "nowhere.toml"]).code, Some(2));
}
