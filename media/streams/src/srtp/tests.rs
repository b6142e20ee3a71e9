//! Reference packets of the RFCs and of libsrtp, and what must hold for any order of packets, good and bad.

use crate::rtp::Header;
use proptest::prelude::*;

use super::{
    cipher::{Cipher, Gcm, Place},
    *,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|c| char::from(c).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A key that differs from every other one.
pub(crate) fn key(suite: Suite, seed: u8) -> MasterKey {
    let bytes: Vec<u8> = (0..suite.master_bytes()).map(|at| (at as u8).wrapping_mul(37) ^ seed).collect();
    MasterKey::new(suite, &bytes).unwrap()
}

fn pair(suite: Suite) -> (Sealer, Opener) {
    (Sealer::new(suite, &key(suite, 1)).unwrap(), Opener::new(suite, &key(suite, 1)).unwrap())
}

fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn seal(sealer: &mut Sealer, packet: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut room = packet.to_vec();
    room.resize(packet.len() + OVERHEAD_BYTES_MAX, 0);
    let len = sealer.seal_rtp(&mut room, packet.len())?;
    room.truncate(len);
    Ok(room)
}

fn open(opener: &mut Opener, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut packet = sealed.to_vec();
    let len = opener.open_rtp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

fn seal_rtcp(sealer: &mut Sealer, packet: &[u8]) -> Vec<u8> {
    let mut room = packet.to_vec();
    room.resize(packet.len() + OVERHEAD_BYTES_MAX, 0);
    let len = sealer.seal_rtcp(&mut room, packet.len()).unwrap();
    room.truncate(len);
    room
}

fn open_rtcp(opener: &mut Opener, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut packet = sealed.to_vec();
    let len = opener.open_rtcp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

/// Both ways, against packets that another implementation has made.
fn check_reference(suite: Suite, master: &str, sealed_rtp: &str, sealed_rtcp: &str) {
    let master = MasterKey::new(suite, &hex(master)).unwrap();
    let (mut sealer, mut opener) =
        (Sealer::new(suite, &master).unwrap(), Opener::new(suite, &master).unwrap());
    let packet = hex("800f1234decafbadcafebabe abababababababababababababababab");
    assert_eq!(seal(&mut sealer, &packet), Ok(hex(sealed_rtp)), "{suite:?}");
    assert_eq!(open(&mut opener, &hex(sealed_rtp)), Ok(packet), "{suite:?}");
    let packet = hex("81c8000bcafebabe abababababababababababababababab");
    assert_eq!(open_rtcp(&mut opener, &hex(sealed_rtcp)), Ok(packet.clone()), "{suite:?}");
    // The reference counts SRTCP from 1, RFC 3711 §3.4 from 0.
    assert_ne!(seal_rtcp(&mut sealer, &packet), hex(sealed_rtcp));
    assert_eq!(seal_rtcp(&mut sealer, &packet), hex(sealed_rtcp), "{suite:?}");
}

#[test]
fn packets_are_those_of_libsrtp() {
    check_reference(
        Suite::AesCm128HmacSha1_80,
        "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
        "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb",
        "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798",
    );
    // As the first, with the first 32 bits of the tag; SRTCP keeps all 80 (RFC 4568 §6.2.2).
    check_reference(
        Suite::AesCm128HmacSha1_32,
        "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
        "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc",
        "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798",
    );
    check_reference(
        Suite::AeadAes128Gcm,
        "000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab",
        "800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392",
        "81c8000bcafebabe c98b8b5df0392a55852b6c21ac8e7025 c52c6fbea2b3b446ea31123ba88ce61e 80000001",
    );
}

/// Sections 16 and 17 give session keys, not master keys, of both lengths.
fn rfc_7714(algorithm: &'static ring::aead::Algorithm) -> Cipher {
    let key: Vec<u8> = (0..32).collect();
    let key = ring::aead::UnboundKey::new(algorithm, &key[..algorithm.key_len()]).unwrap();
    let salt = hex("517569642070726f2071756f").try_into().unwrap();
    Cipher::Gcm(Gcm { key: ring::aead::LessSafeKey::new(key), salt })
}

fn check_rtp_of_rfc_7714(algorithm: &'static ring::aead::Algorithm, body_and_tag: &str) {
    let head = "8040f17b8041f8d35501a0b2";
    let packet =
        hex(&format!("{head} 47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"));
    let sealed = hex(&format!("{head} {body_and_tag}"));
    let place = Place { ssrc: 0x5501_a0b2, index: 0xf17b };
    let mut room = packet.clone();
    room.resize(packet.len() + 16, 0);
    assert_eq!(rfc_7714(algorithm).seal_rtp(place, &mut room, 12, packet.len()), Some(sealed.len()));
    assert_eq!(room, sealed);
    assert_eq!(rfc_7714(algorithm).open_rtp(place, &mut room, 12), Ok(packet.len()));
    assert_eq!(room[..packet.len()], packet);
}

#[test]
fn rfc_7714_16_srtp_with_aes_gcm() {
    check_rtp_of_rfc_7714(
        &ring::aead::AES_128_GCM,
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833 \
         899d7f27beb16a9152cf765ee4390cce",
    );
    check_rtp_of_rfc_7714(
        &ring::aead::AES_256_GCM,
        "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b \
         7aa3db36dfffd6b0f9bb7878d7a76c13",
    );
}

fn check_rtcp_of_rfc_7714(algorithm: &'static ring::aead::Algorithm, body_and_tag: &str) {
    let head = "81c8000d4d617273";
    let packet = hex(&format!(
        "{head} 4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
    ));
    let sealed = hex(&format!("{head} {body_and_tag} 800005d4"));
    let place = Place { ssrc: 0x4d61_7273, index: 0x5d4 };
    let word = 0x8000_05d4_u32.to_be_bytes();
    let mut room = packet.clone();
    room.resize(packet.len() + 20, 0);
    assert_eq!(rfc_7714(algorithm).seal_rtcp(place, word, &mut room, packet.len()), Some(sealed.len()));
    assert_eq!(room, sealed);
    assert_eq!(rfc_7714(algorithm).rtcp_word(&room), Some(word));
    assert_eq!(rfc_7714(algorithm).open_rtcp(place, word, &mut room), Ok(packet.len()));
    assert_eq!(room[..packet.len()], packet);
}

#[test]
fn rfc_7714_17_srtcp_with_aes_gcm() {
    check_rtcp_of_rfc_7714(
        &ring::aead::AES_128_GCM,
        "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2f\
         c5abf87245d9eade",
    );
    check_rtcp_of_rfc_7714(
        &ring::aead::AES_256_GCM,
        "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f\
         57ff6f6cb26ac3be",
    );
}

#[test]
fn keys_have_the_length_of_their_suite_and_are_not_printed() {
    for suite in Suite::ALL {
        let bytes = [0xab; MASTER_BYTES_MAX + 1];
        let right = suite.master_bytes();
        for len in 0..bytes.len() {
            assert_eq!(MasterKey::new(suite, &bytes[..len]).is_some(), len == right, "{suite:?} {len}");
        }
        let keys = SrtpKeys { suite, send: key(suite, 1), receive: key(suite, 2) };
        assert!(format!("{keys:?}").ends_with("send: MasterKey(..), receive: MasterKey(..) }"), "{keys:?}");
    }
}

#[test]
fn whoever_has_another_key_or_changes_a_bit_is_not_heard() {
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = pair(suite);
        let sealed = seal(&mut sealer, &rtp(7, 100, &[0xd5; 20])).unwrap();
        let mut stranger = Opener::new(suite, &key(suite, 2)).unwrap();
        assert_eq!(open(&mut stranger, &sealed), Err(OpenError::Unauthentic));
        for bit in 0..sealed.len() * 8 {
            let mut turned = sealed.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut opener, &turned).is_err(), "{suite:?} bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(open(&mut opener, &sealed[..len]).is_err(), "{suite:?} {len} bytes");
        }
        assert_eq!(open(&mut opener, &sealed), Ok(rtp(7, 100, &[0xd5; 20])), "none of them left a trace");
        assert_eq!(open(&mut opener, &sealed), Err(OpenError::Replayed));
    }
}

#[test]
fn rtcp_is_opened_once_and_never_when_it_is_not_encrypted() {
    let report = hex("80c90001 00000007");
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = pair(suite);
        let sealed: Vec<_> = (0..3).map(|_| seal_rtcp(&mut sealer, &report)).collect();
        for at in [1, 0, 2] {
            assert_eq!(open_rtcp(&mut opener, &sealed[at]), Ok(report.clone()), "{suite:?}");
            assert_eq!(open_rtcp(&mut opener, &sealed[at]), Err(OpenError::Replayed), "{suite:?}");
        }
        let mut clear = seal_rtcp(&mut sealer, &report);
        let word = if suite.salt_bytes() == 12 { clear.len() - 4 } else { clear.len() - 14 };
        clear[word] &= 0x7f;
        assert_eq!(open_rtcp(&mut opener, &clear), Err(OpenError::Malformed), "{suite:?}");
        for len in 0..sealed[0].len() {
            assert!(open_rtcp(&mut opener, &sealed[0][..len]).is_err(), "{suite:?} {len} bytes");
        }
    }
}

