//! `sambung calls` and `sambung registrations`: what the switch says is going on now, over its own socket.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use contract::{
    live::{LiveCall, Registration},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Failure, terminal};

/// How long the switch may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Where a switch keeps its data, by default: that of `sambung up --data var`, then that of the package.
const PLACES: [&str; 2] = ["var/switch", "/var/lib/sambung"];

/// `sambung calls …`, `sambung registrations …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The switch's data folder, where it leaves its address and token [default: var/switch, /var/lib/sambung]
    #[arg(long, value_name = "DIR")]
    switch: Option<PathBuf>,
    /// Print JSON for programs instead of a table
    #[arg(long)]
    json: bool,
}

/// Calls that have not ended.
pub(crate) async fn calls(arguments: &Arguments) -> Result<(), Failure> {
    let calls: Vec<LiveCall> = ask(arguments, "/v1/calls").await?;
    show(
        arguments,
        &calls,
        &["Call", "Direction", "Caller", "Dialled", "Since", "Answered", "State"],
        |call| {
            vec![
                call.call.to_string(),
                format!("{:?}", call.direction).to_lowercase(),
                call.caller.clone(),
                call.dialled.clone(),
                instant(call.created_at),
                call.answered_at.map(instant).unwrap_or_default(),
                call.state.as_str().to_owned(),
            ]
        },
    )
}

/// Phones that can be reached.
pub(crate) async fn registrations(arguments: &Arguments) -> Result<(), Failure> {
    let registrations: Vec<Registration> = ask(arguments, "/v1/registrations").await?;
    show(arguments, &registrations, &["User", "Contact", "From", "Until", "Phone"], |registration| {
        vec![
            registration.username.clone(),
            registration.contact.clone(),
            registration.source.clone(),
            instant(registration.expires_at),
            registration.user_agent.clone().unwrap_or_default(),
        ]
    })
}

async fn ask<T: DeserializeOwned>(arguments: &Arguments, path: &str) -> anyhow::Result<T> {
    let folder = match &arguments.switch {
        Some(folder) => folder.as_path(),
        None => PLACES.iter().map(Path::new).find(|place| place.join("switch_api.url").exists()).context(
            "no switch runs from var/switch or /var/lib/sambung; say where its data folder is with --switch DIR",
        )?,
    };
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (url, token) = (read("switch_api.url")?, read("switch_api.token")?);
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).no_proxy().build()?;
    let request = client.get(format!("{}{path}", url.trim())).bearer_auth(token.trim());
    let response = request
        .send()
        .await
        .with_context(|| format!("the switch of {} does not answer", folder.display()))?;
    if !response.status().is_success() {
        bail!("the switch answered {}", response.status());
    }
    response.json().await.context("the switch's answer is of another version")
}

fn show<T: Serialize>(
    arguments: &Arguments,
    items: &[T],
    heading: &[&str],
    row: impl Fn(&T) -> Vec<String>,
) -> Result<(), Failure> {
    if arguments.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(items)?))?;
        return Ok(());
    }
    let mut rows = vec![heading.iter().map(|cell| (*cell).to_owned()).collect()];
    // A phone may call itself anything, also something that a terminal would obey.
    let printable = |cell: String| cell.chars().filter(|c| !c.is_control()).collect();
    rows.extend(items.iter().map(|item| row(item).into_iter().map(printable).collect::<Vec<String>>()));
    terminal::print(&terminal::columns(&rows))?;
    Ok(())
}

fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map(|at| format!("{at:.0}")).unwrap_or_default()
}
