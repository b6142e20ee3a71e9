//! What the switch says when it is the other side itself: an echo, an announcement, a mailbox.
//!
//! One audio line with one codec is all it takes of an offer; further lines are refused. What is written here has no
//! address and no keys: [`Description::relayed`] gives it those of a lease.

use sdp_types::{Attribute, Media, Session};

use super::{Description, Direction, Format, Kind, Stream, negotiation, relayed};
use crate::codec::Codec;

/// Codecs of an offer of our own.
const OFFERED: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];
/// An m-line in use must not have 0; a lease's port takes its place.
const ANY_PORT: u16 = 9;

impl Description {
    /// Our answer to this offer: the first audio line that has a codec of ours, with the one that its author wants most.
    /// `None`: it has nothing that we can speak.
    pub fn own_answer(&self) -> Option<Description> {
        let mut is_taken = false;
        let mut answer = Session { connection: None, attributes: Vec::new(), ..(*self.0).clone() };
        for (media, stream) in answer.medias.iter_mut().zip(self.streams()) {
            let chosen = own_format(&stream).filter(|_| !is_taken);
            *media = match chosen {
                Some((format, codec)) => spoken(media, &stream, format, codec),
                None => relayed::refused(media),
            };
            is_taken |= chosen.is_some();
        }
        is_taken.then(|| Description(Box::new(answer)))
    }

    /// Our offer to somebody who wants us to make one. G.711 μ-law comes first, which whoever cannot choose can do.
    pub fn own_offer() -> Option<Description> {
        let audio = format!(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio {ANY_PORT} RTP/AVP 0 101\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        );
        let narrow = Description::parse(audio.as_bytes()).ok()?;
        Some(narrow.widened(&OFFERED, None))
    }
}

fn own_format(stream: &Stream) -> Option<(&Format, Codec)> {
    let formats = stream.formats.iter().filter(|_| stream.is_relayable() && stream.kind == Kind::Audio);
    formats.filter_map(|format| Some((format, format.codec()?))).next()
}

fn spoken(offered: &Media, stream: &Stream, format: &Format, codec: Codec) -> Media {
    let mut media = Media { connections: Vec::new(), ..offered.clone() };
    negotiation::keep(&mut media, &[]);
    negotiation::add_again(&mut media, format);
    // RFC 4733 §2.1 wants those of the codec's clock; some phones have Opus and events of 8 kHz alone, and send these.
    let events = || stream.formats.iter().filter(|one| one.is_events());
    let own_clock = events().find(|one| one.clock_rate_hz == codec.clock_rate_hz());
    own_clock
        .or_else(|| events().next())
        .into_iter()
        .for_each(|events| negotiation::add_again(&mut media, events));
    let way = Direction::of(stream.direction.receives(), stream.direction.sends());
    media.attributes.retain(|attribute| Direction::named(&attribute.attribute).is_none());
    media.attributes.push(Attribute::new(way.as_str()));
    media
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str, expected: Option<&str>) {
        let text =
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n{lines}");
        let offer = Description::parse(text.as_bytes()).unwrap();
        let answer = offer.own_answer();
        assert!(answer.iter().all(|answer| answer.answers(&offer)), "{answer:?}");
        let shown = answer.map(|answer| {
            let line = |stream: Stream| {
                let formats: Vec<String> = stream.formats.iter().map(ToString::to_string).collect();
                format!("{} {} {}", stream.port != 0, stream.direction.as_str(), formats.join(" "))
            };
            answer.streams().map(line).collect::<Vec<_>>().join("; ")
        });
        assert_eq!(shown.as_deref(), expected, "{lines}");
    }

    #[test]
    fn one_codec_of_the_offer_is_taken_and_one_line() {
        check(
            "m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n",
            Some("true recvonly PCMA/8000 telephone-event/8000"),
        );
        check(
            "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 4000 RTP/AVP 111 0\r\n\
             a=rtpmap:111 opus/48000/2\r\nm=audio 4004 RTP/AVP 0\r\n",
            Some("false sendrecv 96; true sendrecv opus/48000; false sendrecv PCMU/8000"),
        );
        check("m=audio 4000 RTP/AVP 18\r\n", None);
        check("m=audio 0 RTP/AVP 0\r\n", None);
    }

    /// A phone with Opus could press no key.
    #[test]
    fn events_of_another_clock_are_taken_where_there_are_none_of_the_codecs() {
        let opus = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
        check(
            &format!("m=audio 4000 RTP/AVP 111 101\r\n{opus}"),
            Some("true sendrecv opus/48000 telephone-event/8000"),
        );
        check(
            &format!("m=audio 4000 RTP/AVP 111 101 102\r\n{opus}a=rtpmap:102 telephone-event/48000\r\n"),
            Some("true sendrecv opus/48000 telephone-event/48000"),
        );
    }

    #[test]
    fn an_offer_of_our_own_has_all_that_we_speak() {
        let offer = Description::own_offer().unwrap();
        let formats: Vec<String> =
            offer.streams().flat_map(|stream| stream.formats).map(|one| one.to_string()).collect();
        assert_eq!(
            formats.join(" "),
            "PCMU/8000 telephone-event/8000 opus/48000 G722/8000 PCMA/8000 telephone-event/48000"
        );
    }
}
