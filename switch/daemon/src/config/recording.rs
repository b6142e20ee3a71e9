//! What recordings are written as, and where they are kept. Which calls are recorded is a setting of each organisation.

use std::path::PathBuf;

use recorder::Format;
use toml::Value;

use super::{
    Mistake,
    read::{self, Reader},
};

/// `[recording]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What files hold.
    pub format: Format,
    /// A folder or `s3://BUCKET/PREFIX`; empty: `recordings/store` in the data directory.
    pub store: String,
    /// Where the bucket is, if it is not Amazon's.
    pub s3_endpoint: String,
    /// Its region.
    pub s3_region: String,
    /// File with the public key that recordings are locked with. `None`: a pair of our own in the data directory.
    pub public_key_file: Option<PathBuf>,
    /// How much may wait for the store, in MiB.
    pub spool_max_mb: u64,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            format: Format::Wav,
            store: String::new(),
            s3_endpoint: String::new(),
            s3_region: String::new(),
            public_key_file: None,
            spool_max_mb: 10_240,
        }
    }
}

impl Reader<'_> {
    pub(super) fn read_recording(&mut self, config: &mut super::Config) {
        let recording = &mut config.recording;
        self.section("recording", |s| {
            s.take("format", &mut recording.format, format);
            s.take("store", &mut recording.store, read::text);
            s.take("s3_endpoint", &mut recording.s3_endpoint, read::text);
            s.take("s3_region", &mut recording.s3_region, read::text);
            s.take("public_key_file", &mut recording.public_key_file, read::optional_path);
            s.take("spool_max_mb", &mut recording.spool_max_mb, |v| read::number(v, 1, 1 << 30));
        });
    }
}

fn format(value: &Value) -> Result<Format, String> {
    let named =
        [Format::Wav, Format::Opus].into_iter().find(|format| Some(format.as_str()) == value.as_str());
    named.ok_or_else(|| format!("expected \"wav\" or \"opus\", found {value}"))
}

/// Mistakes that show only when keys are read together.
pub(super) fn check(config: &super::Config, mistakes: &mut Vec<Mistake>) {
    let recording = &config.recording;
    let is_bucket = recording.store.starts_with("s3://");
    if !is_bucket && recording.store.contains("://") {
        mistakes.push(Mistake::new("recording.store", "expected a folder or \"s3://BUCKET/PREFIX\""));
    }
    for (key, text) in
        [("recording.s3_endpoint", &recording.s3_endpoint), ("recording.s3_region", &recording.s3_region)]
    {
        if !is_bucket && !text.is_empty() {
            mistakes.push(Mistake::new(key, "is of no use unless recording.store is a bucket"));
        }
    }
    let endpoint = &recording.s3_endpoint;
    if !endpoint.is_empty() && !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        let reason = "expected a URL like \"https://minio.example.org:9000\"";
        mistakes.push(Mistake::new("recording.s3_endpoint", reason));
    }
}
