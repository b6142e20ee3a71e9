//! The switch's own door (DESIGN §2), as far as the control plane uses it. It starts and serves with the switch away.

use std::{path::PathBuf, time::Duration};

use axum::http::{HeaderValue, header};
use contract::{
    command::{Command, Outcome},
    id::{CallId, OrgId},
    journal::Entry,
    live::{LiveCall, LiveCallLegs, LiveQueue, Registration},
    route::{RouteAnswer, RouteMistake, RouteQuestion, RouteRefusal},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{fs, time};

/// Until an answer has come whole.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Until it is known what a call would come to, which somebody waits for.
const ROUTE_ANSWER_MAX: Duration = Duration::from_secs(5);
/// What that may come to; the longest chain of rules is a few kilobytes.
const ROUTE_BYTES_MAX: usize = 1 << 20;

/// Until a recording has been heard whole, which a listener takes as it is played.
const SOUND_ANSWER_MAX: Duration = Duration::from_secs(600);
/// Until it is known what goes on, or what came of an order. Less than a unit of work may stand still.
const LIVE_ANSWER_MAX: Duration = Duration::from_secs(3);
/// What all calls, queues or registrations of one organisation may come to.
const LIVE_BYTES_MAX: usize = 16 << 20;

/// A switch whose stream says nothing for so long is away; it says every 15 s that it lives.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// What it may say of one entry.
const ENTRY_BYTES_MAX: usize = 1 << 20;

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

/// Why the switch's events are not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// It has forgotten what follows the cursor.
    #[error("the switch has forgotten what follows")]
    Gone,
    /// It is away, or does not let us in.
    #[error("{0}")]
    Away(String),
}

/// An entry of the switch's journal, with the cursor behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Where to go on.
    pub id: String,
    /// What became true.
    pub entry: Entry,
}

/// The switch's events as they come.
#[derive(Debug)]
pub struct Events {
    response: Response,
    /// What has come of the next one.
    rest: Vec<u8>,
}

impl Events {
    /// The next ones, at least one; none: the stream has ended.
    pub async fn next(&mut self) -> Result<Vec<Told>, NotFollowed> {
        loop {
            let chunk = time::timeout(SILENCE_MAX, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| NotFollowed::Away("the switch is silent".to_owned()))?;
            let Some(chunk) = chunk.map_err(|error| NotFollowed::Away(told(error)))? else {
                return Ok(Vec::new());
            };
            self.rest.extend_from_slice(&chunk);
            let mut all = Vec::new();
            while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                all.extend(event(&String::from_utf8_lossy(&block))?);
            }
            if self.rest.len() > ENTRY_BYTES_MAX {
                return Err(NotFollowed::Away("the switch says too much of one event".to_owned()));
            }
            if !all.is_empty() {
                return Ok(all);
            }
        }
    }
}

