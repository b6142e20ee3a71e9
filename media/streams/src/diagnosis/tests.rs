//! From facts to diagnosis, fault by fault.

use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

const PHONE: &str = "198.51.100.7:4000";

/// A leg with nothing wrong.
fn good() -> Facts {
    Facts {
        sends: true,
        receives: true,
        stated: Some(at(PHONE)),
        unusable: None,
        signalling: at(PHONE).ip(),
        source: Some(at(PHONE)),
        destination: Some(at(PHONE)),
        ice: None,
        has_keys: true,
        handshake: None,
        received: 500,
        sent: 500,
        silent_micros: Some(20_000),
        refused: None,
        too_long: 0,
        other_format: None,
        silent_looks: 0,
        obstacle: None,
        is_loop: false,
        unsealed: 0,
        far_loss_percent: Some(0),
        far_hears_nothing: false,
        loss_percent: 0,
        mos: None,
        is_fed: false,
        other: Some(Other { receives: true, loss_percent: 0 }),
    }
}

/// Nothing was ever taken from it.
fn unheard() -> Facts {
    Facts { received: 0, source: None, silent_micros: None, ..good() }
}

fn refused(in_a_row: u32, reason: DropReason, source: &str) -> Option<Refused> {
    Some(Refused { in_a_row, reason, source: at(source) })
}

fn check(cases: impl IntoIterator<Item = (Facts, Diagnosis)>) {
    for (facts, expected) in cases {
        assert_eq!(diagnose(&facts), expected, "{facts:?}");
    }
}

#[test]
fn a_browser_is_told_how_far_ice_has_come() {
    let at_stage = |ice, facts| Facts { ice: Some(ice), ..facts };
    let unkeyed = Facts { has_keys: false, ..unheard() };
    check([
        (at_stage(ice::Stage::Unchecked, unkeyed), Diagnosis::NotChecked),
        (at_stage(ice::Stage::Checked, unkeyed), Diagnosis::NothingChosen),
        (at_stage(ice::Stage::Chosen, unkeyed), Diagnosis::KeysMissing),
        (at_stage(ice::Stage::Lost, good()), Diagnosis::ConsentLost),
        (at_stage(ice::Stage::Chosen, good()), Diagnosis::Good),
    ]);
}

#[test]
fn every_fault_of_what_comes_has_its_diagnosis() {
    use Diagnosis::*;
    let phone = at(PHONE);
    let natted = at("192.168.1.5:4000");
    let elsewhere = "203.0.113.66:9";
    let other_port = "198.51.100.7:4002";
    let cases = [
        (good(), Good),
        (Facts { other: None, ..unheard() }, NotConnected),
        (Facts { other: None, is_fed: true, ..good() }, Good),
        (Facts { receives: false, ..good() }, Holds),
        (Facts { other: Some(Other { receives: false, loss_percent: 0 }), ..good() }, Held),
        (Facts { sends: false, other: Some(Other { receives: false, loss_percent: 0 }), ..good() }, Held),
        (Facts { sends: false, ..good() }, OnlyListens),
        (Facts { has_keys: false, ..unheard() }, KeysMissing),
        (Facts { has_keys: false, handshake: Some(Stage::Waiting), ..unheard() }, NoHandshake),
        (Facts { has_keys: false, handshake: Some(Stage::Going), ..unheard() }, HandshakeUnfinished),
        (
            Facts { has_keys: false, handshake: Some(Stage::Failed(Failure::Fingerprint)), ..unheard() },
            OtherFingerprint,
        ),
        (
            Facts { has_keys: false, handshake: Some(Stage::Failed(Failure::Silence)), ..unheard() },
            HandshakeFailed { failure: Failure::Silence },
        ),
        (Facts { handshake: Some(Stage::Failed(Failure::Silence)), ..good() }, Good),
        (Facts { refused: refused(1, DropReason::Unauthentic, PHONE), ..unheard() }, Unauthentic),
        (Facts { refused: refused(25, DropReason::Replayed, PHONE), ..good() }, Replayed),
        (
            Facts { refused: refused(1, DropReason::Foreign, elsewhere), ..unheard() },
            OtherAddress { expected: Some(phone), source: at(elsewhere) },
        ),
        (
            Facts {
                refused: refused(1, DropReason::Foreign, other_port),
                signalling: natted.ip(),
                ..unheard()
            },
            OtherPort { expected: phone, source: at(other_port) },
        ),
        (
            Facts { refused: refused(60, DropReason::Foreign, other_port), ..good() },
            OtherPort { expected: phone, source: at(other_port) },
        ),
        (
            Facts { refused: refused(2, DropReason::Probation, PHONE), ..unheard() },
            Unproven { source: phone },
        ),
        (
            Facts { refused: refused(30, DropReason::Probation, PHONE), ..unheard() },
            Unsteady { source: phone },
        ),
        (Facts { refused: refused(40, DropReason::Ssrc, PHONE), ..good() }, OtherSsrc),
        (Facts { refused: refused(1, DropReason::Malformed, PHONE), ..unheard() }, NotRtp { source: phone }),
        (Facts { too_long: 3, ..unheard() }, TooLong),
        (
            Facts { unusable: Some(at("127.0.0.1:4000")), stated: None, ..unheard() },
            UnusableAddress { stated: at("127.0.0.1:4000") },
        ),
        (
            Facts { stated: Some(natted), ..unheard() },
            PrivateAddress { stated: natted, signalling: phone.ip() },
        ),
        (Facts { stated: Some(natted), signalling: natted.ip(), ..unheard() }, NothingReceived),
        (unheard(), NothingReceived),
    ];
    check(cases);
}

