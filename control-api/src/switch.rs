//! The switch's own door (DESIGN §2), as far as the control plane uses it. It starts and serves with the switch away.

use std::{path::PathBuf, time::Duration};

use contract::route::{RouteAnswer, RouteMistake, RouteQuestion, RouteRefusal};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::fs;

/// Until an answer has come whole.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Until it is known what a call would come to, which somebody waits for.
const ROUTE_ANSWER_MAX: Duration = Duration::from_secs(5);
/// What that may come to; the longest chain of rules is a few kilobytes.
const ROUTE_BYTES_MAX: usize = 1 << 20;

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
        let client = Client::builder().no_proxy().build()?;
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
        let response = self.get(&format!("/v1/messages/{key}"), &[], ANSWER_MAX).await?;
        match response.status() {
            StatusCode::OK => whole(response, bytes_max).await,
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(status.to_string()),
        }
    }

    /// What a call would come to by the plan in use, or all that is wrong with the question.
    pub async fn route(
        &self,
        question: &RouteQuestion,
    ) -> Result<Result<RouteAnswer, Vec<RouteMistake>>, NotFetched> {
        self.ask(question).await.map_err(|reason| {
            tracing::warn!(reason, "the switch does not say what a call would come to");
            NotFetched
        })
    }

    async fn ask(&self, question: &RouteQuestion) -> Result<Result<RouteAnswer, Vec<RouteMistake>>, String> {
        let RouteQuestion { org, from, to, at } = question;
        let org = org.map(|org| org.to_string());
        let query: Vec<(&str, &str)> = [("org", &org), ("at", at)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .chain([("from", from.as_str()), ("to", to.as_str())])
            .collect();
        let response = self.get("/v1/route", &query, ROUTE_ANSWER_MAX).await?;
        let status = response.status();
        let body = whole(response, ROUTE_BYTES_MAX).await?.ok_or("the answer is too long")?;
        let answer = match status {
            StatusCode::OK => serde_json::from_slice(&body).map(Ok),
            StatusCode::BAD_REQUEST => {
                serde_json::from_slice(&body).map(|refusal: RouteRefusal| Err(refusal.errors))
            }
            status => return Err(status.to_string()),
        };
        // What could not be read may hold somebody's number.
        answer.map_err(|_| "the answer is of another version".to_owned())
    }

    async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        answer_max: Duration,
    ) -> Result<Response, String> {
        let token = fs::read_to_string(&self.token_file).await.map_err(|error| error.to_string())?;
        let mut url = Url::parse(&format!("{}{path}", self.url)).map_err(|error| error.to_string())?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.get(url).bearer_auth(token.trim()).timeout(answer_max);
        request.send().await.map_err(told)
    }
}

/// The whole body; `None`: it is longer.
async fn whole(mut response: Response, bytes_max: usize) -> Result<Option<Vec<u8>>, String> {
    let mut octets = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if octets.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        octets.extend_from_slice(&chunk);
    }
    Ok(Some(octets))
}

/// Without the address: it holds numbers.
fn told(error: reqwest::Error) -> String {
    error.without_url().to_string()
}
