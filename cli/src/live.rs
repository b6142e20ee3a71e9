//! `sambung calls` and `sambung registrations`: what the switch says is going on now, over its own socket.

use std::time::Duration;

use contract::live::{LiveCall, Registration};
use serde::Serialize;

use crate::{
    Failure,
    switch::{Place, Switch, instant, printable, since},
    terminal,
};

/// Between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Clears the screen and goes to its first place (ECMA-48).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// `sambung calls …`, `sambung registrations …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Print JSON for programs instead of a table
    #[arg(long)]
    json: bool,
    /// Look again every second, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Only rows in which some cell contains this, in any case: a number, an address, a state …
    #[arg(value_name = "TEXT")]
    filter: Option<String>,
}

/// Calls that have not ended.
pub(crate) async fn calls(arguments: &Arguments) -> Result<(), Failure> {
    let heading = ["Call", "Direction", "Caller", "Dialled", "Since", "For", "Talking", "State"];
    let row = |call: &LiveCall| {
        vec![
            call.call.to_string(),
            format!("{:?}", call.direction).to_lowercase(),
            call.caller.clone(),
            call.dialled.clone(),
            instant(call.created_at),
            since(call.created_at),
            call.answered_at.map(since).unwrap_or_default(),
            call.state.as_str().to_owned(),
        ]
    };
    show(arguments, "/v1/calls", &heading, row).await
}

/// Phones that can be reached.
pub(crate) async fn registrations(arguments: &Arguments) -> Result<(), Failure> {
    let heading = ["User", "Contact", "From", "Until", "Phone"];
    let row = |registration: &Registration| {
        vec![
            registration.username.clone(),
            registration.contact.clone(),
            registration.source.clone(),
            instant(registration.expires_at),
            registration.user_agent.clone().unwrap_or_default(),
        ]
    };
    show(arguments, "/v1/registrations", &heading, row).await
}

async fn show<T: Serialize + serde::de::DeserializeOwned>(
    arguments: &Arguments,
    path: &str,
    heading: &[&str],
    row: impl Fn(&T) -> Vec<String>,
) -> Result<(), Failure> {
    let switch = arguments.place.find()?;
    loop {
        let text = look(arguments, &switch, path, heading, &row).await?;
        if !arguments.watch {
            terminal::print(&text)?;
            return Ok(());
        }
        terminal::print(&format!("{CLEAR}{text}"))?;
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

async fn look<T: Serialize + serde::de::DeserializeOwned>(
    arguments: &Arguments,
    switch: &Switch,
    path: &str,
    heading: &[&str],
    row: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<String> {
    let all: Vec<T> = switch.get(path).await?;
    let wanted = arguments.filter.as_deref().map(str::to_lowercase);
    let is_wanted = |cells: &[String]| {
        let contains = |wanted: &String| cells.iter().any(|cell| cell.to_lowercase().contains(wanted));
        wanted.as_ref().is_none_or(contains)
    };
    let items: Vec<(T, Vec<String>)> = all
        .into_iter()
        .map(|item| {
            let cells = row(&item).iter().map(|cell| printable(cell)).collect();
            (item, cells)
        })
        .filter(|(_, cells): &(T, Vec<String>)| is_wanted(cells))
        .collect();
    if arguments.json {
        let items: Vec<T> = items.into_iter().map(|(item, _)| item).collect();
        return Ok(format!("{}\n", serde_json::to_string_pretty(&items)?));
    }
    let heading = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> =
        std::iter::once(heading).chain(items.into_iter().map(|(_, cells)| cells)).collect();
    Ok(terminal::columns(&rows))
}
