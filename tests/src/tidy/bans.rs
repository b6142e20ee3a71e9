//! Words and names that may not stand in the tree, and where the exceptions live.

use super::{
    Finding,
    source::{Source, line_of, word_positions},
    tree::TextFile,
};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

/// Left-overs of work in progress; a test that is skipped is a test that does not exist.
const UNFINISHED: &[&str] = &[
    "todo!",
    "unimplemented!",
    "dbg!",
    "#[ignore",
    "assert!(true)",
    "allow(dead_code",
    "allow(unused",
    "FIXME",
    "XXX",
];

/// What a pure package must not name outside its tests: the world comes in as input, and leaves as output.
const WORLD: &[&str] = &[
    "tokio",
    "async",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "UnixStream",
    "UnixListener",
    "Instant::now",
    "SystemTime",
    "std::thread",
    "thread::spawn",
    "std::env",
    "env::var",
    "std::fs",
    "File::open",
    "std::process",
    "getrandom",
    "RandomState",
    "std::io::stdin",
    "static mut",
    "thread_local!",
    "OnceLock",
    "LazyLock",
];

/// Beginnings of a statement, lower case as ours all are.
const STATEMENTS: &[&str] = &[
    "select ",
    "insert into ",
    "update telephony",
    "update identity",
    "update platform",
    "delete from ",
    "create table",
    "create schema",
    "create role",
    "create database",
    "alter ",
    "grant ",
    "truncate ",
    "set local ",
    "listen ",
    "notify ",
];

/// Ours and other people's absolute paths, and words about how the text was made rather than what it says.
/// Spelt in halves: this file is tracked too.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tm", "p/"),
    concat!("/ro", "ot/"),
    concat!("/home", "/"),
    concat!("clau", "de"),
    concat!("anthro", "pic"),
    concat!("chat", "gpt"),
    concat!("co-autho", "red-by"),
    concat!("sub", "agent"),
    concat!("language", " model"),
    concat!("deb.deb", "ian.org"),
    concat!("py", "pi.org"),
    concat!("registry.np", "mjs"),
];

/// Files whose content is made by a tool, or is a corpus of somebody's bytes.
fn is_generated(path: &str) -> bool {
    path.ends_with("Cargo.lock") || path.starts_with("fuzz/corpus/") || path.starts_with("fuzz/seeds/")
}

/// No `utils`, `helpers`, `misc`, `common`: a name that says what it holds keeps out what it does not.
pub fn empty_names(path: &str) -> Vec<Finding> {
    path.split('/')
        .map(|part| part.split('.').next().unwrap_or_default())
        .filter(|stem| EMPTY_NAMES.contains(stem))
        .map(|stem| Finding::at(path, 0, format!("`{stem}` says nothing about what is inside")))
        .collect()
}

/// No work left lying about, in tests neither.
pub fn unfinished(file: &TextFile) -> Vec<Finding> {
    in_code(&file.path, &Source::new(&file.text).code, UNFINISHED, "left over from work in progress")
}

/// A pure package's code touches nothing.
pub fn impure(file: &TextFile) -> Vec<Finding> {
    in_code(
        &file.path,
        &Source::new(&file.text).production_code(),
        WORLD,
        "a pure package takes the world as input",
    )
}

fn in_code(path: &str, code: &str, words: &[&str], why: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in words {
        for at in word_positions(code, word) {
            findings.push(Finding::at(path, line_of(code, at), format!("`{word}`: {why}")));
        }
    }
    findings
}

/// Rooms in which SQL may stand.
fn may_speak_sql(path: &str) -> bool {
    let rooms =
        ["switch/daemon/src/journal/", "control-api/src/events/", "migrations/", "tests/", "benches/"];
    path.ends_with("/store.rs")
        || path.ends_with("/plan_watch.rs")
        || rooms.iter().any(|room| path.starts_with(room))
}

/// SQL stands only in its rooms.
pub fn misplaced_sql(file: &TextFile) -> Vec<Finding> {
    if may_speak_sql(&file.path) {
        return Vec::new();
    }
    let source = Source::new(&file.text);
    let code = source.production_code();
    let is_production = |line: usize| code.lines().nth(line - 1).is_some_and(|text| !text.trim().is_empty());
    let spoken = source.literals.iter().filter(|literal| is_production(literal.line)).filter(|literal| {
        let text = literal.text.trim_start().to_lowercase();
        STATEMENTS.iter().any(|start| text.starts_with(start))
            || (text.starts_with("with ") && text.contains(" as ("))
    });
    let what = "SQL belongs into store.rs, journal/, plan_watch.rs or events/";
    let mut findings: Vec<Finding> =
        spoken.map(|literal| Finding::at(&file.path, literal.line, what)).collect();
    findings.extend(in_code(&file.path, &code, &["sqlx::query"], what));
    findings
}