/// One server-sent event; `None` where nothing is told.
fn event(block: &str) -> Result<Option<Told>, NotFollowed> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("event:") == Some("gone") {
        return Err(NotFollowed::Gone);
    }
    let (Some(id), Some(data)) = (field("id:"), field("data:")) else { return Ok(None) };
    // What could not be read may hold somebody's number.
    let entry = serde_json::from_str(data)
        .map_err(|_| NotFollowed::Away("the switch tells of events of another version".to_owned()))?;
    Ok(Some(Told { id: id.to_owned(), entry }))
}

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

    /// The calls of an organisation that go on.
    pub async fn live_calls(&self, org: OrgId) -> Result<Vec<LiveCall>, NotFetched> {
        self.all("/v1/calls", org, |one: &LiveCall| one.org).await
    }

    /// One of them with its legs; `None`: the organisation has none of that id, or it is over.
    pub async fn live_call(&self, org: OrgId, call: CallId) -> Result<Option<LiveCallLegs>, NotFetched> {
        let query = [("org", &*org.to_string()), ("call", &call.to_string()), ("legs", "true")];
        let calls: Vec<LiveCallLegs> = self.live("/v1/calls", &query).await?;
        Ok(calls.into_iter().find(|one| one.call.org == org && one.call.call == call))
    }

    /// The queues of an organisation as they stand.
    pub async fn live_queues(&self, org: OrgId) -> Result<Vec<LiveQueue>, NotFetched> {
        self.all("/v1/queues", org, |one: &LiveQueue| one.org).await
    }

    /// The phones of an organisation that can be reached.
    pub async fn registrations(&self, org: OrgId) -> Result<Vec<Registration>, NotFetched> {
        self.all("/v1/registrations", org, |one: &Registration| one.org).await
    }

    /// What came of an order. Whether it was carried out is not known when there is no answer.
    pub async fn command(&self, command: &Command) -> Result<Outcome, NotFetched> {
        #[derive(Deserialize)]
        struct CommandAnswer {
            outcome: Outcome,
        }
        let order = async {
            let request = self.request(Method::POST, "/v1/commands", &[]).await?.json(command);
            answered::<CommandAnswer>(request).await
        };
        order.await.map(|answer| answer.outcome).map_err(|reason: String| {
            tracing::warn!(reason, "the switch does not take an order");
            NotFetched
        })
    }

    /// The sound of a recording by its name in the store, or the part of it that `range` asks for (RFC 9110 §14): a stream with the status
    /// of the switch, 200, 206, 404, 409 (its key is kept elsewhere) or 416.
    pub async fn sound(&self, key: &str, range: Option<&HeaderValue>) -> Result<Response, NotFetched> {
        let fetch = async {
            let mut request = self.request(Method::GET, &format!("/v1/sounds/{key}"), &[]).await?;
            if let Some(range) = range {
                request = request.header(header::RANGE, range);
            }
            let response = request.timeout(SOUND_ANSWER_MAX).send().await.map_err(told)?;
            match response.status().as_u16() {
                200 | 206 | 404 | 409 | 416 => Ok(response),
                status => Err(status.to_string()),
            }
        };
        fetch.await.map_err(|reason: String| {
            tracing::warn!(reason, "the switch does not give a recording");
            NotFetched
        })
    }

    async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        org: OrgId,
        whose: impl Fn(&T) -> OrgId,
    ) -> Result<Vec<T>, NotFetched> {
        let mut all: Vec<T> = self.live(path, &[("org", &org.to_string())]).await?;
        // A switch of an older release shows everybody's.
        all.retain(|one| whose(one) == org);
        Ok(all)
    }

    async fn live<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, NotFetched> {
        let look = async { answered(self.request(Method::GET, path, query).await?).await };
        look.await.map_err(|reason: String| {
            tracing::warn!(reason, "the switch does not say what goes on");
            NotFetched
        })
    }

    /// What becomes true from that cursor on; without one from now on.
    pub async fn follow(&self, after: Option<&str>) -> Result<Events, NotFollowed> {
        let query: Vec<(&str, &str)> = after.map(|after| ("after", after)).into_iter().collect();
        // The answer has no end, so only its beginning is waited for.
        let asked =
            async { self.request(Method::GET, "/v1/events", &query).await?.send().await.map_err(told) };
        let response = time::timeout(ANSWER_MAX, asked).await;
        let response = response.map_err(|_| NotFollowed::Away("the switch does not answer".to_owned()))?;
        let response = response.map_err(NotFollowed::Away)?;
        match response.status() {
            StatusCode::OK => Ok(Events { response, rest: Vec::new() }),
            // A cursor of another journal is as good as one of before.
            StatusCode::GONE | StatusCode::BAD_REQUEST => Err(NotFollowed::Gone),
            status => Err(NotFollowed::Away(status.to_string())),
        }
    }

    async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        answer_max: Duration,
    ) -> Result<Response, String> {
        self.request(Method::GET, path, query).await?.timeout(answer_max).send().await.map_err(told)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, String> {
        let token = fs::read_to_string(&self.token_file).await.map_err(|error| error.to_string())?;
        let mut url = Url::parse(&format!("{}{path}", self.url)).map_err(|error| error.to_string())?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.client.request(method, url).bearer_auth(token.trim()))
    }
}

/// What the switch says, in good time.
async fn answered<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, String> {
    let response = request.timeout(LIVE_ANSWER_MAX).send().await.map_err(told)?;
    if response.status() != StatusCode::OK {
        return Err(response.status().to_string());
    }
    let body = whole(response, LIVE_BYTES_MAX).await?.ok_or("the answer is too long")?;
    // What could not be read may hold somebody's number.
    serde_json::from_slice(&body).map_err(|_| "the answer is of another version".to_owned())
}

/// The whole body; `None`: it is longer.
pub(crate) async fn whole(mut response: Response, bytes_max: usize) -> Result<Option<Vec<u8>>, String> {
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
