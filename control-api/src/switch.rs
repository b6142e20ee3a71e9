//! The switch's own door (DESIGN §2), as far as the control plane uses it. It starts and serves with the switch away.

use std::{path::PathBuf, time::Duration};

use reqwest::{Client, StatusCode};
use tokio::fs;

/// Until an answer has come whole.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Where the switch is, and what it knows us by.
#[derive(Clone, Debug)]
pub struct Switch {
    url: String,
    /// Read each time: the switch may make another one.
    token_file: PathBuf,
    client: Client,
}

/// The switch is away, or does not let us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFetched;

impl Switch {
    /// `url` without a path; the file has the bearer token.
    ///
    /// # Errors
    /// No HTTP client could be made.
    pub fn new(url: String, token_file: PathBuf) -> Result<Self, reqwest::Error> {
        // Built beside a switch the client has the TLS that buckets want, which asks for this; twice is as good as once.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
        Ok(Self { url, token_file, client })
    }

    /// The unlocked sound of a message in a mailbox by its name in the store, up to so many octets; `None`: there is none, or a
    /// larger one.
    pub async fn message(&self, key: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, NotFetched> {
        self.fetch(key, bytes_max).await.map_err(|reason| {
            tracing::warn!(reason, "the switch does not give a message");
            NotFetched
        })
    }

    async fn fetch(&self, key: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, String> {
        let token = fs::read_to_string(&self.token_file).await.map_err(|error| error.to_string())?;
        let request = self.client.get(format!("{}/v1/messages/{key}", self.url)).bearer_auth(token.trim());
        let mut response = request.send().await.map_err(|error| error.without_url().to_string())?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(status.to_string()),
        }
        let mut octets = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
            if octets.len() + chunk.len() > bytes_max {
                return Ok(None);
            }
            octets.extend_from_slice(&chunk);
        }
        Ok(Some(octets))
    }
}
