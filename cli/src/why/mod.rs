//! `sambung why <call>` and `sambung pcap <call>`: why one of the last calls went as it did.
//!
//! The route, the events and every SIP message of all legs, drawn as a ladder; or the messages as a capture file for
//! Wireshark and sngrep. The switch keeps them in memory, so a restart forgets them; the record of a call does not.

mod ladder;
pub(crate) mod words;

use std::{fs, path::PathBuf, time::Duration};

use contract::trace::CallTrace;

use crate::{
    Failure,
    switch::{Place, instant, printable},
    terminal,
};

/// `sambung why …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The call's id, the beginning of it, or `last`
    #[arg(default_value = "last")]
    call: String,
    #[command(flatten)]
    place: Place,
    /// Print JSON for programs, with every message in full
    #[arg(long, conflicts_with = "messages")]
    json: bool,
    /// Print every message in full below the ladder
    #[arg(long)]
    messages: bool,
}

/// `sambung pcap …`
#[derive(Debug, clap::Args)]
pub(crate) struct Capture {
    /// The call's id, the beginning of it, or `last`
    #[arg(default_value = "last")]
    call: String,
    #[command(flatten)]
    place: Place,
    /// With the sound of its legs from now on, decrypted, for so many seconds; the call must be up
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=60))]
    media: Option<u16>,
    /// The file to write; it must not exist
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let switch = arguments.place.find()?;
    let trace: CallTrace = switch.get(&format!("/v1/calls/{}/trace", name(&arguments.call)?)).await?;
    let text = if arguments.json {
        format!("{}\n", serde_json::to_string_pretty(&trace)?)
    } else {
        story(&trace, arguments.messages)
    };
    terminal::print(&text)?;
    Ok(())
}

pub(crate) async fn capture(arguments: &Capture) -> Result<(), Failure> {
    let switch = arguments.place.find()?;
    let call = name(&arguments.call)?;
    // Before anybody waits for a minute.
    let mut file = fs::File::create_new(&arguments.output)
        .map_err(|error| Failure::Mistakes(vec![format!("{}: {error}", arguments.output.display())]))?;
    let seconds = arguments.media.map(|seconds| Duration::from_secs(seconds.into()));
    let path = match arguments.media {
        Some(seconds) => format!("/v1/calls/{call}/capture?seconds={seconds}"),
        None => format!("/v1/calls/{call}/pcap"),
    };
    let bytes = match switch.bytes(&path, seconds.unwrap_or_default()).await {
        Ok(bytes) => bytes,
        Err(error) => {
            let _ = fs::remove_file(&arguments.output);
            return Err(error.into());
        }
    };
    std::io::Write::write_all(&mut file, &bytes)?;
    Ok(())
}

/// What may stand in a path: an id and `last` have nothing else.
fn name(call: &str) -> Result<&str, Failure> {
    let is_sound = call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !call.is_empty();
    let mistake =
        || vec![format!("{}: expected a call's id, the beginning of one, or last", printable(call))];
    is_sound.then_some(call).ok_or_else(|| Failure::Mistakes(mistake()))
}

/// Everything for people.
fn story(trace: &CallTrace, with_messages: bool) -> String {
    let mut text = format!(
        "Call {}\n{} dialled {} at {}{}\n\n",
        trace.call,
        printable(&trace.caller),
        printable(&trace.dialled),
        instant(trace.created_at),
        if trace.is_live { ", and the call goes on" } else { "" },
    );
    text.push_str(&words::routes(trace));
    text.push_str(&format!("\nOutcome\n  {}\n\n", words::outcome(trace)));
    text.push_str(&words::supervisions(trace));
    text.push_str(&ladder::draw(trace));
    text.push_str(&words::quality(trace));
    if trace.left_out > 0 {
        text.push_str(&format!("\n{} messages and facts more are not remembered.\n", trace.left_out));
    }
    if with_messages {
        text.push_str(&ladder::messages(trace));
    }
    text
}

#[cfg(test)]
mod tests;
