//! The repository as the guards see it: its files as git lists them, its manifests as cargo reads them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// Path relative to the root, with forward slashes.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// The repository's root.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// All text files git tracks or would track: new ones count before they are committed, ignored ones never.
pub fn text_files() -> Result<Vec<TextFile>> {
    let list =
        output(Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let mut files = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        // Deleted but not yet committed, or not text: nothing to read.
        let Ok(bytes) = std::fs::read(root().join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile { path: path.to_owned(), text });
        }
    }
    ensure!(files.len() > 50, "only {} text files found: is this a git checkout?", files.len());
    Ok(files)
}

/// `cargo metadata` of our own packages.
pub fn metadata() -> Result<serde_json::Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let text = output(Command::new(cargo).args([
        "metadata",
        "--offline",
        "--locked",
        "--no-deps",
        "--format-version",
        "1",
    ]))?;
    serde_json::from_str(&text).context("cargo metadata prints JSON")
}

fn output(command: &mut Command) -> Result<String> {
    let done = command.current_dir(root()).output().with_context(|| format!("{command:?}"))?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}