/// RFC 3711 §3.3.1: the rollover counter is never sent; both sides count it.
#[test]
fn a_call_of_an_hour_rolls_over_twice() {
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = pair(suite);
        for n in 0..180_000_u32 {
            // Every 97th is lost on the way.
            let packet = rtp(7, (n + 30_000) as u16, b"speech");
            let sealed = seal(&mut sealer, &packet).unwrap();
            if n % 97 != 0 {
                assert_eq!(open(&mut opener, &sealed), Ok(packet), "{suite:?} {n}");
            }
        }
    }
}

#[test]
fn rfc_3711_9_1_no_number_is_sealed_twice_whatever_its_sender_does() {
    let (mut sealer, mut opener) = pair(Suite::AesCm128HmacSha1_80);
    let words = |sequence: u16, word: &[u8]| rtp(7, sequence, word);
    assert!(seal(&mut sealer, &words(10, b"one")).is_ok());
    assert_eq!(seal(&mut sealer, &words(10, b"two")), Err(SealError::Repeated));
    // Nor after the sender was somebody else for a while.
    let other = seal(&mut sealer, &rtp(8, 10, b"other")).unwrap();
    assert!(open(&mut opener, &other).is_ok());
    for sequence in 0..=10 {
        assert_eq!(seal(&mut sealer, &words(sequence, b"two")), Err(SealError::Repeated), "{sequence}");
    }
    assert!(seal(&mut sealer, &words(11, b"new")).is_ok());
    assert_eq!(seal(&mut sealer, &rtp(8, 10, b"again")), Err(SealError::Repeated));
    // Nor when there were more senders than can be remembered: the next one is not heard.
    for ssrc in 9..7 + SEALED_STREAMS_MAX as u32 {
        assert!(seal(&mut sealer, &rtp(ssrc, 1, b"x")).is_ok(), "{ssrc}");
    }
    assert_eq!(seal(&mut sealer, &rtp(1_000, 1, b"x")), Err(SealError::Exhausted));
    assert!(seal(&mut sealer, &words(12, b"known")).is_ok());
}

