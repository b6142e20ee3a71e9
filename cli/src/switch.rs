//! The door of a running switch, as every command of an operator uses it: where it is, its token, and what it answers.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use contract::{
    command::{Command, Outcome},
    time::Timestamp,
    trace::CallSummary,
};
use reqwest::{Client, Method, Response, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How long the switch may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(12);

/// Where a switch keeps its data, by default: that of `sambung up --data var`, then that of the package.
const PLACES: [&str; 2] = ["var/switch", "/var/lib/sambung"];

/// Which switch.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Place {
    /// The switch's data folder, where it leaves its address and token [default: var/switch, /var/lib/sambung]
    #[arg(long, value_name = "DIR")]
    switch: Option<PathBuf>,
}

/// A switch that can be asked.
pub(crate) struct Switch {
    folder: PathBuf,
    url: String,
    token: String,
    client: Client,
}

#[derive(Deserialize)]
struct Problem {
    problem: String,
}

impl Place {
    /// Where a switch keeps its data, if there is one.
    fn known(&self) -> Option<&Path> {
        let is_used = |place: &&Path| place.join("switch_api.url").exists();
        self.switch.as_deref().or_else(|| PLACES.iter().map(Path::new).find(is_used))
    }

    /// Where the switch keeps its data, or would.
    pub(crate) fn folder(&self) -> PathBuf {
        self.known().unwrap_or(Path::new(PLACES[0])).to_owned()
    }

    /// Finds the switch.
    pub(crate) fn find(&self) -> anyhow::Result<Switch> {
        let folder = self.known().context(
            "no switch runs from var/switch or /var/lib/sambung; say where its data folder is with --switch DIR",
        )?;
        let read = |name: &str| {
            let path = folder.join(name);
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok::<_, anyhow::Error>(text.trim().to_owned())
        };
        Ok(Switch {
            folder: folder.to_owned(),
            url: read("switch_api.url")?,
            token: read("switch_api.token")?,
            client: Client::builder().no_proxy().build()?,
        })
    }
}

impl Switch {
    /// Its data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// An answer of JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.send(Method::GET, path, None::<&()>).await?;
        response.json().await.context("the switch's answer is of another version")
    }

    /// An answer as it comes, which takes the switch so long by itself.
    pub(crate) async fn bytes(&self, path: &str, takes: Duration) -> anyhow::Result<Vec<u8>> {
        let request = self.client.get(format!("{}{path}", self.url)).timeout(ANSWER_MAX + takes);
        let response = self.sound(request.bearer_auth(&self.token).send().await).await?;
        Ok(response.bytes().await?.to_vec())
    }

    /// Changes something.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let response = self.send(Method::PUT, path, Some(body)).await?;
        response.json().await.context("the switch's answer is of another version")
    }

    /// Gives a momentary order, and says what came of it.
    pub(crate) async fn order(&self, command: &Command) -> anyhow::Result<Outcome> {
        #[derive(Deserialize)]
        struct Answer {
            outcome: Outcome,
        }
        let response = self.send(Method::POST, "/v1/commands", Some(command)).await?;
        let Answer { outcome } =
            response.json().await.context("the switch's answer is of another version")?;
        Ok(outcome)
    }

    /// An answer that goes on for as long as anybody reads.
    pub(crate) async fn stream(&self, path: &str) -> anyhow::Result<Response> {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        self.sound(request.send().await).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<Response> {
        let request = self.client.request(method, format!("{}{path}", self.url)).timeout(ANSWER_MAX);
        let request = request.bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.sound(request.send().await).await
    }

    /// An answer that is one, else why it is not.
    async fn sound(&self, response: reqwest::Result<Response>) -> anyhow::Result<Response> {
        let response =
            response.with_context(|| format!("the switch of {} does not answer", self.folder.display()))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::MULTIPLE_CHOICES => {
                let calls: Vec<CallSummary> = response.json().await?;
                let ids: Vec<String> = calls
                    .iter()
                    .take(10)
                    .map(|call| format!("  {}  {} → {}", call.call, call.caller, call.dialled))
                    .collect();
                bail!("{} calls begin with that; which one?\n{}", calls.len(), ids.join("\n"))
            }
            status => match response.json::<Problem>().await {
                Ok(Problem { problem }) => bail!("{problem}"),
                Err(_) => bail!("the switch answered {status}"),
            },
        }
    }
}

/// What a terminal would obey is not shown: a phone may call itself anything.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// `2026-11-21T08:00:00Z`
pub(crate) fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map(|at| format!("{at:.0}")).unwrap_or_default()
}

/// `1:02:03` since an instant; the machine's clock is the switch's, both are on one machine.
pub(crate) fn since(at: Timestamp) -> String {
    clock(jiff::Timestamp::now().as_microsecond() - at.0)
}

/// `1:02:03` until an instant.
pub(crate) fn until(at: Timestamp) -> String {
    clock(at.0 - jiff::Timestamp::now().as_microsecond())
}

/// `1:02:03`
pub(crate) fn span(seconds: u64) -> String {
    clock(i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000))
}

fn clock(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
