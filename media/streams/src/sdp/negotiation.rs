//! What a switch that transcodes offers in addition to another's formats, and answers in their place (RFC 3264 §5, §6).
//!
//! | line | told to the other side |
//! |---|---|
//! | of an offer | its formats under their numbers, then each codec of ours that it lacks, and events for their clocks |
//! | of an answer | what the one who offered has too, that way nothing is transcoded; and the events that were offered |
//! | of an answer, where the two have no speech in common | one codec of the one who offered that we can do, with its events |
//!
//! Only audio is touched, and only where the line has something that we can decode: G.729 alone passes as it is, and so does
//! every line when `codecs` is empty. Directions, addresses and keys are not looked at.

use std::collections::BTreeSet;

use sdp_types::{Attribute, Media};

use super::{Description, Format, Kind, Stream, format};
use crate::codec::Codec;

/// What we ask of whoever sends us Opus: redundancy against loss (RFC 7587 §6.1).
const OPUS_PARAMETERS: &str = "useinbandfec=1";
/// Events 0 to 15: the keys of a phone (RFC 4733 §2.4.1).
const EVENTS_PARAMETERS: &str = "0-15";
/// Numbers that most phones use for these.
const OPUS_PAYLOAD_TYPE: u8 = 111;
const EVENTS_PAYLOAD_TYPE: u8 = 101;
/// RFC 3551 §6: numbers without a meaning of their own.
const DYNAMIC_PAYLOAD_TYPES: std::ops::RangeInclusive<u8> = 96..=127;
/// Attributes that are about one payload type.
const OF_A_FORMAT: [&str; 3] = ["rtpmap", "fmtp", "rtcp-fb"];

impl Description {
    /// This as an offer to somebody else who can also be reached by these codecs of ours, in this order of preference.
    /// `known` is what that one has said last: a codec keeps its number within a session (RFC 3264 §8.3.2).
    pub fn widened(&self, codecs: &[Codec], known: Option<&Description>) -> Description {
        let mut wide = self.clone();
        if codecs.is_empty() {
            return wide;
        }
        let mut known = known.into_iter().flat_map(Description::streams);
        for (media, stream) in wide.0.medias.iter_mut().zip(self.streams()) {
            let known = known.next().map(|stream| stream.formats).unwrap_or_default();
            if stream.is_relayable() && stream.kind == Kind::Audio && speech(&stream, codecs).next().is_some()
            {
                widen(media, &stream.formats, codecs, &known);
            }
        }
        wide
    }

    /// This answer to `offer`, as the one who made that offer is told it.
    pub fn narrowed(&self, offer: &Description, codecs: &[Codec]) -> Description {
        let mut narrow = self.clone();
        if codecs.is_empty() {
            return narrow;
        }
        for ((media, answered), offered) in
            narrow.0.medias.iter_mut().zip(self.streams()).zip(offer.streams())
        {
            if answered.is_relayable() && answered.kind == Kind::Audio {
                narrow_line(media, &answered, &offered, codecs);
            }
        }
        narrow
    }

    /// Whether what this author can hear can be made of every audio line of `offer` that this answers, by taking a format
    /// of it or by turning one into another.
    pub fn can_be_told(&self, offer: &Description, codecs: &[Codec]) -> bool {
        let mut lines = self.streams().zip(offer.streams());
        lines.all(|(answered, offered)| {
            answered.kind != Kind::Audio
                || !answered.is_active()
                || common_speech(&answered, &offered).is_some()
                || choose(&answered, &offered, codecs).is_some()
        })
    }

    /// Whether this answer to `offer` takes a speech format of it in every audio line, so that nothing is transcoded.
    pub fn shares_speech(&self, offer: &Description) -> bool {
        let mut lines = self.streams().zip(offer.streams());
        lines.all(|(answered, offered)| {
            answered.kind != Kind::Audio
                || !answered.is_active()
                || common_speech(&answered, &offered).is_some()
        })
    }

