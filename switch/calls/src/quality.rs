//! What the relay says of a leg's media, in the words of the contract: as one stream's view, and added up for the record.
//!
//! The relay judges; nothing is decided here.

use std::net::SocketAddr;

use contract::{
    journal::Quality,
    media::{FarMedia, MediaView},
};
use streams::{diagnosis::Diagnosis, leg::Judgement, media::LegReport, quality::Mos};

/// One stream of leg `leg` whose packets arrive at `local`.
#[must_use]
pub fn view(leg: u16, local: SocketAddr, report: &LegReport) -> MediaView {
    let LegReport { judgement, .. } = report;
    let diagnosis = judgement.diagnosis.unwrap_or(Diagnosis::NotConnected);
    MediaView {
        leg,
        local,
        source: judgement.source,
        diagnosis: diagnosis.as_str().to_owned(),
        explanation: diagnosis.to_string(),
        packets_received: report.packets_received,
        packets_sent: report.packets_sent,
        packets_lost: report.packets_lost,
        packets_foreign: report.packets_foreign,
        packets_unauthentic: report.packets_unauthentic,
        rtcp_received: report.rtcp_received,
        jitter_micros: report.jitter_micros,
        rtt_micros: judgement.rtt_micros,
        loss_percent: judgement.loss_percent,
        mos_hundredths: judgement.mos.map(Mos::hundredths),
        mos_lowest_hundredths: judgement.mos_lowest.map(Mos::hundredths),
        mos_latest_hundredths: judgement.mos_latest.map(Mos::hundredths),
        far: judgement.far.map(|far| FarMedia {
            loss_percent: far.loss_percent,
            packets_lost: far.packets_lost,
            jitter_micros: far.jitter_micros,
        }),
    }
}

/// Adds a stream to the record of its leg: what is counted is added up, of the rest the worst is kept.
pub(crate) fn add(sum: &mut Quality, report: &LegReport) {
    let Judgement { rtt_micros, mos, mos_lowest, far, diagnosis, .. } = report.judgement;
    sum.packets_received += report.packets_received;
    sum.bytes_received += report.bytes_received;
    sum.packets_sent += report.packets_sent;
    sum.bytes_sent += report.bytes_sent;
    sum.packets_lost = sum.packets_lost.saturating_add(report.packets_lost);
    sum.jitter_micros = sum.jitter_micros.max(report.jitter_micros);
    sum.packets_foreign += report.packets_foreign;
    sum.rtcp_received += report.rtcp_received;
    sum.packets_unauthentic += report.packets_unauthentic;
    sum.rtt_micros = sum.rtt_micros.max(rtt_micros);
    sum.mos_hundredths = worse(sum.mos_hundredths, mos);
    sum.mos_lowest_hundredths = worse(sum.mos_lowest_hundredths, mos_lowest);
    if let Some(far) = far {
        sum.far_packets_lost = Some(sum.far_packets_lost.unwrap_or(0).saturating_add(far.packets_lost));
        sum.far_jitter_micros = sum.far_jitter_micros.max(Some(far.jitter_micros));
    }
    let is_better = |word: &String| word == Diagnosis::Good.as_str();
    if let Some(diagnosis) = diagnosis
        && sum.diagnosis.as_ref().is_none_or(is_better)
    {
        sum.diagnosis = Some(diagnosis.as_str().to_owned());
    }
}

fn worse(one: Option<u16>, other: Option<Mos>) -> Option<u16> {
    let other = other.map(Mos::hundredths);
    one.zip(other).map(|(one, other)| one.min(other)).or(one).or(other)
}

#[cfg(test)]
mod tests {
    use streams::leg::FarEnd;

    use super::*;

    fn report(received: u64, rating: Option<f32>, diagnosis: Option<Diagnosis>) -> LegReport {
        let mos = rating.map(Mos::of_rating);
        let far = FarEnd { loss_percent: 3, packets_lost: 7, jitter_micros: 1_000 };
        let judgement = Judgement {
            mos,
            mos_lowest: mos,
            diagnosis,
            far: Some(far),
            rtt_micros: Some(20),
            ..Judgement::default()
        };
        LegReport { packets_received: received, packets_unauthentic: 2, judgement, ..LegReport::default() }
    }

    #[test]
    fn streams_of_a_leg_are_added_up_and_the_worst_is_told() {
        let mut sum = Quality::default();
        add(&mut sum, &report(100, Some(90.0), Some(Diagnosis::Good)));
        add(&mut sum, &report(50, None, Some(Diagnosis::Silence)));
        add(&mut sum, &report(1, Some(70.0), Some(Diagnosis::Good)));
        assert_eq!((sum.packets_received, sum.packets_unauthentic), (151, 6));
        assert_eq!((sum.mos_hundredths, sum.mos_lowest_hundredths), (Some(360), Some(360)));
        assert_eq!(
            (sum.rtt_micros, sum.far_packets_lost, sum.far_jitter_micros),
            (Some(20), Some(21), Some(1_000))
        );
        assert_eq!(sum.diagnosis.as_deref(), Some("silence"));
    }

    /// A call whose image cannot be read is lost with the process.
    #[test]
    fn what_is_added_up_so_far_outlives_the_process() {
        let mut sum = Quality::default();
        for diagnosis in [None, Some(Diagnosis::Good)] {
            add(&mut sum, &report(3, None, diagnosis));
            let image = postcard::to_allocvec(&sum).unwrap();
            assert_eq!(postcard::from_bytes(&image), Ok(sum.clone()));
        }
        let empty = postcard::to_allocvec(&Quality::default()).unwrap();
        assert_eq!(postcard::from_bytes(&empty), Ok(Quality::default()));
    }

    #[test]
    fn a_leg_that_was_never_open_is_told_as_such() {
        let view = view(2, ([192, 0, 2, 1], 20_000).into(), &LegReport::default());
        assert_eq!((view.leg, view.diagnosis.as_str()), (2, "not_connected"));
    }
}
