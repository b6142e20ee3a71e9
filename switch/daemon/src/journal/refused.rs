//! Where entries go that Postgres refuses for good, so that they neither block the rest nor get lost.
//!
//! One JSON object a line: when, why, and the entry itself, which a person can repair and add by hand.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use contract::journal::Entry;
use serde_json::json;

use crate::{atomic_file, clock};

/// The folder of `refused-*.jsonl`.
#[derive(Clone)]
pub(super) struct Refused {
    folder: PathBuf,
}

impl Refused {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// Adds the entry to today's file (by UTC) and waits until the disk has it.
    pub(super) fn park(&self, entry: &Entry, reason: &str) -> io::Result<()> {
        let at = jiff::Timestamp::from_microsecond(clock::unix_now().0).unwrap_or_default();
        let path = self.folder.join(format!("refused-{}.jsonl", at.strftime("%Y-%m-%d")));
        let is_new = !path.exists();
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let mut line = json!({ "at": at.to_string(), "reason": reason, "entry": entry }).to_string();
        line.push('\n');
        file.write_all(line.as_bytes())?;
        file.sync_data()?;
        if is_new { atomic_file::sync_folder(&self.folder) } else { Ok(()) }
    }
}