    /// Whether this author, who answers `offer`, speaks first what the one who made it has been told in `told` already.
    pub fn speaks_as_told(&self, offer: &Description, told: &Description) -> bool {
        let mut lines = self.streams().zip(offer.streams().zip(told.streams()));
        lines.all(|(answered, (offered, told))| {
            answered.kind != Kind::Audio
                || !answered.is_active()
                || common_speech(&answered, &offered) == common_speech(&answered, &told)
        })
    }

    /// Whether one who has been told `told`, and this author, can hear each other as they are: lines and directions are
    /// the same, and so are the formats where we cannot turn one into the other.
    pub fn meets(&self, told: &Description, codecs: &[Codec]) -> bool {
        let mut lines = self.streams().zip(told.streams());
        self.0.medias.len() == told.0.medias.len()
            && lines.all(|(own, other)| {
                let is_alike = (own.kind, own.is_relayable()) == (other.kind, other.is_relayable());
                let is_same_way = own.direction == other.direction || !own.is_relayable();
                is_alike && is_same_way && (!own.is_relayable() || formats_meet(&own, &other, codecs))
            })
    }
}

fn formats_meet(own: &Stream, other: &Stream, codecs: &[Codec]) -> bool {
    let can_be_turned = |stream| speech(stream, codecs).next().is_some();
    match own.kind {
        Kind::Audio if can_be_turned(own) && can_be_turned(other) => true,
        _ => own.formats == other.formats,
    }
}

/// The codecs of a line that are among ours.
fn speech<'a>(stream: &'a Stream, codecs: &'a [Codec]) -> impl Iterator<Item = (&'a Format, Codec)> {
    let codec = |format: &'a Format| Some((format, format.codec()?));
    stream.formats.iter().filter_map(codec).filter(|(_, codec)| codecs.contains(codec))
}

fn common_speech<'a>(answered: &'a Stream, offered: &Stream) -> Option<&'a Format> {
    let is_offered = |format: &&Format| offered.formats.iter().any(|other| other.is_same(format));
    answered.formats.iter().filter(|format| format.is_speech()).find(is_offered)
}

/// Adds our codecs, and events for the clocks of all of them: keys can be said in another way than they were told.
fn widen(media: &mut Media, formats: &[Format], codecs: &[Codec], known: &[Format]) {
    let mut taken: BTreeSet<u8> = formats.iter().map(|format| format.payload_type).collect();
    let known_as =
        |is_it: &dyn Fn(&Format) -> bool| known.iter().find(|one| is_it(one)).map(|one| one.payload_type);
    let mut clocks: BTreeSet<u32> =
        formats.iter().filter_map(Format::codec).map(Codec::clock_rate_hz).collect();
    for codec in codecs {
        if formats.iter().any(|format| format.codec() == Some(*codec)) {
            continue;
        }
        let usual = codec.static_payload_type().unwrap_or(OPUS_PAYLOAD_TYPE);
        let before = known_as(&|format| format.codec() == Some(*codec));
        let Some(number) = draw(&mut taken, [before, Some(usual)]) else { return };
        clocks.insert(codec.clock_rate_hz());
        let (name, clock, channels) = codec.rtpmap();
        let channels = if channels == 1 { String::new() } else { format!("/{channels}") };
        let parameters = (*codec == Codec::Opus).then_some(OPUS_PARAMETERS);
        add(media, number, &format!("{name}/{clock}{channels}"), parameters);
    }
    let events = formats.iter().find(|format| format.is_events());
    let parameters = events.and_then(|events| events.parameters.as_deref()).unwrap_or(EVENTS_PARAMETERS);
    for clock in clocks {
        let is_events = |format: &Format| format.is_events() && format.clock_rate_hz == clock;
        if formats.iter().any(is_events) {
            continue;
        }
        let before = known_as(&is_events);
        let Some(number) = draw(&mut taken, [before, Some(EVENTS_PAYLOAD_TYPE)]) else { return };
        add(media, number, &format!("telephone-event/{clock}"), Some(parameters));
    }
}

/// A number that is free: one of the wanted ones, else one without a meaning of its own.
fn draw(taken: &mut BTreeSet<u8>, wanted: [Option<u8>; 2]) -> Option<u8> {
    let mut numbers = wanted.into_iter().flatten().chain(DYNAMIC_PAYLOAD_TYPES);
    numbers.find(|number| taken.insert(*number))
}

