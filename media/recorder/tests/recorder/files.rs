//! What is in a file, by the word of programs that nobody here wrote.

use std::{fs, process::Command};

use recorder::Format;
use streams::codec::{Codec, LinearRate};

use crate::studio::{CALLEE_HZ, CALLER_HZ, Studio, about, listen, peak, purity};

/// Two seconds of both, caller left and callee right.
fn record(format: Format, codecs: [Codec; 2]) -> (Studio, std::path::PathBuf) {
    let mut studio = Studio::new();
    let about = about(format, 1_000);
    studio.order(recorder::Order::Settled);
    studio.begin(&about);
    studio.talk(&about, codecs, 1_000, 3_000);
    studio.end(&about, 3_000);
    let sealed = studio.finished(&about);
    let (opened, file) = studio.open(&sealed);
    assert_eq!((opened.about.clone(), opened.is_ended), (about, true));
    // Three more frames for what waited in the jitter buffers.
    assert_eq!(opened.progress.frames, 103);
    (studio, file)
}

#[test]
fn the_caller_is_left_and_the_callee_right_whatever_they_speak_and_whatever_it_is_written_in() {
    let wide = Codec::L16(LinearRate::Wide);
    for format in [Format::Wav, Format::Opus] {
        for codecs in [[Codec::Pcma, Codec::Pcmu], [Codec::Opus, Codec::G722], [wide, Codec::Pcma]] {
            let (_studio, file) = record(format, codecs);
            let (left, right, hz) = listen(&file);
            assert!((left.len() as f64 / hz - 2.06).abs() < 0.03, "{} samples", left.len());
            let tones = [purity(&left, hz, CALLER_HZ, 300, 1_900), purity(&right, hz, CALLEE_HZ, 300, 1_900)];
            assert!(tones.iter().all(|tone| *tone > 0.95), "{format:?} of {codecs:?}: {tones:?}");
            let other = [purity(&left, hz, CALLEE_HZ, 300, 1_900), purity(&right, hz, CALLER_HZ, 300, 1_900)];
            assert!(other.iter().all(|tone| *tone < 0.02), "{format:?} of {codecs:?}: {other:?}");
        }
    }
}

/// Where both sides speak G.711 the WAV holds what was sent, sample for sample, but for periods of the voice that the
/// jitter buffer leaves out to come closer.
#[test]
fn a_wav_of_g711_is_what_was_sent_by_the_word_of_python() {
    let (_studio, file) = record(Format::Wav, [Codec::Pcma, Codec::Pcma]);
    let program = "import sys, wave, math\n\
        w = wave.open(sys.argv[1])\n\
        assert (w.getnchannels(), w.getsampwidth(), w.getframerate(), w.getnframes()) == (2, 2, 8000, 103 * 160), w.getparams()\n\
        d = w.readframes(w.getnframes())\n\
        left = [int.from_bytes(d[i:i+2], 'little', signed=True) for i in range(0, len(d), 4)]\n\
        tone = [round(8000 * math.sin(math.tau * 440 * n / 8000)) for n in range(8000, 24000)]\n\
        def off(at, s): return max(abs(a - b) for a, b in zip(left[at + s:at + s + 800], tone[at:at + 800]))\n\
        best = [min(off(at, s) for s in range(0, 640)) for at in range(1600, 14400, 800)]\n\
        assert sum(one <= 128 for one in best) >= 12, best\n";
    let said = Command::new("python3").args(["-c", program]).arg(&file).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn rfc_7845_an_opus_file_is_found_to_be_in_order() {
    let (_studio, file) = record(Format::Opus, [Codec::Pcma, Codec::Opus]);
    let said = Command::new("opusinfo").arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && !text.contains("WARNING"), "{text}");
    for expected in ["Channels: 2", "Original sample rate: 16000 Hz", "Playback length: 0m:02."] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let mut packets = ogg::PacketReader::new(fs::File::open(&file).unwrap());
    let mut count = 0;
    let mut latest = 0;
    while let Some(packet) = packets.read_packet().unwrap() {
        (count, latest) = (count + 1, packet.absgp_page());
    }
    assert_eq!((count, latest), (2 + 103, 103 * 960), "two headers and a packet for each frame");
}

#[test]
fn what_is_missing_is_silence_and_the_rest_stays_where_it_was() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.order(recorder::Order::Settled);
    studio.begin(&about);
    studio.talk(&about, [Codec::Pcma; 2], 1_000, 2_000);
    studio.talk(&about, [Codec::Pcma; 2], 5_000, 6_000);
    studio.end(&about, 7_000);
    let (opened, file) = studio.open(&studio.finished(&about));
    assert_eq!(opened.progress.frames, 353);
    let (left, right, hz) = listen(&file);
    for (sound, tone) in [(&left, CALLER_HZ), (&right, CALLEE_HZ)] {
        assert_eq!(peak(sound, hz, 0, 1_000), 0.0, "nobody has spoken yet");
        assert!(purity(sound, hz, tone, 1_150, 1_950) > 0.95);
        // The jitter buffer makes up something for a lost packet or two, fading out; a second on there is nothing.
        assert_eq!(peak(sound, hz, 3_300, 5_000), 0.0);
        assert!(purity(sound, hz, tone, 5_200, 5_950) > 0.95);
    }
}
