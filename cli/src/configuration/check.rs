//! `sambung check`: everything that is wrong with configuration files, with file, line and key, before anybody relies on
//! them. Needs no switch and no database. Exit 0: sound; 2: mistakes, one a line on standard output; 1: it cannot be told.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use sambung::child;
use serde_json::json;

use super::{FOLDER, load, organisations_in};
use crate::{
    Failure,
    organisation::reader::{Mistake, Reader, line_of, read},
    terminal,
};

/// `sambung check …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Files: sambung.toml and api.toml are the daemons', any other describes an organisation. A folder stands for those
    /// two in it and for organisations/*.toml
    #[arg(value_name = "PATH", default_value = FOLDER)]
    paths: Vec<PathBuf>,
    /// Print JSON for programs: an array of mistakes
    #[arg(long)]
    json: bool,
}

/// The daemons' files, and who judges them.
const DAEMONS: [(&str, &str); 2] = [("sambung.toml", "sambungd"), ("api.toml", "sambung-api")];

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (mut daemons, mut described) = (Vec::new(), Vec::new());
    let mut mistakes = Vec::new();
    for path in &arguments.paths {
        if path.is_dir() {
            let before = (daemons.len(), described.len());
            let files = DAEMONS.iter().map(|(file, judge)| (path.join(file), *judge));
            daemons.extend(files.filter(|(file, _)| file.exists()));
            match organisations_in(path) {
                Ok(mut files) => described.append(&mut files),
                Err(mistake) => mistakes.push(mistake),
            }
            if before == (daemons.len(), described.len()) {
                let reason = "has no sambung.toml, no api.toml and no organisations/*.toml".to_owned();
                mistakes.push(Mistake { file: path.clone(), line: None, key: String::new(), reason });
            }
        } else {
            let judge = DAEMONS.iter().find(|(file, _)| path.file_name().is_some_and(|name| name == *file));
            match judge {
                Some((_, judge)) => daemons.push((path.clone(), *judge)),
                None => described.push(path.clone()),
            }
        }
    }
    for (file, judge) in &daemons {
        mistakes.append(&mut ask(file, judge)?);
    }
    let organisations = load(&described).map_err(|mut found| mistakes.append(&mut found)).unwrap_or_default();
    if arguments.json {
        let all: Vec<_> = mistakes
            .iter()
            .map(|m| json!({ "file": m.file, "line": m.line, "key": m.key, "reason": m.reason }))
            .collect();
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
    } else {
        let lines: String = mistakes.iter().map(|mistake| format!("{mistake}\n")).collect();
        terminal::print(&lines)?;
        for organisation in &organisations {
            let (staff, extensions, accounts) =
                (organisation.staff.len(), organisation.extensions.len(), organisation.accounts.len());
            let file = organisation.file.display();
            terminal::say(&format!("{file}: {staff} staff, {extensions} extensions, {accounts} accounts"));
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::Said(2)) }
}

/// What the daemon says of its file, with the lines that it means.
fn ask(file: &Path, judge: &str) -> anyhow::Result<Vec<Mistake>> {
    let text = match read(file) {
        Ok(text) => text,
        Err(mistake) => return Ok(vec![mistake]),
    };
    // A daemon says where a text is no TOML, too, but not in one line.
    let (reader, _) = Reader::open(file, &text);
    if !reader.mistakes.is_empty() {
        return Ok(reader.mistakes);
    }
    let program = child::beside(judge).map_err(anyhow::Error::msg)?;
    let mut command = Command::new(&program);
    command.arg("--config").arg(fs::canonicalize(file)?).arg("--check").stdin(Stdio::null());
    // Where the database is, the daemon is told by whoever starts it: not to know it here is no mistake of the file.
    if env::var_os("DATABASE_URL").is_none() {
        command.env("DATABASE_URL", "postgres://localhost/sambung");
    }
    let answer = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    let said = String::from_utf8_lossy(&answer.stderr);
    let prefix = format!("{judge}: ");
    let mistakes: Vec<Mistake> = said
        .lines()
        .map(|line| {
            let line = line.strip_prefix(&prefix).unwrap_or(line);
            let (key, reason) = line.split_once(": ").unwrap_or(("", line));
            let line = line_of(&text, key);
            Mistake { file: file.to_owned(), line, key: key.to_owned(), reason: reason.to_owned() }
        })
        .collect();
    match answer.status.code() {
        Some(0) => Ok(Vec::new()),
        Some(2) if !mistakes.is_empty() => Ok(mistakes),
        _ => anyhow::bail!("{} --check: {}: {said}", program.display(), answer.status),
    }
}
