//! `sambung recording …`: what was recorded, and what it sounds like.
//!
//! Recordings are locked where they are kept. Only here are they opened, with a private key that the switch need not have.

mod store;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use recorder::{
    key::PrivateKey,
    sealed::{self, Opened},
};

use crate::{
    Failure,
    database::Access,
    switch::{Place, printable},
    terminal,
};

/// `sambung recording …`
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Show the latest recordings that the store has, or had until they were deleted
    List(List),
    /// Get a recording out of the store and unlock it, for any player
    Fetch(Fetch),
    /// Make a pair of keys: what is locked with the public one only the private one opens
    NewKey(NewKey),
}

/// `sambung recording list …`
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those of this call, or this recording: the id or the beginning of it
    #[arg(default_value = "")]
    id: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Access,
}

/// `sambung recording fetch …`
#[derive(Debug, clap::Args)]
pub(crate) struct Fetch {
    /// The recording's id or its call's, or the beginning of it; or a locked file
    recording: String,
    /// The file to write; it must not exist
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A private key, or one of several: a recording in whose middle keys were changed takes two [default: recording.key and
    /// voicemail.key in the switch's data folder]
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Access,
}

/// `sambung recording new-key …`
#[derive(Debug, clap::Args)]
pub(crate) struct NewKey {
    /// The file of the private key to write; the public one gets the same name with .public behind it
    file: PathBuf,
}

pub(crate) async fn run(what: &What) -> Result<(), Failure> {
    match what {
        What::List(arguments) => list(arguments).await,
        What::Fetch(arguments) => fetch(arguments).await,
        What::NewKey(arguments) => new_key(arguments),
    }
}

async fn list(arguments: &List) -> Result<(), Failure> {
    let mut connection = arguments.database.connect(&arguments.place).await?;
    let heading =
        ["Recording", "Call", "Dialled", "Begun", "Seconds", "Bytes", "Format", "Deleted"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    for found in store::recordings(&mut connection, &arguments.id).await? {
        rows.push(vec![
            found.id.to_string(),
            found.call_id.to_string(),
            printable(&found.dialled),
            found.started_at,
            format!("{}.{:03}", found.length_ms / 1_000, found.length_ms % 1_000),
            found.bytes.to_string(),
            found.format,
            found.deleted.unwrap_or_default(),
        ]);
    }
    terminal::print(&terminal::columns(&rows))?;
    Ok(())
}

async fn fetch(arguments: &Fetch) -> Result<(), Failure> {
    let (place, output) = (&arguments.place, &arguments.output);
    // Before anybody waits for hours of sound.
    if output.exists() {
        return Err(Failure::Mistakes(vec![format!("{}: there is such a file already", output.display())]));
    }
    let keys = keys(&arguments.key, place)?;
    let local = Path::new(&arguments.recording);
    let opened = if local.is_file() {
        unlock(local, &keys, output)?
    } else {
        let mut connection = arguments.database.connect(place).await?;
        let name = match store::recordings(&mut connection, &arguments.recording).await?.as_slice() {
            [store::Recording { deleted: Some(deleted), .. }] => {
                bail_with(&format!("it was deleted: {deleted}"))?
            }
            [found] => found.storage_key.clone(),
            [] => bail_with("the store has no such recording; `sambung recording list` shows those it has")?,
            found => bail_with(&format!("{} recordings begin with that; which one?", found.len()))?,
        };
        from_store(place, &name, &keys, output).await?
    };
    if !opened.is_ended {
        terminal::say(
            "the recording was never brought to its end: the switch that made it died, or the file was cut",
        );
    }
    Ok(())
}

fn bail_with(mistake: &str) -> Result<String, Failure> {
    Err(Failure::Mistakes(vec![mistake.to_owned()]))
}

/// `FILE.locked`
fn beside(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".locked");
    name.into()
}

/// A recording may be long, so it goes through a file, which must not be anybody else's.
async fn from_store(place: &Place, name: &str, keys: &[PrivateKey], output: &Path) -> anyhow::Result<Opened> {
    let locked = beside(output);
    let file = File::create_new(&locked).with_context(|| locked.display().to_string())?;
    let outcome = match download(place, name, file).await {
        Ok(()) => unlock(&locked, keys, output),
        Err(error) => Err(error),
    };
    let _ = fs::remove_file(&locked);
    outcome
}

async fn download(place: &Place, name: &str, mut file: File) -> anyhow::Result<()> {
    let mut response = place.find()?.stream(&format!("/v1/recordings/{name}")).await?;
    while let Some(octets) = response.chunk().await? {
        file.write_all(&octets)?;
    }
    Ok(())
}

fn keys(named: &[PathBuf], place: &Place) -> Result<Vec<PrivateKey>, Failure> {
    let read =
        |path: &PathBuf| PrivateKey::read(path).map_err(|error| format!("{}: {error}", path.display()));
    if !named.is_empty() {
        let read: Result<Vec<PrivateKey>, String> = named.iter().map(read).collect();
        return read.map_err(|mistake| Failure::Mistakes(vec![mistake]));
    }
    // That of recordings may have been taken to a safe place; that of messages is the switch's own.
    let own = ["recording.key", "voicemail.key"].map(|name| read(&place.folder().join(name)));
    let (found, mistakes): (Vec<_>, Vec<_>) = own.into_iter().partition(Result::is_ok);
    let mistake = mistakes.into_iter().find_map(Result::err).unwrap_or_default();
    let found: Vec<PrivateKey> = found.into_iter().flatten().collect();
    match found.is_empty() {
        true => Err(Failure::Mistakes(vec![format!("{mistake}; say where the private key is with --key")])),
        false => Ok(found),
    }
}

fn unlock(locked: &Path, keys: &[PrivateKey], output: &Path) -> anyhow::Result<Opened> {
    let sealed = File::open(locked).with_context(|| locked.display().to_string())?;
    let mut out = File::create_new(output).with_context(|| output.display().to_string())?;
    match sealed::open(sealed, keys, &mut out) {
        Ok(opened) => Ok(opened),
        Err(error) => {
            // Half of it could be taken for all.
            let _ = fs::remove_file(output);
            bail!("{}: {error}", locked.display())
        }
    }
}

fn new_key(arguments: &NewKey) -> Result<(), Failure> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::Mistakes(vec![format!("{}: {error}", path.display())])
    };
    let mut public = arguments.file.clone().into_os_string();
    public.push(".public");
    let public = PathBuf::from(public);
    let key = PrivateKey::generate().map_err(|error| wrong(&arguments.file, &error))?;
    // First the half that cannot be had again: a public one without it would lock for nobody.
    key.write_new(&arguments.file).map_err(|error| wrong(&arguments.file, &error))?;
    if let Err(error) = write_public(&public, &key) {
        let _ = fs::remove_file(&arguments.file);
        return Err(wrong(&public, &error));
    }
    terminal::print(&format!(
        "This is the key {}.\n{} locks: name it in recording.public_key_file\n{} opens: keep it where the switch is not\n",
        key.public().name_text(),
        public.display(),
        arguments.file.display()
    ))?;
    Ok(())
}

/// Writes the public half to a file that did not exist.
fn write_public(path: &Path, key: &PrivateKey) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let written = file.write_all(key.public().to_text().as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

#[cfg(test)]
mod tests;