/// One packet that came two seconds late had everything after it sent under another source.
#[test]
fn one_straggler_is_left_out_and_two_in_a_row_are_a_new_run_of_numbers() {
    let mut sealer = pair(Suite::AesCm128HmacSha1_80).0;
    let mut sealed = |sequence| seal(&mut sealer, &rtp(7, sequence, b"x")).map(drop);
    for (sequence, expected) in [
        (5_000, Ok(())),
        (4_800, Err(SealError::Repeated)),
        (5_001, Ok(())),
        (4_801, Err(SealError::Repeated)),
        (4_700, Err(SealError::Repeated)),
        (4_701, Err(SealError::Behind)),
        (4_702, Err(SealError::Behind)),
        (5_002, Ok(())),
    ] {
        assert_eq!(sealed(sequence), expected, "{sequence}");
    }
}

#[test]
fn a_packet_without_room_for_its_tag_is_not_sealed_and_costs_no_number() {
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = pair(suite);
        let packet = rtp(7, 1, b"speech");
        let mut room = packet.clone();
        for more in 0..4 {
            room.resize(packet.len() + more, 0);
            room[..packet.len()].copy_from_slice(&packet);
            let refused = sealer.seal_rtp(&mut room, packet.len());
            assert_eq!(refused, Err(SealError::TooLong), "{suite:?} {more}");
        }
        let sealed = seal(&mut sealer, &packet).unwrap();
        assert_eq!(open(&mut opener, &sealed), Ok(packet));
        let mut report = hex("80c90001 00000007");
        assert_eq!(sealer.seal_rtcp(&mut report, 8), Err(SealError::TooLong));
        assert_eq!(sealer.seal_rtcp(&mut report, 7), Err(SealError::Malformed));
    }
}

/// A header extension and contributing sources stay clear, padding does not (RFC 3711 §3.1).
#[test]
fn only_payload_and_padding_are_encrypted() {
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = pair(suite);
        let packet = hex("b1080001000000a000000007 00000063 bede000110ff0000 d5d5d5d500000004");
        let sealed = seal(&mut sealer, &packet).unwrap();
        assert_eq!(sealed[..24], packet[..24]);
        assert_ne!(sealed[24..32], packet[24..32]);
        assert_eq!(open(&mut opener, &sealed), Ok(packet));
    }
}

