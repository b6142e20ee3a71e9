//! The rows of the plan in use, on disk, so that the switch starts and routes with Postgres away.
//!
//! All of them stand in one file, as of the revision that was read whole; beside it lies a file of what has changed since, a line of JSON
//! for each revision, because most changes are one organisation's and all rows are tens of megabytes. When the second file has become
//! the longer one, both become one again. What was not written to its end was never in use, and is not read. It does not judge rows.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use contract::{
    id::OrgId,
    snapshot::{Changes, Organisation, Snapshot},
};
use dialplan::Plan;

use crate::atomic_file;

/// Changes are put in among all rows when they are longer than those and than this.
const CHANGES_BYTES_MIN: u64 = 8 * 1024 * 1024;

/// The last good rows, from disk, as a plan.
pub fn read_kept(path: &Path) -> Option<Arc<Plan>> {
    let rows = match read(path) {
        Ok(rows) => rows?,
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "the kept plan cannot be read; waiting for the database");
            return None;
        }
    };
    match dialplan::compile(&rows) {
        Ok(plan) => Some(Arc::new(plan)),
        Err(wrong) => {
            let reason = super::list(&wrong);
            tracing::error!(reason, path = %path.display(), "the kept plan is unusable; waiting for the database");
            None
        }
    }
}

/// Where what has changed since stands.
fn changes_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".changes");
    name.into()
}

/// The rows as of the last change that is there as a whole; `None`: none are kept.
fn read(path: &Path) -> io::Result<Option<Snapshot>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let whole: Snapshot = serde_json::from_slice(&text)?;
    let file = match fs::File::open(changes_of(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(whole)),
        file => file?,
    };
    let mut revision = whole.revision;
    let mut rows: BTreeMap<OrgId, Organisation> =
        whole.organisations.into_iter().map(|organisation| (organisation.id, organisation)).collect();
    for line in BufReader::new(file).split(b'\n') {
        // The end of one that was being written.
        let Ok(changes) = serde_json::from_slice::<Changes>(&line?) else { break };
        // Of before the rows were written anew.
        if changes.revision <= revision {
            continue;
        }
        revision = changes.revision;
        changes.gone.iter().for_each(|gone| drop(rows.remove(gone)));
        rows.extend(changes.changed.into_iter().map(|organisation| (organisation.id, organisation)));
    }
    Ok(Some(Snapshot { revision, organisations: rows.into_values().collect() }))
}

/// The files, as this life of the switch writes them.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    path: PathBuf,
    /// Bytes of all rows; `None`: what is there is another life's, or is not what is in use.
    whole_bytes: Option<u64>,
    changes_bytes: u64,
}

