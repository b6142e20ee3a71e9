//! A phone's own session descriptions (RFC 8866) and its side of offer/answer (RFC 3264).
//!
//! Writes one audio line, sometimes a video line, and reads what the switch wrote with the checks a strict
//! phone makes: as many m-lines as were offered, an o= line that changes exactly when the rest does.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use streams::codec::Codec;

/// Who may send, seen from the writer (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    SendRecv,
    /// The writer only.
    SendOnly,
    /// The other side only.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    const ALL: [(Direction, &'static str); 4] = [
        (Self::SendRecv, "sendrecv"),
        (Self::SendOnly, "sendonly"),
        (Self::RecvOnly, "recvonly"),
        (Self::Inactive, "inactive"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(own, _)| *own == self).map_or("sendrecv", |(_, text)| text)
    }

    /// Whether the writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives; one that does not has put the other on hold.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// What to answer when the offer says `self` and we would like `wish` (RFC 3264 §6.1).
    fn answered_with(self, wish: Direction) -> Direction {
        match (self.receives() && wish.sends(), self.sends() && wish.receives()) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }
}

/// The codecs that a phone has: payload types and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech(&'static [(&'static str, &'static str)]);

impl Default for Speech {
    fn default() -> Self {
        Self(&[("0", "PCMU/8000"), ("8", "PCMA/8000")])
    }
}

impl Speech {
    const OTHERS: [Self; 3] = [
        Self(&[("8", "PCMA/8000")]),
        Self(&[("111", "opus/48000/2")]),
        Self(&[("107", "opus/48000/2"), ("9", "G722/8000")]),
    ];

    /// Of the phone with this number: one in four has the common ones, the others have what they have.
    pub fn of(phone: usize) -> Self {
        let other = (phone % 4).checked_sub(1).and_then(|other| Self::OTHERS.get(other));
        other.copied().unwrap_or_default()
    }

    fn numbers(self) -> String {
        self.0.iter().map(|(number, _)| *number).collect::<Vec<_>>().join(" ")
    }

    fn maps(self) -> String {
        self.0.iter().map(|(number, name)| format!("a=rtpmap:{number} {name}\r\n")).collect()
    }

    /// Whether it has told, or taken, this number for something it has.
    pub fn has(self, payload_type: u8, codec: Codec) -> bool {
        let (name, clock, channels) = codec.rtpmap();
        let channels = if channels == 1 { String::new() } else { format!("/{channels}") };
        let is_known = self.0.iter().any(|(_, own)| *own == format!("{name}/{clock}{channels}"));
        is_known && payload_type < 128
    }

    /// The first format of a line that it has.
    fn choice(self, line: &Line) -> Option<(String, &'static str)> {
        line.formats.iter().find_map(|number| {
            let said = line.maps.iter().find(|(of, _)| of == number).map(|(_, name)| name.as_str());
            let (_, name) = self.0.iter().find(|(_, own)| Some(*own) == said)?;
            Some((number.clone(), *name))
        })
    }
}

/// One m-line as heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `audio`, `video` …
    pub kind: String,
    /// Where it wants to be sent to; port 0 is a refused line.
    pub address: SocketAddr,
    /// As the writer sees it.
    pub direction: Direction,
    /// Payload types.
    pub formats: Vec<String>,
    /// Payload types with their names.
    maps: Vec<(String, String)>,
    profile: String,
}

/// A description as heard from the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    session: String,
    version: u64,
    /// m-lines in order.
    pub lines: Vec<Line>,
    body: String,
}

impl Heard {
    /// Reads a description.
    pub fn read(body: &str) -> Result<Self, String> {
        let mut origin = None;
        let mut common = (None, Direction::SendRecv);
        let mut lines: Vec<Line> = Vec::new();
        for text in body.split_terminator("\r\n") {
            let (key, value) = text.split_once('=').ok_or_else(|| format!("SDP line {text:?}"))?;
            match key {
                "o" => origin = Some(read_origin(value)?),
                "c" => {
                    let ip = read_connection(value)?;
                    match lines.last_mut() {
                        Some(line) => line.address.set_ip(ip),
                        None => common.0 = Some(ip),
                    }
                }
                "m" => lines.push(read_line(value, common)?),
                "a" if value.starts_with("rtpmap:") => {
                    let map = value.trim_start_matches("rtpmap:").split_once(' ');
                    if let (Some((number, name)), Some(line)) = (map, lines.last_mut()) {
                        line.maps.push((number.to_owned(), name.to_owned()));
                    }
                }
                "a" => {
                    let found = Direction::ALL.iter().find(|(_, word)| *word == value);
                    match (found, lines.last_mut()) {
                        (Some((direction, _)), Some(line)) => line.direction = *direction,
                        (Some((direction, _)), None) => common.1 = *direction,
                        (None, _) => {}
                    }
                }
                _ => {}
            }
        }
        let (session, version) = origin.ok_or("SDP without o=")?;
        Ok(Self { session, version, lines, body: body.to_owned() })
    }

