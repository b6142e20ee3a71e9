//! WAV: 16-bit samples, two channels, 8 kHz (Microsoft's RIFF WAVE, format 1). Every player, editor and transcriber reads it.
//!
//! A recording is written in one go and never looked back at, so its header states the longest length there is, as
//! programs do that write to a pipe; [`state_length`] makes it exact when the recording is opened.

/// Octets of the header, and where its two lengths stand.
pub const HEADER_BYTES: usize = 44;
const RIFF_LENGTH_AT: usize = 4;
const DATA_LENGTH_AT: usize = 40;
const CHANNELS: u16 = 2;
const SAMPLE_BYTES: u16 = 2;
/// Lengths that are not known.
const UNKNOWN: u32 = u32::MAX;

/// The header of a file whose length is not known yet.
pub fn header(rate_hz: u32) -> [u8; HEADER_BYTES] {
    let frame_bytes = CHANNELS * SAMPLE_BYTES;
    let mut header = [0; HEADER_BYTES];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &UNKNOWN.to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        // PCM
        &1_u16.to_le_bytes(),
        &CHANNELS.to_le_bytes(),
        &rate_hz.to_le_bytes(),
        &(rate_hz * u32::from(frame_bytes)).to_le_bytes(),
        &frame_bytes.to_le_bytes(),
        &(SAMPLE_BYTES * 8).to_le_bytes(),
        b"data",
        &UNKNOWN.to_le_bytes(),
    ];
    header.iter_mut().zip(fields.into_iter().flatten()).for_each(|(place, octet)| *place = *octet);
    header
}

/// What has to be written where in a file of so many octets, header included, that begins so; nothing if it is no WAV of
/// ours. Sound beyond 4 GiB cannot be stated and is left to players that look at the file's own length.
pub fn state_length(beginning: &[u8], file_bytes: u64) -> Vec<(u64, [u8; 4])> {
    if beginning.get(..4) != Some(b"RIFF") || file_bytes < HEADER_BYTES as u64 {
        return Vec::new();
    }
    let stated = |before: usize| {
        let length = u32::try_from(file_bytes - before as u64).unwrap_or(UNKNOWN);
        length.to_le_bytes()
    };
    vec![
        (RIFF_LENGTH_AT as u64, stated(RIFF_LENGTH_AT + 4)),
        (DATA_LENGTH_AT as u64, stated(DATA_LENGTH_AT + 4)),
    ]
}

/// Left and right in turns, as octets.
pub fn interleave(left: &[i16], right: &[i16], out: &mut Vec<u8>) {
    for (left, right) in left.iter().zip(right) {
        out.extend_from_slice(&left.to_le_bytes());
        out.extend_from_slice(&right.to_le_bytes());
    }
}