/// What an image must keep: keys, rollover counter, both windows.
#[test]
fn both_ends_go_on_from_an_image() {
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = pair(suite);
        let mut last = Vec::new();
        for n in 0..70_000_u32 {
            last = seal(&mut sealer, &rtp(7, n as u16, b"speech")).unwrap();
            open(&mut opener, &last).unwrap();
        }
        let report = hex("80c90001 00000007");
        let before = seal_rtcp(&mut sealer, &report);
        open_rtcp(&mut opener, &before).unwrap();
        let bytes = postcard::to_allocvec(&(&sealer, &opener)).unwrap();
        let (mut sealer, mut opener): (Sealer, Opener) = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(postcard::to_allocvec(&(&sealer, &opener)).unwrap(), bytes);
        assert_eq!(open(&mut opener, &last), Err(OpenError::Replayed), "{suite:?}");
        assert_eq!(open_rtcp(&mut opener, &before), Err(OpenError::Replayed), "{suite:?}");
        assert_eq!(seal(&mut sealer, &rtp(7, 69_999_u32 as u16, b"x")), Err(SealError::Repeated));
        sealer.skip_unseen();
        for n in 70_001..70_010_u32 {
            let packet = rtp(7, n as u16, b"goes on");
            assert_eq!(open(&mut opener, &seal(&mut sealer, &packet).unwrap()), Ok(packet), "{suite:?}");
        }
        assert_eq!(open_rtcp(&mut opener, &seal_rtcp(&mut sealer, &report)), Ok(report.clone()));
    }
}

#[test]
fn sealing_and_opening_allocate_nothing() {
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = pair(suite);
        let mut room = [0; 256];
        let packet = rtp(7, 0, &[0xd5; 160]);
        let counted = allocation_counter::measure(|| {
            for n in 0..1_000_u16 {
                room[..packet.len()].copy_from_slice(&packet);
                room[2..4].copy_from_slice(&n.to_be_bytes());
                // Sources change, too.
                room[11] = (n / 100) as u8;
                let len = sealer.seal_rtp(&mut room, packet.len()).unwrap();
                assert_eq!(opener.open_rtp(&mut room[..len]), Ok(packet.len()));
                assert!(opener.open_rtp(&mut room[..len]).is_err());
            }
        });
        assert_eq!(counted.count_total, 0, "{suite:?}");
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Sent,
    Skipped(u16),
    Delivered(usize),
    Forged(usize, usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => Just(Happening::Sent),
        1 => (1..600_u16).prop_map(Happening::Skipped),
        6 => (0..40_usize).prop_map(Happening::Delivered),
        2 => (0..40_usize, any::<usize>()).prop_map(|(back, bit)| Happening::Forged(back, bit)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// However packets are lost, delayed, repeated and forged, around the end of the sequence space too: what is
    /// opened is what was sealed, once, and what is not forged and not too late is opened.
    #[test]
    fn what_was_sealed_is_opened_once(
        suite in 0..3_usize,
        first in prop_oneof![Just(65_500_u16), any::<u16>()],
        happenings in prop::collection::vec(happening(), 1..400),
    ) {
        let (mut sealer, mut opener) = pair(Suite::ALL[suite]);
        let (mut next, mut sent, mut opened) = (u64::from(first), Vec::new(), std::collections::BTreeSet::new());
        let mut newest = None;
        for happening in happenings {
            match happening {
                Happening::Sent => {
                    let packet = rtp(7, next as u16, &next.to_be_bytes());
                    sent.push((next, packet.clone(), seal(&mut sealer, &packet).unwrap()));
                    next += 1;
                }
                Happening::Skipped(packets) => next += u64::from(packets),
                Happening::Delivered(back) => {
                    let Some((index, packet, sealed)) = sent.iter().rev().nth(back) else { continue };
                    let is_late = newest.is_some_and(|newest: u64| newest.saturating_sub(*index) >= WINDOW_PACKETS);
                    let got = open(&mut opener, sealed);
                    if opened.contains(index) || is_late {
                        prop_assert_eq!(got, Err(OpenError::Replayed));
                    } else {
                        // The receiver may begin behind a rollover that it has not seen; then it cannot go back.
                        if newest.is_none() && *index >= 1 << 16 {
                            return Ok(());
                        }
                        prop_assert_eq!(got.as_ref(), Ok(packet));
                        opened.insert(*index);
                        newest = newest.max(Some(*index));
                    }
                }
                Happening::Forged(back, bit) => {
                    let Some((_, _, sealed)) = sent.iter().rev().nth(back) else { continue };
                    let mut forged = sealed.clone();
                    let bit = bit % (forged.len() * 8);
                    forged[bit / 8] ^= 1 << (bit % 8);
                    prop_assert!(open(&mut opener, &forged).is_err());
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_in_order(suite in 0..3_usize, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut sealer, mut opener) = pair(Suite::ALL[suite]);
        prop_assert!(open(&mut opener, &bytes).is_err());
        prop_assert!(open_rtcp(&mut opener, &bytes).is_err());
        // Sealing refuses what is no packet and nothing else.
        let is_rtp = Header::read_sealed(&bytes).is_ok();
        prop_assert_eq!(seal(&mut sealer, &bytes).is_ok(), is_rtp);
    }
}
