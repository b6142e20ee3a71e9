//! Where finished recordings are kept: a folder, or anything that speaks S3 (DESIGN D14).

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use object_store::{
    ObjectStore, ObjectStoreExt as _, WriteMultipart, local::LocalFileSystem, path::Path as Key,
};
use tokio::io::AsyncReadExt as _;

/// Objects up to this are put in one request, larger ones in parts of it.
const PART_BYTES: usize = 8 * 1_024 * 1_024;
/// Parts on their way at once.
const PARTS_MAX: usize = 2;
/// Tries of one request; whoever asks tries again later.
#[cfg(feature = "s3")]
const TRIES_MAX: usize = 3;
#[cfg(feature = "s3")]
const TRY_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(120);

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket. Its credentials come from the environment, by the names that AWS has given them.
    S3 {
        /// `s3://bucket/prefix`
        url: String,
        /// Where it is, if it is not Amazon's: `https://minio.example.org:9000`.
        endpoint: Option<String>,
        /// Its region.
        region: Option<String>,
    },
}

/// The store does not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It says why.
    #[error("{0}")]
    Refused(#[from] object_store::Error),
    /// Reading what was to be stored.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The object is not as long as what was put there.
    #[error("the object has {found} bytes and not {expected}")]
    Length {
        /// By the store.
        found: u64,
        /// As they were sent.
        expected: u64,
    },
    /// This program was built without buckets.
    #[error("buckets are not built into this program")]
    NoBuckets,
    /// No name of an object.
    #[error("is no name of an object")]
    Name,
}

/// An open store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<dyn ObjectStore>);

impl Store {
    /// Opens it; a folder is made if need be. A bucket is not asked for anything yet.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        Self::open_with(config, [])
    }

    /// As [`Self::open`], with settings of object_store's by their names, which go before those of the environment.
    pub fn open_with<'a>(
        config: &StoreConfig,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, StoreError> {
        Ok(Self(match config {
            StoreConfig::Folder(folder) => {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                let folder = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
                // A call's folder goes with its last recording.
                Arc::new(folder.with_automatic_cleanup(true))
            }
            #[cfg(feature = "s3")]
            StoreConfig::S3 { url, endpoint, region } => {
                Arc::new(bucket(url, endpoint.as_deref(), region.as_deref(), settings)?)
            }
            #[cfg(not(feature = "s3"))]
            StoreConfig::S3 { .. } => {
                let _ = settings.into_iter();
                return Err(StoreError::NoBuckets);
            }
        }))
    }

    /// Puts a file there and makes sure that it is there whole. To put the same file again does no harm.
    pub async fn put(&self, name: &str, file: &Path) -> Result<(), StoreError> {
        let key = Key::parse(name).map_err(|_| StoreError::Name)?;
        let mut file = tokio::fs::File::open(file).await?;
        let expected = file.metadata().await?.len();
        if expected <= PART_BYTES as u64 {
            let mut octets = Vec::new();
            file.read_to_end(&mut octets).await?;
            self.0.put(&key, octets.into()).await?;
        } else {
            let mut upload =
                WriteMultipart::new_with_chunk_size(self.0.put_multipart(&key).await?, PART_BYTES);
            let mut octets = vec![0; PART_BYTES];
            loop {
                let read = file.read(&mut octets).await?;
                let Some(part) = octets.get(..read).filter(|part| !part.is_empty()) else { break };
                upload.wait_for_capacity(PARTS_MAX).await?;
                upload.write(part);
            }
            upload.finish().await?;
        }
        let found = self.0.head(&key).await?.size;
        if found == expected { Ok(()) } else { Err(StoreError::Length { found, expected }) }
    }

    /// A small object; `None` when there is none of that name, or a larger one.
    pub async fn get_whole(&self, name: &str, bytes_max: usize) -> Result<Option<Bytes>, StoreError> {
        let key = Key::parse(name).map_err(|_| StoreError::Name)?;
        match self.0.get(&key).await {
            Ok(found) if found.meta.size > bytes_max as u64 => Ok(None),
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// An object, piece by piece; `None` when there is none of that name.
    pub async fn get(
        &self,
        name: &str,
    ) -> Result<
        Option<impl futures_core::Stream<Item = Result<Bytes, object_store::Error>> + use<>>,
        StoreError,
    > {
        let key = Key::parse(name).map_err(|_| StoreError::Name)?;
        match self.0.get(&key).await {
            Ok(found) => Ok(Some(found.into_stream())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes an object away. That there is none of that name is as good.
    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let key = Key::parse(name).map_err(|_| StoreError::Name)?;
        match self.0.delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(feature = "s3")]
fn bucket<'a>(
    url: &str,
    endpoint: Option<&str>,
    region: Option<&str>,
    settings: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<impl ObjectStore, StoreError> {
    use object_store::{BackoffConfig, RetryConfig, aws::AmazonS3Builder, prefix::PrefixStore};
    // Whoever talks TLS in this process uses the same one; the second wish is not heard.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: TRIES_MAX,
        retry_timeout: TRY_TIME_MAX,
    };
    let mut builder = AmazonS3Builder::from_env().with_url(url).with_retry(retry);
    for (name, value) in settings {
        builder = builder.with_config(name.parse()?, value);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let prefix = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).map(|(_, prefix)| prefix);
    Ok(PrefixStore::new(builder.build()?, prefix.unwrap_or_default()))
}