/// No path of one machine, no word about the making.
pub fn foreign(file: &TextFile) -> Vec<Finding> {
    if is_generated(&file.path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let line = line.to_lowercase();
        for word in FOREIGN.iter().filter(|word| line.contains(**word)) {
            findings.push(Finding::at(
                &file.path,
                number + 1,
                format!("`{word}` speaks of somebody's machine or tools"),
            ));
        }
    }
    findings
}

/// A Rust file opens by saying what it is for.
pub fn headless(file: &TextFile) -> Vec<Finding> {
    let first = file.text.lines().find(|line| !line.starts_with("#!["));
    match first {
        Some(line) if line.starts_with("//!") => Vec::new(),
        _ => vec![Finding::at(
            &file.path,
            1,
            "opens without `//!`: say what the file is for and what it does not do",
        )],
    }
}

/// The nearest `clippy.toml` wins and is not merged with the root's: a package's own must repeat its bans.
pub fn forgotten_lints(path: &str, text: &str, root: &str) -> Vec<Finding> {
    let bans = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("path = ")).map(|line| line.trim().to_owned()).collect()
    };
    let here = bans(text);
    bans(root)
        .into_iter()
        .filter(|ban| !here.contains(ban))
        .map(|ban| Finding::at(path, 0, format!("does not repeat the root's ban: {ban}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// Each sample must be found once, and its harmless twin not at all.
    fn check(guard: fn(&TextFile) -> Vec<Finding>, bad: &str, good: &str) {
        assert_eq!(guard(&file("x/src/a.rs", bad)).len(), 1, "must be found: {bad}");
        assert_eq!(guard(&file("x/src/a.rs", good)), [], "must pass: {good}");
    }

    #[test]
    fn unfinished_work_is_found_in_code_only() {
        for word in ["todo!()", "unimplemented!()", "dbg!(x)"] {
            check(
                unfinished,
                &format!("fn a() {{ {word} }}"),
                &format!("// {word}\nconst A: &str = \"{word}\";"),
            );
        }
        check(unfinished, "#[ignore = \"slow\"] fn a() {}", "fn ignore() {}");
        check(unfinished, "#![allow(dead_code)]", "#![allow(clippy::panic)]");
    }

    #[test]
    fn the_world_is_found_in_pure_code_but_not_in_its_tests() {
        for word in
            ["std::net::UdpSocket::bind(x)", "Instant::now()", "SystemTime::UNIX_EPOCH", "tokio::spawn(x)"]
        {
            let inside = format!("#[cfg(test)]\nmod tests {{ fn b() {{ {word}; }} }}");
            check(impure, &format!("fn a() {{ {word}; }}"), &inside);
        }
        check(impure, "fn a() { thread_local!(); }", "fn f(now: Instant, from: SocketAddr) {}");
    }

    #[test]
    fn sql_is_found_outside_its_rooms() {
        check(misplaced_sql, "const Q: &str = \"select id from calls\";", "const Q: &str = \"select\";");
        check(
            misplaced_sql,
            "const Q: &str = \"with a as (select 1) select 2\";",
            "const Q: &str = \"with a hat\";",
        );
        check(misplaced_sql, "fn f() { sqlx::query(Q); }", "// select a from b\nfn f() {}");
        let text = "const Q: &str = \"select id from calls\";";
        for room in [
            "control-api/src/telephony/calls/store.rs",
            "switch/daemon/src/journal/feed.rs",
            "tests/src/demo.rs",
        ] {
            assert_eq!(misplaced_sql(&file(room, text)), []);
        }
    }

    #[test]
    fn machines_and_tools_are_found() {
        check(foreign, concat!("path = \"/wo", "rk/main\""), "path = \"workshop/main\"");
        check(foreign, concat!("/tm", "p/x.sock"), "tmp/x.sock");
        assert_eq!(foreign(&file("Cargo.lock", concat!("/tm", "p/x"))), []);
    }

    #[test]
    fn empty_names_are_found_and_speaking_ones_not() {
        assert_eq!(empty_names("switch/sip/src/utils.rs").len(), 1);
        assert_eq!(empty_names("media/common/src/lib.rs").len(), 1);
        assert!(empty_names("switch/sip/src/utility_pole.rs").is_empty());
    }

    #[test]
    fn a_file_without_a_header_is_found() {
        check(headless, "use a;\n//! late", "#![no_main]\n//! What it is for.");
    }

    #[test]
    fn a_package_that_forgets_a_lint_of_the_root_is_found() {
        let root = "disallowed-methods = [\n    { path = \"a::b\" },\n]";
        assert_eq!(forgotten_lints("x/clippy.toml", "disallowed-methods = []", root).len(), 1);
        assert!(forgotten_lints("x/clippy.toml", root, root).is_empty());
    }
}
