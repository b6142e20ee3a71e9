//! Ogg pages with Opus in them (RFC 3533, RFC 7845): the headers, and pages that each hold whole packets.
//!
//! Written here because a recording that outlives the process goes on in the middle of a stream, with a page number and
//! a position that libraries which only begin streams cannot be given. Tests read it with the crate `ogg` and opus-tools.

/// Who made it, for whoever looks (RFC 7845 §5.2).
const VENDOR: &[u8] = b"sambung";
const VENDOR_BYTES: u32 = 7;
/// Header type flags (RFC 3533 §6).
const BEGINS: u8 = 0x02;
const ENDS: u8 = 0x04;
/// Where the checksum of a page stands.
const CRC_AT: usize = 22;
/// Lacing values of one page.
const SEGMENTS_MAX: usize = 255;
/// Positions are counted at 48 kHz whatever was recorded (RFC 7845 §4).
pub const POSITIONS_PER_MS: u64 = 48;
/// Pages of the two headers.
pub const HEADER_PAGES: u32 = 2;

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Tells the stream from others.
    pub serial: u32,
    /// The number of the next page.
    pub page: u32,
}

/// The two header pages. `delay` is the encoder's, in positions: a player leaves so much out at the beginning.
pub fn headers(serial: u32, channels: u8, rate_hz: u32, delay: u16) -> Vec<u8> {
    let mut head = Vec::from(b"OpusHead\x01");
    head.push(channels);
    head.extend_from_slice(&delay.to_le_bytes());
    head.extend_from_slice(&rate_hz.to_le_bytes());
    // No gain; channel mapping family 0: left, right.
    head.extend_from_slice(&[0, 0, 0]);
    let mut tags = Vec::from(b"OpusTags");
    tags.extend_from_slice(&VENDOR_BYTES.to_le_bytes());
    tags.extend_from_slice(VENDOR);
    tags.extend_from_slice(&0_u32.to_le_bytes());
    let mut pages = Vec::new();
    page(Place { serial, page: 0 }, BEGINS, 0, &[&head], &mut pages);
    page(Place { serial, page: 1 }, 0, 0, &[&tags], &mut pages);
    pages
}

/// A page of whole packets; `position` is that after the last of them. Packets that find no room are left out, which
/// the five of a page never are.
pub fn sound(place: Place, position: u64, is_last: bool, packets: &[&[u8]], out: &mut Vec<u8>) {
    page(place, if is_last { ENDS } else { 0 }, position, packets, out);
}

fn page(place: Place, flags: u8, position: u64, packets: &[&[u8]], out: &mut Vec<u8>) {
    let start = out.len();
    let mut lacing: Vec<u8> = Vec::with_capacity(SEGMENTS_MAX);
    for packet in packets {
        lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        lacing.push(u8::try_from(packet.len() % 255).unwrap_or(0));
    }
    let Ok(segments) = u8::try_from(lacing.len()) else { return };
    out.extend_from_slice(b"OggS\0");
    out.push(flags);
    out.extend_from_slice(&position.to_le_bytes());
    out.extend_from_slice(&place.serial.to_le_bytes());
    out.extend_from_slice(&place.page.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push(segments);
    out.extend_from_slice(&lacing);
    packets.iter().for_each(|packet| out.extend_from_slice(packet));
    let crc = checksum(out.get(start..).unwrap_or_default()).to_le_bytes();
    if let Some(room) = out.get_mut(start + CRC_AT..start + CRC_AT + 4) {
        room.copy_from_slice(&crc);
    }
}

/// RFC 3533 §6: the polynomial of Ethernet, neither reflected nor inverted.
fn checksum(octets: &[u8]) -> u32 {
    octets.iter().fold(0_u32, |crc, octet| {
        let at = (crc >> 24) ^ u32::from(*octet);
        (crc << 8) ^ usize::try_from(at).ok().and_then(|at| TABLE.get(at)).copied().unwrap_or(0)
    })
}

static TABLE: [u32; 256] = table();

#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and would not go on")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    let mut octet = 0_u32;
    while at < 256 {
        let mut crc = octet << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04c1_1db7 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
        octet += 1;
    }
    table
}