    /// Checks RFC 3264 §8 against the one heard before on the same dialog.
    pub fn check_after(&self, before: &Heard) -> Result<(), String> {
        if self.session != before.session {
            return Err(format!("SDP session id changed from {} to {}", before.session, self.session));
        }
        let is_same_text = self.body == before.body;
        match (is_same_text, self.version.checked_sub(before.version)) {
            // §8 says "by one"; descriptions in between may have been lost or refused.
            (true, Some(0)) | (false, Some(1..)) => Ok(()),
            _ => Err(format!(
                "SDP version went from {} to {} while the text {}",
                before.version,
                self.version,
                if is_same_text { "stayed" } else { "changed" }
            )),
        }
    }

    /// What its audio line says of who sends.
    pub fn audio_direction(&self) -> Option<Direction> {
        self.lines.iter().find(|line| line.kind == "audio").map(|line| line.direction)
    }

    /// Where the audio goes.
    pub fn audio(&self) -> Option<SocketAddr> {
        self.lines
            .iter()
            .find(|line| line.kind == "audio" && line.address.port() != 0)
            .map(|line| line.address)
    }
}

fn read_origin(value: &str) -> Result<(String, u64), String> {
    let words: Vec<&str> = value.split(' ').collect();
    match words.as_slice() {
        [_, session, version, "IN", _, _] => {
            let number = version.parse().map_err(|_| format!("SDP version {version:?}"))?;
            Ok(((*session).to_owned(), number))
        }
        _ => Err(format!("o={value}")),
    }
}

fn read_connection(value: &str) -> Result<IpAddr, String> {
    let address = value.rsplit(' ').next().unwrap_or("");
    address.parse().map_err(|_| format!("c={value}"))
}

fn read_line(value: &str, (ip, direction): (Option<IpAddr>, Direction)) -> Result<Line, String> {
    let mut words = value.split(' ');
    let (kind, port, profile) = (words.next(), words.next(), words.next());
    let (Some(kind), Some(port), Some(profile)) = (kind, port, profile) else {
        return Err(format!("m={value}"));
    };
    let port = port.parse().map_err(|_| format!("m={value}"))?;
    let ip = ip.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    Ok(Line {
        kind: kind.to_owned(),
        address: SocketAddr::new(ip, port),
        direction,
        formats: words.map(str::to_owned).collect(),
        maps: Vec::new(),
        profile: profile.to_owned(),
    })
}

/// A phone's side of one call's media.
#[derive(Clone, Debug)]
pub struct Media {
    /// Where this call's audio is received: a port of its own for every call.
    pub address: SocketAddr,
    /// Whether a video line is offered beside audio.
    pub video: bool,
    /// What the phone can speak.
    pub speech: Speech,
    /// What the user wants at the moment; `SendOnly` while holding.
    pub wish: Direction,
    /// What our side of the last exchange that was completed says of audio.
    pub agreed: Direction,
    version: u64,
    text: String,
    offered: Option<usize>,
    /// Direction of the audio line in what we wrote last.
    written: Direction,
    heard: Option<Heard>,
}

impl Media {
    /// Media at an address.
    pub fn new(address: SocketAddr, video: bool, speech: Speech) -> Self {
        let (both, text) = (Direction::SendRecv, String::new());
        let (wish, agreed, written) = (both, both, both);
        Self { address, video, speech, wish, agreed, version: 0, text, offered: None, written, heard: None }
    }

