//! `sambung trunks`: whether the switch is registered with providers, and whether they are there.

use contract::live::{LiveAnswer, LiveTarget, LiveTrunk};

use crate::{
    Failure,
    live::{self, show},
    switch::{since, until},
};

/// All trunks, each with its targets below it.
pub(crate) async fn run(arguments: &live::Arguments) -> Result<(), Failure> {
    let heading = ["Trunk", "Id", "State", "Registered for", "Last answer", "Channels"];
    let row = |trunk: &LiveTrunk| {
        vec![
            trunk.name.clone(),
            trunk.trunk.to_string(),
            trunk.state.as_str().to_owned(),
            trunk.registered_until.map(until).unwrap_or_default(),
            trunk.answer.as_ref().map(answer).unwrap_or_default(),
            format!("{} of {}", trunk.channels, trunk.channels_max),
        ]
    };
    show(arguments, "/v1/trunks", &heading, row, |trunk| trunk.targets.iter().map(target).collect()).await
}

/// `200 0:00:12 ago`; statuses that are our own words for no answer are put into words.
fn answer(answer: &LiveAnswer) -> String {
    let status = match answer.status {
        0 => "not located".to_owned(),
        status => status.to_string(),
    };
    format!("{status} {} ago", since(answer.at))
}

/// `  sip:provider.example up, 200 0:00:12 ago in 23.1 ms`
fn target(target: &LiveTarget) -> String {
    let heard = target.answer.as_ref().map(|heard| format!(", {}", answer(heard))).unwrap_or_default();
    let took =
        target.round_trip_micros.map(|micros| format!(" in {}.{} ms", micros / 1_000, micros / 100 % 10));
    let missed = match target.failures {
        0 => String::new(),
        failures => format!(", the last {failures} unanswered"),
    };
    format!("  {} {}{heard}{}{missed}", target.uri, target.state.as_str(), took.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::{live::TargetState, time::Timestamp};

    #[test]
    fn a_target_is_one_line() {
        let at = Timestamp(jiff::Timestamp::now().as_microsecond());
        let mut shown = LiveTarget {
            uri: "sip:provider.example".into(),
            state: TargetState::Up,
            answer: Some(LiveAnswer { status: 404, at }),
            round_trip_micros: Some(23_160),
            failures: 0,
        };
        assert_eq!(target(&shown), "  sip:provider.example up, 404 0:00:00 ago in 23.1 ms");
        (shown.state, shown.answer, shown.round_trip_micros, shown.failures) =
            (TargetState::Down, None, None, 3);
        assert_eq!(target(&shown), "  sip:provider.example down, the last 3 unanswered");
        assert_eq!(answer(&LiveAnswer { status: 0, at }), "not located 0:00:00 ago");
    }
}