#[test]
fn every_fault_of_what_is_said_and_heard_has_its_diagnosis() {
    use Diagnosis::*;
    let poor = Mos::of_rating(40.0);
    let cases = [
        (Facts { silent_micros: Some(7_900_000), ..good() }, Stopped { secs: 7 }),
        (Facts { other_format: Some(18), ..good() }, OtherFormat { payload_type: 18 }),
        (Facts { silent_looks: SILENT_LOOKS, ..good() }, Silence),
        (Facts { destination: None, stated: None, ..unheard() }, NoAddress),
        (Facts { is_loop: true, ..unheard() }, Loop),
        (Facts { is_loop: true, ..good() }, Loop),
        (Facts { unsealed: 25, ..good() }, Unsealed),
        (Facts { far_hears_nothing: true, ..good() }, HearsNothing),
        (Facts { far_loss_percent: Some(100), ..good() }, HearsNothing),
        (Facts { far_loss_percent: Some(8), ..good() }, HearsWithLoss { percent: 8 }),
        (Facts { loss_percent: 9, mos: Some(poor), ..good() }, Poor { percent: 9, mos: Some(poor) }),
    ];
    check(cases);
}

#[test]
fn what_is_no_fault_is_not_called_one() {
    for facts in [
        Facts { refused: refused(24, DropReason::Foreign, "203.0.113.66:9"), ..good() },
        Facts { silent_micros: Some(4_900_000), ..good() },
        Facts { silent_looks: SILENT_LOOKS - 1, ..good() },
        Facts { far_hears_nothing: true, sent: 20, ..good() },
        Facts { far_loss_percent: None, ..good() },
        Facts { loss_percent: 4, mos: Some(Mos::of_rating(75.0)), ..good() },
        Facts { stated: Some(at("192.168.1.5:4000")), ..good() },
    ] {
        assert_eq!(diagnose(&facts), Diagnosis::Good, "{facts:?}");
    }
}

#[test]
fn what_does_not_arrive_is_told_with_who_says_so() {
    let silent = Facts { silent_micros: Some(SILENCE_MICROS), ..good() };
    let address = at(PHONE);
    for obstacle in [Obstacle::Here, Obstacle::OnTheWay, Obstacle::Port] {
        let cases = [unheard(), silent, good()].map(|facts| Facts { obstacle: Some(obstacle), ..facts });
        check(cases.map(|facts| (facts, Diagnosis::Unreachable { address, obstacle })));
    }
}

#[test]
fn a_silent_phone_that_somebody_sprays_is_told_by_what_comes() {
    let facts = Facts {
        silent_micros: Some(SILENCE_MICROS),
        refused: refused(1, DropReason::Foreign, "203.0.113.66:9"),
        ..good()
    };
    assert!(matches!(diagnose(&facts), Diagnosis::OtherAddress { .. }), "the phone may have moved");
}

#[test]
fn words_are_distinct_and_sentences_end_without_a_stop() {
    let phone = at(PHONE);
    let all = [
        Diagnosis::Good,
        Diagnosis::NotConnected,
        Diagnosis::Holds,
        Diagnosis::Held,
        Diagnosis::OnlyListens,
        Diagnosis::NotChecked,
        Diagnosis::NothingChosen,
        Diagnosis::ConsentLost,
        Diagnosis::KeysMissing,
        Diagnosis::NoHandshake,
        Diagnosis::HandshakeUnfinished,
        Diagnosis::HandshakeFailed { failure: Failure::Alert(40) },
        Diagnosis::OtherFingerprint,
        Diagnosis::Unauthentic,
        Diagnosis::Replayed,
        Diagnosis::OtherAddress { expected: None, source: phone },
        Diagnosis::OtherPort { expected: phone, source: phone },
        Diagnosis::Unproven { source: phone },
        Diagnosis::Unsteady { source: phone },
        Diagnosis::OtherSsrc,
        Diagnosis::NotRtp { source: phone },
        Diagnosis::TooLong,
        Diagnosis::UnusableAddress { stated: phone },
        Diagnosis::PrivateAddress { stated: phone, signalling: phone.ip() },
        Diagnosis::NothingReceived,
        Diagnosis::Stopped { secs: 7 },
        Diagnosis::OtherFormat { payload_type: 18 },
        Diagnosis::Silence,
        Diagnosis::NoAddress,
        Diagnosis::Loop,
        Diagnosis::Unreachable { address: phone, obstacle: Obstacle::Here },
        Diagnosis::Unsealed,
        Diagnosis::HearsNothing,
        Diagnosis::HearsWithLoss { percent: 8 },
        Diagnosis::Poor { percent: 9, mos: None },
    ];
    let words: std::collections::BTreeSet<&str> = all.iter().map(Diagnosis::as_str).collect();
    assert_eq!(words.len(), all.len());
    let others = [Obstacle::OnTheWay, Obstacle::Port]
        .map(|obstacle| Diagnosis::Unreachable { address: phone, obstacle });
    for diagnosis in all.into_iter().chain(others) {
        let text = diagnosis.to_string();
        assert!(text.len() > 15 && !text.ends_with('.') && !text.contains('\n'), "{text}");
    }
}
