//! `sambung events`: the switch's event stream, one JSON object a line, resumed by itself when the switch restarts.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::{Failure, switch::Place, terminal};

/// Between two tries to reach a switch that is away.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// A line of the stream; the longest entry is far shorter.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// `sambung events …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Begin behind this cursor, as in the `cursor` of a line; 0 is the oldest that is kept. Without it, begin now
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// End after so many events instead of going on
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
}

/// The stream as it comes in, cut into events.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    id: String,
    kind: String,
    data: String,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut cursor = arguments.after.clone();
    let mut left = arguments.count;
    let mut is_first = true;
    while left != Some(0) {
        let outcome = read(arguments, &mut cursor, &mut left, is_first).await;
        // The first time whoever asks is told what is wrong; later the switch may just be restarting.
        match outcome {
            Err(Stop::Refused(error)) => return Err(error.into()),
            Err(Stop::Away(error)) if is_first => return Err(error.into()),
            Err(Stop::Away(_)) | Ok(()) => tokio::time::sleep(RETRY_AFTER).await,
        }
        is_first = cursor.is_none() && is_first;
    }
    Ok(())
}

enum Stop {
    Refused(anyhow::Error),
    Away(anyhow::Error),
}

async fn read(
    arguments: &Arguments,
    cursor: &mut Option<String>,
    left: &mut Option<u64>,
    is_first: bool,
) -> Result<(), Stop> {
    let switch = arguments.place.find().map_err(Stop::Away)?;
    let path = match cursor {
        Some(cursor) => {
            let is_sound = cursor.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            if !is_sound {
                return Err(Stop::Refused(anyhow::anyhow!(
                    "{cursor} is no cursor: expected SEGMENT-OFFSET or 0"
                )));
            }
            format!("/v1/events?after={cursor}")
        }
        None => "/v1/events".to_owned(),
    };
    let mut response = match switch.stream(&path).await {
        Ok(response) => response,
        // Refused with words: asking again gets the same ones.
        Err(error) if is_first || error.to_string().contains("cursor") => return Err(Stop::Refused(error)),
        Err(error) => return Err(Stop::Away(error)),
    };
    let mut lines = Lines::default();
    while let Some(bytes) = response.chunk().await.map_err(|error| Stop::Away(error.into()))? {
        let events = lines.push(&bytes).map_err(Stop::Refused)?;
        for (id, kind, data) in events {
            if kind == "gone" {
                return Err(Stop::Refused(anyhow::anyhow!("{data}")));
            }
            let event: Value = serde_json::from_str(&data)
                .context("the switch's answer is of another version")
                .map_err(Stop::Refused)?;
            let line = serde_json::json!({ "cursor": id, "kind": kind, "entry": event });
            terminal::print(&format!("{line}\n")).map_err(|error| Stop::Refused(error.into()))?;
            *cursor = Some(id);
            if let Some(left) = left {
                *left -= 1;
                if *left == 0 {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

impl Lines {
    /// Takes what has come and gives the events that are whole: id, kind, data.
    fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<(String, String, String)>> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match line.split_once(": ") {
                Some(("id", value)) => value.clone_into(&mut self.id),
                Some(("event", value)) => value.clone_into(&mut self.kind),
                Some(("data", value)) => value.clone_into(&mut self.data),
                _ if line.is_empty() && !self.data.is_empty() => events.push((
                    std::mem::take(&mut self.id),
                    std::mem::take(&mut self.kind),
                    std::mem::take(&mut self.data),
                )),
                // A comment: the stream says that it lives.
                _ => {}
            }
        }
        anyhow::ensure!(self.rest.len() <= LINE_BYTES_MAX, "a line of the stream is too long");
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_out_of_the_stream_wherever_it_is_torn() {
        let stream =
            b":\n\nid: 1-16\nevent: created\ndata: {\"a\":1}\n\nid: 1-99\nevent: ended\ndata: {}\n\n:\n\n";
        for torn in 0..stream.len() {
            let mut lines = Lines::default();
            let mut events = lines.push(&stream[..torn]).unwrap();
            events.extend(lines.push(&stream[torn..]).unwrap());
            let ids: Vec<&str> = events.iter().map(|(id, ..)| id.as_str()).collect();
            assert_eq!((ids, events[0].2.as_str()), (vec!["1-16", "1-99"], "{\"a\":1}"), "torn at {torn}");
        }
    }
}