    /// A description of what we would like.
    pub fn offer(&mut self) -> String {
        let direction = self.wish.as_str();
        let port = self.address.port();
        let mut lines = format!(
            "m=audio {port} RTP/AVP {} 101\r\n{}\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na={direction}\r\n",
            self.speech.numbers(),
            self.speech.maps()
        );
        if self.video {
            let _ = write!(
                lines,
                "m=video {} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na={direction}\r\n",
                port + 2
            );
        }
        self.offered = Some(1 + usize::from(self.video));
        self.written = self.wish;
        self.describe(&lines)
    }

    /// The answer to an offer that was heard before.
    fn answer(&mut self) -> Result<String, String> {
        let heard = self.heard.clone().ok_or("nothing was offered")?;
        let mut lines = String::new();
        for line in &heard.lines {
            let is_wanted =
                (line.kind == "audio" || (line.kind == "video" && self.video)) && line.address.port() != 0;
            if !is_wanted {
                let _ = write!(lines, "m={} 0 {} {}\r\n", line.kind, line.profile, line.formats.join(" "));
                continue;
            }
            let answered = line.direction.answered_with(self.wish);
            if line.kind == "audio" {
                self.agreed = answered;
            }
            let direction = answered.as_str();
            let port = self.address.port() + if line.kind == "video" { 2 } else { 0 };
            let chosen = if line.kind == "audio" {
                self.speech.choice(line)
            } else {
                line.formats.first().map(|format| (format.clone(), "H264/90000"))
            };
            let (format, rtpmap) =
                chosen.ok_or_else(|| format!("nothing that {:?} could be said in: {line:?}", self.speech))?;
            let _ = write!(
                lines,
                "m={} {port} {} {format}\r\na=rtpmap:{format} {rtpmap}\r\na={direction}\r\n",
                line.kind, line.profile
            );
        }
        Ok(self.describe(&lines))
    }

    fn describe(&mut self, lines: &str) -> String {
        if self.text != lines {
            self.version += 1;
            lines.clone_into(&mut self.text);
        }
        let (ip, version) = (self.address.ip(), self.version);
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let id = self.address.port();
        format!(
            "v=0\r\no=phone {id} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n{lines}"
        )
    }

    /// Hears an offer and answers it.
    pub fn answer_to(&mut self, body: &str) -> Result<String, String> {
        self.hear(body)?;
        self.answer()
    }

    /// Hears the answer to our offer.
    pub fn conclude(&mut self, body: &str) -> Result<(), String> {
        let lines = self.hear(body)?;
        match self.offered {
            Some(offered) if offered == lines => {
                self.agreed = self.written;
                Ok(())
            }
            offered => Err(format!("SDP answer has {lines} m-lines, offered were {offered:?}")),
        }
    }

    /// Hears an answer in a 1xx; one that an earlier 1xx has been overtaken by says nothing new.
    pub fn conclude_early(&mut self, body: &str) -> Result<(), String> {
        let version = Heard::read(body)?.version;
        let is_old = self.heard.as_ref().is_some_and(|before| version < before.version);
        if is_old { Ok(()) } else { self.conclude(body) }
    }

    fn hear(&mut self, body: &str) -> Result<usize, String> {
        let heard = Heard::read(body)?;
        let verdict = self.heard.as_ref().map_or(Ok(()), |before| heard.check_after(before));
        let lines = heard.lines.len();
        self.heard = Some(heard);
        verdict.map(|()| lines)
    }

    /// Where video is received, if it is.
    pub fn video_address(&self) -> Option<SocketAddr> {
        self.video.then(|| SocketAddr::new(self.address.ip(), self.address.port() + 2))
    }

    /// What was heard last.
    pub fn heard(&self) -> Option<&Heard> {
        self.heard.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_mirrors_the_lines_and_the_hold_of_its_offer() {
        // RFC 3264 §6, §8.4
        let mut caller = Media::new("192.0.2.1:4000".parse().unwrap(), true, Speech::default());
        let mut callee = Media::new("192.0.2.2:5000".parse().unwrap(), false, Speech::default());
        let answer = callee.answer_to(&caller.offer()).unwrap();
        caller.conclude(&answer).unwrap();
        assert_eq!(caller.heard().and_then(Heard::audio), Some(callee.address));
        caller.wish = Direction::SendOnly;
        let held = callee.answer_to(&caller.offer()).unwrap();
        assert!(held.contains("a=recvonly"), "{held}");
        caller.conclude(&held).unwrap();
        assert!(
            caller.conclude(&held.replace("a=recvonly", "a=inactive")).is_err(),
            "same version, other text"
        );
    }
}
