//! `sambung calls` and `sambung registrations`: what the switch says is going on now, over its own socket.

use std::time::Duration;

use contract::{
    live::{LiveCall, LiveCallLegs, LiveLeg, Registration},
    media::MediaView,
};
use serde::Serialize;

use crate::{
    Failure, media,
    switch::{Place, Switch, instant, printable, since, until},
    terminal,
};

/// Between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Clears the screen and goes to its first place (ECMA-48).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// `sambung calls …`
#[derive(Debug, clap::Args)]
pub(crate) struct CallArguments {
    #[command(flatten)]
    shown: Arguments,
    /// One line for each call, without its legs
    #[arg(long)]
    brief: bool,
}

/// `sambung registrations …`
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
    /// Only those of which some word contains this, in any case: a number, an address, a codec, a state …
    #[arg(value_name = "TEXT")]
    filter: Option<String>,
}

/// Calls that have not ended, each with its legs below it.
pub(crate) async fn calls(arguments: &CallArguments) -> Result<(), Failure> {
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
    if arguments.brief {
        return show(&arguments.shown, "/v1/calls", &heading, row, |_| Vec::new()).await;
    }
    let row = |call: &LiveCallLegs| row(&call.call);
    let below = |call: &LiveCallLegs| {
        let lines = |of: &LiveLeg| leg(of, &call.media);
        call.legs.iter().flat_map(lines).collect()
    };
    show(&arguments.shown, "/v1/calls?legs=true", &heading, row, below).await
}

/// `  leg 1 answered for 0:00:12 udp 192.0.2.1:5060 ↔ 198.51.100.1:5060, on hold`, and some lines for each stream.
fn leg(leg: &LiveLeg, media: &[MediaView]) -> Vec<String> {
    let stage = leg.stage.as_str();
    let age = since(leg.answered_at.unwrap_or(leg.created_at));
    let holds = if leg.is_holding { ", holds the call" } else { "" };
    let signalling = format!("{} {} ↔ {}", leg.transport, leg.local, leg.remote);
    let mut lines = vec![format!("  leg {} {stage} for {age}  {signalling}{holds}", leg.no)];
    for stream in &leg.streams {
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let (kind, direction) = (word(&stream.kind), word(&stream.direction));
        let remote = stream.remote.map_or_else(|| "?".to_owned(), |remote| remote.to_string());
        let formats = stream.formats.join(" ");
        let line = format!("        {kind} {} ↔ {remote}  {direction}  {formats}", stream.local);
        lines.push(line.trim_end().to_owned());
        let seen = media.iter().filter(|media| media.leg == leg.no && media.local == stream.local);
        lines.extend(seen.flat_map(|seen| {
            let told = std::iter::once(media::diagnosis(seen)).chain(media::figures(seen));
            told.map(|line| format!("          {line}"))
        }));
    }
    lines
}

/// Phones that can be reached.
pub(crate) async fn registrations(arguments: &Arguments) -> Result<(), Failure> {
    let heading = ["User", "Contact", "From", "To", "Flow", "Until", "In", "Phone"];
    let row = |registration: &Registration| {
        vec![
            registration.username.clone(),
            registration.contact.clone(),
            registration.source.clone(),
            registration.local.to_string(),
            registration.reg_id.map(|id| id.to_string()).unwrap_or_default(),
            instant(registration.expires_at),
            until(registration.expires_at),
            registration.user_agent.clone().unwrap_or_default(),
        ]
    };
    let below = |registration: &Registration| {
        let instance = registration.instance.iter().map(|instance| format!("  device {instance}"));
        instance.chain(registration.path.iter().map(|proxy| format!("  by way of {proxy}"))).collect()
    };
    show(arguments, "/v1/registrations", &heading, row, below).await
}

pub(crate) async fn show<T: Serialize + serde::de::DeserializeOwned>(
    arguments: &Arguments,
    path: &str,
    heading: &[&str],
    row: impl Fn(&T) -> Vec<String>,
    below: impl Fn(&T) -> Vec<String>,
) -> Result<(), Failure> {
    let switch = arguments.place.find()?;
    loop {
        let text = look(arguments, &switch, path, heading, &row, &below).await?;
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
    below: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<String> {
    let all: Vec<T> = switch.get(path).await?;
    let wanted = arguments.filter.as_deref().map(str::to_lowercase);
    let is_wanted = |cells: &[String]| {
        let contains = |wanted: &String| cells.iter().any(|cell| cell.to_lowercase().contains(wanted));
        wanted.as_ref().is_none_or(contains)
    };
    let clean = |lines: Vec<String>| lines.iter().map(|line| printable(line)).collect::<Vec<String>>();
    let shown = all.into_iter().map(|item| {
        let (cells, below) = (clean(row(&item)), clean(below(&item)));
        (item, cells, below)
    });
    let shown: Vec<(T, Vec<String>, Vec<String>)> =
        shown.filter(|(_, cells, below)| is_wanted(cells) || is_wanted(below)).collect();
    if arguments.json {
        let items: Vec<T> = shown.into_iter().map(|(item, ..)| item).collect();
        return Ok(format!("{}\n", serde_json::to_string_pretty(&items)?));
    }
    let mut rows: Vec<Vec<String>> = vec![heading.iter().map(|cell| (*cell).to_owned()).collect()];
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (_, cells, below) in shown {
        rows.push(cells);
        lines.push(below);
    }
    let table = terminal::columns(&rows);
    let mut text = String::new();
    for (row, below) in table.lines().zip(std::iter::once(Vec::new()).chain(lines)) {
        for line in std::iter::once(row.to_owned()).chain(below) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    Ok(text)
}
