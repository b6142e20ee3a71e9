//! Configuration as files: `check`, `describe`, `diff` and `apply`.
//!
//! The daemons' own files are judged by the daemons (`--check`); organisations are described by files of their own, and
//! what is described is what the database shall hold.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod describe;
pub(crate) mod diff;

use std::{
    fs,
    path::{Path, PathBuf},
};

use sqlx::PgConnection;

use crate::{
    Failure,
    organisation::{
        Rows,
        described::rows,
        description::{self, Description},
        reader::Mistake,
        store,
    },
};

/// Where the package keeps them.
const FOLDER: &str = "/etc/sambung";
/// Files of one folder.
const FILES_MAX: usize = 1_000;

/// The files below `folder/organisations`, by name.
fn organisations_in(folder: &Path) -> Result<Vec<PathBuf>, Mistake> {
    let folder = folder.join("organisations");
    let wrong = |reason: String| Mistake { file: folder.clone(), line: None, key: String::new(), reason };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    paths.sort();
    if paths.len() > FILES_MAX {
        return Err(wrong(format!("has more than {FILES_MAX} files")));
    }
    Ok(paths)
}

/// All descriptions named on the command line; a folder stands for those below it.
fn load(paths: &[PathBuf]) -> Result<Vec<Description>, Vec<Mistake>> {
    let (mut all, mut mistakes) = (Vec::new(), Vec::new());
    for path in paths {
        let files = if path.is_dir() { organisations_in(path) } else { Ok(vec![path.clone()]) };
        for file in files.map_err(|mistake| mistakes.push(mistake)).unwrap_or_default() {
            match description::load(&file) {
                Ok(description) => all.push(description),
                Err(mut found) => mistakes.append(&mut found),
            }
        }
    }
    mistakes.extend(clashes(&all));
    if mistakes.is_empty() { Ok(all) } else { Err(mistakes) }
}

/// What only shows when all descriptions are looked at together.
fn clashes(all: &[Description]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (at, description) in all.iter().enumerate() {
        let mut wrong = |line: usize, key: &str, reason: String| {
            let file = description.file.clone();
            mistakes.push(Mistake { file, line: Some(line), key: key.to_owned(), reason });
        };
        let before = || all.iter().take(at);
        if let Some(other) = before().find(|other| other.domain.value == description.domain.value) {
            let reason = format!("is described by {} already", other.file.display());
            wrong(description.domain.line, "organisation.domain", reason);
        }
        let default = before().find(|other| other.is_default && description.is_default);
        if let Some(other) = default {
            let reason = format!("{} is the default one already", other.file.display());
            wrong(description.line, "organisation.default", reason);
        }
    }
    mistakes
}

/// Mistakes as lines for people.
fn said(mistakes: &[Mistake]) -> Failure {
    Failure::Mistakes(mistakes.iter().map(ToString::to_string).collect())
}

/// What stands in the database under the description's domain, and what shall stand there.
async fn resolve(c: &mut PgConnection, description: &Description) -> Result<(Option<Rows>, Rows), Failure> {
    let current = store::load(c, &description.domain.value).await?;
    let emails: Vec<String> = description.staff.iter().map(|staff| staff.email.clone()).collect();
    let people = store::users(c, &emails).await?;
    let wanted = rows(description, current.as_ref(), &people)?;
    Ok((current, wanted))
}
