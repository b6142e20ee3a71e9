//! The media of a leg in words: what is wrong with it, and its figures.

use contract::{journal::Quality, media::MediaView};

/// `good: sound goes both ways`.
pub(crate) fn diagnosis(stream: &MediaView) -> String {
    format!("{}: {}", stream.diagnosis.replace('_', " "), stream.explanation)
}

/// Two lines at most: what is heard from the phone, and what it says that it hears.
pub(crate) fn figures(stream: &MediaView) -> Vec<String> {
    let mut heard = format!(
        "{} packets heard, {} sent, {}, jitter {}",
        stream.packets_received,
        stream.packets_sent,
        lost(stream.packets_received, stream.packets_lost),
        millis(stream.jitter_micros),
    );
    heard.push_str(&worth(stream.rtt_micros, stream.mos_hundredths, stream.mos_lowest_hundredths));
    heard.push_str(&dropped(stream.packets_foreign, stream.packets_unauthentic));
    let source = stream.source.map(|source| format!(" from {source}")).unwrap_or_default();
    let mut lines = vec![format!("{heard}{source}")];
    lines.extend(stream.far.map(|far| {
        let (percent, jitter) = (far.loss_percent, millis(far.jitter_micros));
        format!(
            "the phone reports {} packets lost of what it is sent, {percent} % lately, jitter {jitter}",
            far.packets_lost
        )
    }));
    lines
}

/// What the record has of it: the diagnosis in a word, and the figures.
pub(crate) fn recorded(quality: &Quality) -> String {
    let diagnosis = quality.diagnosis.as_ref().map(|word| format!("{}: ", word.replace('_', " ")));
    format!(
        "{}{} packets heard, {} sent, {}, jitter {}{}{}",
        diagnosis.unwrap_or_default(),
        quality.packets_received,
        quality.packets_sent,
        lost(quality.packets_received, quality.packets_lost),
        millis(quality.jitter_micros),
        worth(quality.rtt_micros, quality.mos_hundredths, quality.mos_lowest_hundredths),
        dropped(quality.packets_foreign, quality.packets_unauthentic),
    )
}

/// Round trip, and the mean score with the lowest, as far as they are known.
fn worth(rtt_micros: Option<u32>, mean: Option<u16>, lowest: Option<u16>) -> String {
    let rtt = rtt_micros.map(|rtt| format!(", round trip {}", millis(rtt)));
    let mos = mean.zip(lowest);
    let mos = mos.map(|(mean, lowest)| format!(", MOS {} (worst {})", hundredths(mean), hundredths(lowest)));
    rtt.unwrap_or_default() + &mos.unwrap_or_default()
}

fn lost(received: u64, lost: i64) -> String {
    match u64::try_from(lost) {
        Ok(lost) if lost > 0 => format!("{lost} lost ({} ‰)", lost * 1_000 / (received + lost)),
        _ => "none lost".to_owned(),
    }
}

fn dropped(foreign: u64, unauthentic: u64) -> String {
    let told = |count: u64, what: &str| match count {
        0 => String::new(),
        count => format!(", {count} {what} dropped"),
    };
    told(foreign, "from somebody else") + &told(unauthentic, "under another key")
}

fn millis(micros: u32) -> String {
    format!("{}.{} ms", micros / 1_000, micros / 100 % 10)
}

fn hundredths(value: u16) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

#[cfg(test)]
mod tests {
    use contract::media::FarMedia;

    use super::*;

    #[test]
    fn a_stream_is_told_with_everything_that_is_known_of_it_and_nothing_else() {
        let plain = MediaView {
            leg: 2,
            local: ([192, 0, 2, 1], 20_000).into(),
            source: None,
            diagnosis: "nothing_received".into(),
            explanation: "no RTP has come from it".into(),
            packets_received: 0,
            packets_sent: 100,
            packets_lost: 0,
            packets_foreign: 0,
            packets_unauthentic: 0,
            rtcp_received: 0,
            jitter_micros: 0,
            rtt_micros: None,
            loss_percent: 0,
            mos_hundredths: None,
            mos_lowest_hundredths: None,
            mos_latest_hundredths: None,
            far: None,
        };
        assert_eq!(diagnosis(&plain), "nothing received: no RTP has come from it");
        assert_eq!(figures(&plain), ["0 packets heard, 100 sent, none lost, jitter 0.0 ms"]);
        let full = MediaView {
            source: Some(([198, 51, 100, 7], 4_000).into()),
            packets_received: 95,
            packets_lost: 5,
            packets_foreign: 3,
            packets_unauthentic: 2,
            jitter_micros: 1_250,
            rtt_micros: Some(40_000),
            mos_hundredths: Some(405),
            mos_lowest_hundredths: Some(350),
            far: Some(FarMedia { loss_percent: 4, packets_lost: 9, jitter_micros: 900 }),
            ..plain
        };
        assert_eq!(
            figures(&full),
            [
                "95 packets heard, 100 sent, 5 lost (50 ‰), jitter 1.2 ms, round trip 40.0 ms, \
                 MOS 4.05 (worst 3.50), 3 from somebody else dropped, 2 under another key dropped \
                 from 198.51.100.7:4000",
                "the phone reports 9 packets lost of what it is sent, 4 % lately, jitter 0.9 ms",
            ]
        );
    }

    #[test]
    fn the_record_is_told_with_its_diagnosis_and_what_it_was_worth() {
        let full = Quality {
            packets_received: 95,
            packets_sent: 100,
            packets_lost: 5,
            jitter_micros: 1_250,
            packets_foreign: 3,
            rtt_micros: Some(40_000),
            mos_hundredths: Some(405),
            mos_lowest_hundredths: Some(350),
            diagnosis: Some("other_address".into()),
            ..Quality::default()
        };
        assert_eq!(
            recorded(&full),
            "other address: 95 packets heard, 100 sent, 5 lost (50 ‰), jitter 1.2 ms, round trip 40.0 ms, \
             MOS 4.05 (worst 3.50), 3 from somebody else dropped"
        );
        assert_eq!(recorded(&Quality::default()), "0 packets heard, 0 sent, none lost, jitter 0.0 ms");
    }
}