fn add(media: &mut Media, number: u8, rtpmap: &str, parameters: Option<&str>) {
    media.fmt.push_str(&format!(" {number}"));
    media.attributes.push(Attribute::with_value("rtpmap", format!("{number} {rtpmap}")));
    if let Some(parameters) = parameters {
        media.attributes.push(Attribute::with_value("fmtp", format!("{number} {parameters}")));
    }
}

fn narrow_line(media: &mut Media, answered: &Stream, offered: &Stream, codecs: &[Codec]) {
    if let Some(speech) = common_speech(answered, offered) {
        let is_common = |format: &&Format| offered.formats.iter().any(|other| other.is_same(format));
        let kept: Vec<&Format> = answered.formats.iter().filter(is_common).collect();
        let has_events = |formats: &[&Format]| formats.iter().any(|format| format.is_events());
        let lacks_events = !has_events(&kept) && self::speech(answered, codecs).next().is_some();
        if kept.len() < answered.formats.len() {
            keep(media, &kept);
        }
        // The events of another clock are turned into these, and these into whatever says a key there.
        let events = beside(speech, offered, Format::is_events).filter(|_| lacks_events);
        return events.into_iter().for_each(|events| add_again(media, events));
    }
    let Some((chosen, _)) = choose(answered, offered, codecs) else { return };
    keep(media, &[]);
    add_again(media, chosen);
    let has_noise = answered.formats.iter().any(Format::is_noise);
    let noise = beside(chosen, offered, Format::is_noise).filter(|_| has_noise);
    for format in beside(chosen, offered, Format::is_events).into_iter().chain(noise) {
        add_again(media, format);
    }
}

/// Of the formats offered that are of this kind, the one at the clock of this speech, else the first.
fn beside<'a>(speech: &Format, offered: &'a Stream, is_it: fn(&Format) -> bool) -> Option<&'a Format> {
    let mut same = offered.formats.iter().filter(|format| is_it(format)).peekable();
    let first = same.peek().copied();
    same.find(|format| format.clock_rate_hz == speech.clock_rate_hz).or(first)
}

/// Of the formats offered, the one to turn the answerer's speech into: the one whose sound has the same width, as a wider
/// one costs more and sounds no better, then by our preference.
fn choose<'a>(answered: &Stream, offered: &'a Stream, codecs: &[Codec]) -> Option<(&'a Format, Codec)> {
    let (_, theirs) = speech(answered, codecs).next()?;
    let place = |codec: Codec| codecs.iter().position(|one| *one == codec);
    let of_ours = offered.formats.iter().filter_map(|format| {
        let codec = format.codec().filter(|codec| codecs.contains(codec))?;
        Some((format, codec))
    });
    of_ours.min_by_key(|(_, codec)| (codec.rate() != theirs.rate(), place(*codec)))
}

/// Leaves only these formats in a line.
pub(super) fn keep(media: &mut Media, formats: &[&Format]) {
    let numbers: Vec<String> = formats.iter().map(|format| format.payload_type.to_string()).collect();
    media.fmt = numbers.join(" ");
    media.attributes.retain(|attribute| {
        let is_of_a_format = OF_A_FORMAT.iter().any(|name| attribute.attribute.eq_ignore_ascii_case(name));
        let number = attribute.value.as_deref().and_then(format::numbered).map(|(number, _)| number);
        // `a=rtcp-fb:*` is about all of them.
        !is_of_a_format || number.is_none_or(|number| formats.iter().any(|one| one.payload_type == number))
    });
}

/// A format as the one who offered it knows it, with what we ask of it.
pub(super) fn add_again(media: &mut Media, format: &Format) {
    let number = format.payload_type;
    let parameters = match format.codec() {
        Some(Codec::Opus) => Some(OPUS_PARAMETERS),
        Some(_) => None,
        None => format.parameters.as_deref(),
    };
    let channels = if format.channels == 1 { String::new() } else { format!("/{}", format.channels) };
    let name = format.encoding.as_deref().unwrap_or_default();
    add(media, number, &format!("{name}/{}{channels}", format.clock_rate_hz), parameters);
    media.fmt = media.fmt.trim_start().into();
}
