//! Brings sounds that organisations have uploaded from the database to this switch's disk, from where they are played (decision 0068). Each
//! file is fetched once for each version. What is on the disk is played as long as the database is away.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::{atomic_file, disk::aside, sound_files::OwnSound};

/// Sounds of all organisations together that are fetched, those of the oldest organisations first.
const OWN_SOUNDS_MAX: i64 = 3_000;
/// What is on the disk, in its folder.
const INDEX: &str = "index.json";

/// A sound as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::FromRow)]
pub(super) struct Kept {
    org_id: Uuid,
    name: String,
    id: Uuid,
    version: i32,
}

impl Kept {
    fn file(&self) -> String {
        format!("{}-{}", self.id, self.version)
    }
}

/// Whom to tell all that can be played.
type Tell = Box<dyn Fn(Vec<OwnSound>) + Send + Sync>;

/// The sounds on the disk.
pub(crate) struct OwnSounds {
    folder: PathBuf,
    kept: Vec<Kept>,
    tell: Tell,
}

impl OwnSounds {
    /// Those that are in `folder`, which are told at once.
    pub(crate) fn open(folder: PathBuf, tell: impl Fn(Vec<OwnSound>) + Send + Sync + 'static) -> Self {
        let kept = match fs::read(folder.join(INDEX)) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(%error, "the kept sounds of organisations are unusable; waiting for the database");
                Vec::new()
            }),
            Err(_) => Vec::new(),
        };
        let sounds = Self { folder, kept, tell: Box::new(tell) };
        sounds.tell_all();
        sounds
    }

    /// Makes the disk hold what the database has. False: not all of it yet, as the log says.
    pub(super) async fn look(&mut self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let rows = store::own_sounds(connection, OWN_SOUNDS_MAX).await?;
        if rows == self.kept {
            return Ok(true);
        }
        let wanted = rows.len();
        let there: BTreeSet<Kept> = std::mem::take(&mut self.kept).into_iter().collect();
        for row in rows {
            if there.contains(&row) || self.fetch(connection, &row).await? {
                self.kept.push(row);
            }
        }
        let (folder, kept) = (self.folder.clone(), self.kept.clone());
        let written = aside(move || keep(&folder, &kept)).await;
        if let Err(error) = &written {
            tracing::error!(%error, "the sounds of organisations cannot be kept on disk");
        }
        self.tell_all();
        Ok(written.is_ok() && self.kept.len() == wanted)
    }

    /// Whether it is on the disk now.
    async fn fetch(&self, connection: &mut PgConnection, row: &Kept) -> Result<bool, sqlx::Error> {
        // Changed since: whoever did that has announced it.
        let Some(file) = store::own_sound(connection, (row.id, row.version)).await? else { return Ok(false) };
        let (folder, path) = (self.folder.clone(), self.folder.join(row.file()));
        let written = aside(move || {
            fs::create_dir_all(folder)?;
            atomic_file::replace(&path, &file)
        });
        let written = written.await;
        if let Err(error) = &written {
            tracing::error!(sound = %row.id, %error, "a sound of an organisation cannot be kept on disk");
        }
        Ok(written.is_ok())
    }

    fn tell_all(&self) {
        let sound = |kept: &Kept| OwnSound {
            name: format!("@{}/{}", kept.org_id, kept.name),
            path: self.folder.join(kept.file()),
        };
        (self.tell)(self.kept.iter().map(sound).collect());
    }
}

/// First what there is, then nothing else.
fn keep(folder: &Path, kept: &[Kept]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    atomic_file::replace(&folder.join(INDEX), &serde_json::to_vec(kept)?)?;
    let named: BTreeSet<String> = kept.iter().map(Kept::file).chain([INDEX.to_owned()]).collect();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().and_then(|name| name.to_str()).is_none_or(|name| !named.contains(name)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