impl Kept {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, whole_bytes: None, changes_bytes: 0 }
    }

    /// Whether changes can follow what is there.
    pub(super) fn is_whole(&self) -> bool {
        self.whole_bytes.is_some()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// These are all rows.
    pub(super) fn replace(&mut self, rows: Changes) -> io::Result<()> {
        self.write(&Snapshot { revision: rows.revision, organisations: rows.changed })
    }

    fn write(&mut self, rows: &Snapshot) -> io::Result<()> {
        self.whole_bytes = None;
        let text = serde_json::to_vec(rows)?;
        atomic_file::replace(&self.path, &text)?;
        // Should it stay, it is all of revisions that these rows have been through.
        match fs::remove_file(changes_of(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        (self.whole_bytes, self.changes_bytes) = (Some(text.len() as u64), 0);
        Ok(())
    }

    /// This has changed since. After an error nothing can follow before all rows are there again.
    pub(super) fn add(&mut self, changes: &Changes) -> io::Result<()> {
        let whole_bytes = self.whole_bytes.take().unwrap_or_default();
        let mut line = serde_json::to_vec(changes)?;
        line.push(b'\n');
        let mut open = OpenOptions::new();
        let mut file = open.append(true).create(true).mode(0o600).open(changes_of(&self.path))?;
        file.write_all(&line)?;
        file.sync_data()?;
        if self.changes_bytes == 0 {
            atomic_file::sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        }
        self.changes_bytes += line.len() as u64;
        if self.changes_bytes > whole_bytes.max(CHANGES_BYTES_MIN)
            && let Some(rows) = read(&self.path)?
        {
            return self.write(&rows);
        }
        self.whole_bytes = Some(whole_bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use contract::snapshot::{RecordingPolicy, default_timezone};
    use uuid::Uuid;

    use super::*;

    fn organisation(n: u128, ring_timeout_secs: u16) -> Organisation {
        Organisation {
            id: OrgId(Uuid::from_u128(n)),
            sip_domain: format!("o{n}.test"),
            is_default: false,
            ring_timeout_secs,
            language: Default::default(),
            has_announcements: true,
            recording: RecordingPolicy::Never,
            has_recording_notice: false,
            has_recording_keys: false,
            timezone: default_timezone(),
            holidays: Vec::new(),
            outside: Default::default(),
            staff: Vec::new(),
            extensions: Vec::new(),
            accounts: Vec::new(),
        }
    }

    fn changes(revision: i64, changed: &[Organisation], gone: &[u128]) -> Changes {
        let gone = gone.iter().map(|n| OrgId(Uuid::from_u128(*n))).collect();
        Changes { revision, changed: changed.to_vec(), gone }
    }

    /// Rows of two organisations at revision 1, and a folder of theirs.
    fn kept() -> (tempfile::TempDir, Kept) {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::at(folder.path().join("plan.json"));
        kept.replace(changes(1, &[organisation(1, 20), organisation(2, 20)], &[])).unwrap();
        (folder, kept)
    }

    fn rows(kept: &Kept) -> (i64, Vec<(u128, u16)>) {
        let rows = read(&kept.path).unwrap().unwrap();
        let all = rows.organisations.iter().map(|one| (one.id.0.as_u128(), one.ring_timeout_secs));
        (rows.revision, all.collect())
    }

    #[test]
    fn what_has_changed_is_read_over_what_was_there() {
        let (_folder, mut kept) = kept();
        kept.add(&changes(2, &[organisation(2, 30), organisation(3, 20)], &[])).unwrap();
        kept.add(&changes(4, &[organisation(2, 40)], &[1])).unwrap();
        assert_eq!(rows(&kept), (4, vec![(2, 40), (3, 20)]));
        kept.replace(changes(5, &[organisation(9, 20)], &[])).unwrap();
        assert_eq!(rows(&kept), (5, vec![(9, 20)]));
    }

    #[test]
    fn a_change_that_was_not_written_to_its_end_has_not_happened() {
        let (_folder, mut kept) = kept();
        kept.add(&changes(2, &[organisation(2, 30)], &[])).unwrap();
        let whole = fs::read(changes_of(&kept.path)).unwrap();
        kept.add(&changes(3, &[organisation(2, 40)], &[])).unwrap();
        let both = fs::read(changes_of(&kept.path)).unwrap();
        for end in whole.len()..both.len() - 1 {
            fs::write(changes_of(&kept.path), &both[..end]).unwrap();
            assert_eq!(rows(&kept), (2, vec![(1, 20), (2, 30)]), "cut at {end}");
        }
    }

    #[test]
    fn changes_of_before_the_rows_were_written_anew_are_passed_over() {
        let (_folder, mut kept) = kept();
        kept.add(&changes(2, &[organisation(2, 30)], &[])).unwrap();
        let before = fs::read(changes_of(&kept.path)).unwrap();
        kept.replace(changes(3, &[organisation(1, 50)], &[])).unwrap();
        fs::write(changes_of(&kept.path), before).unwrap();
        assert_eq!(rows(&kept), (3, vec![(1, 50)]));
    }

    #[test]
    fn changes_longer_than_all_rows_become_one_with_them() {
        let (_folder, mut kept) = kept();
        let mut long = organisation(2, 30);
        long.outside.emergency_numbers = vec!["112".repeat(1_000_000)];
        for revision in 2..=4 {
            kept.add(&changes(revision, &[long.clone()], &[])).unwrap();
        }
        assert!(!changes_of(&kept.path).exists());
        assert_eq!(rows(&kept), (4, vec![(1, 20), (2, 30)]));
        kept.add(&changes(5, &[organisation(2, 40)], &[])).unwrap();
        assert_eq!(rows(&kept), (5, vec![(1, 20), (2, 40)]));
    }

    #[test]
    fn after_a_change_that_the_disk_did_not_take_nothing_follows_before_all_rows_are_there() {
        let (_folder, mut kept) = kept();
        fs::create_dir(changes_of(&kept.path)).unwrap();
        assert!(kept.add(&changes(2, &[organisation(2, 30)], &[])).is_err());
        assert!(!kept.is_whole());
        fs::remove_dir(changes_of(&kept.path)).unwrap();
        kept.replace(changes(3, &[], &[])).unwrap();
        assert!(kept.is_whole());
    }
}
