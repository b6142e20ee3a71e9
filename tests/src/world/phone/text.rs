//! A SIP message as a phone sees it: a start line, lines, a body (RFC 3261 §7).
//!
//! Slow and simple on purpose, and sharing nothing with the switch's parser: what both read alike was not
//! read alike because they are the same code.

use std::fmt::Write as _;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// `METHOD uri SIP/2.0`
    Request {
        /// Upper case.
        method: String,
        /// Request-URI.
        uri: String,
    },
    /// `SIP/2.0 status reason`
    Response {
        /// 100 … 699.
        status: u16,
        /// Any text.
        reason: String,
    },
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The first line.
    pub start: Start,
    /// In order, names in full as written by whoever sent them, compact names spelled out.
    pub headers: Vec<(String, String)>,
    /// May be empty.
    pub body: String,
}

/// Habits of writing that RFC 3261 §7.3 allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accent {
    /// `v:` instead of `Via:` (§7.3.3).
    pub compact: bool,
    /// Long values continue on the next line (§7.3.1).
    pub folded: bool,
    /// Header names in lower case.
    pub lower_case: bool,
    /// White space around the colon.
    pub spaced: bool,
}

const COMPACT: [(&str, &str); 10] = [
    ("v", "Via"),
    ("f", "From"),
    ("t", "To"),
    ("i", "Call-ID"),
    ("m", "Contact"),
    ("l", "Content-Length"),
    ("c", "Content-Type"),
    ("k", "Supported"),
    ("s", "Subject"),
    ("o", "Event"),
];

impl Text {
    /// A request without headers.
    pub fn request(method: &str, uri: &str) -> Self {
        Self {
            start: Start::Request { method: method.to_owned(), uri: uri.to_owned() },
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// The answer to `request`, with what RFC 3261 §8.2.6.2 copies.
    pub fn answer(request: &Text, status: u16, reason: &str, tag: Option<&str>) -> Self {
        let mut answer = Self {
            start: Start::Response { status, reason: reason.to_owned() },
            headers: Vec::new(),
            body: String::new(),
        };
        for name in ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"] {
            for value in request.all(name) {
                let tagless = name == "To" && parameter(value, "tag").is_none();
                match tag.filter(|_| tagless) {
                    Some(tag) => answer.add(name, format!("{value};tag={tag}")),
                    None => answer.add(name, value),
                }
            }
        }
        answer
    }

    /// Appends a header.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Sets the body and its type.
    pub fn with_body(&mut self, content_type: &str, body: String) {
        self.add("Content-Type", content_type);
        self.body = body;
    }

    /// The method of a request, or that in a response's CSeq.
    pub fn method(&self) -> &str {
        match &self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => self.cseq().1,
        }
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status),
        }
    }

    /// The Request-URI, empty for a response.
    pub fn uri(&self) -> &str {
        match &self.start {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => "",
        }
    }

    /// The first header of that name.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All headers of that name.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.headers
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The members of a list header, over all its lines, split at commas outside quotes and brackets.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let mut members = Vec::new();
        for line in self.all(name) {
            let (mut start, mut is_quoted, mut depth) = (0, false, 0_i32);
            for (at, letter) in line.char_indices() {
                match letter {
                    '"' => is_quoted = !is_quoted,
                    '<' => depth += 1,
                    '>' => depth -= 1,
                    ',' if !is_quoted && depth == 0 => {
                        members.push(line[start..at].trim());
                        start = at + 1;
                    }
                    _ => {}
                }
            }
            members.push(line[start..].trim());
        }
        members
    }

    /// Call-ID, or nothing.
    pub fn call_id(&self) -> &str {
        self.one("Call-ID").unwrap_or("")
    }

    /// CSeq number and method; 0 and nothing when there is none.
    pub fn cseq(&self) -> (u32, &str) {
        let value = self.one("CSeq").unwrap_or("");
        let (number, method) = value.trim().split_once(' ').unwrap_or(("0", ""));
        (number.parse().unwrap_or(0), method.trim())
    }

    /// Branch of the topmost Via.
    pub fn branch(&self) -> &str {
        self.one("Via").and_then(|via| parameter(via, "branch")).unwrap_or("")
    }

    /// Tag of From or To.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.one(name).and_then(|value| parameter(value, "tag"))
    }

    /// Reads one datagram.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no empty line")?;
        let mut lines = head.split("\r\n");
        let start = read_start(lines.next().unwrap_or(""))?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if let (true, Some(last)) = (line.starts_with([' ', '\t']), headers.last_mut()) {
                last.1.push(' ');
                last.1.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| format!("no colon in {line:?}"))?;
            let name = name.trim_end();
            let full = COMPACT.iter().find(|(short, _)| name.eq_ignore_ascii_case(short));
            headers.push((full.map_or(name, |(_, full)| full).to_owned(), value.trim().to_owned()));
        }
        let message = Self { start, headers, body: body.to_owned() };
        match message.one("Content-Length").map(str::parse::<usize>) {
            Some(Ok(length)) if length == body.len() => Ok(message),
            Some(_) => Err(format!("Content-Length is not the body's {} bytes", body.len())),
            None => Err("no Content-Length".to_owned()),
        }
    }

    /// Writes it, Content-Length included.
    pub fn write(&self, accent: Accent) -> Vec<u8> {
        let mut out = match &self.start {
            Start::Request { method, uri } => format!("{method} {uri} SIP/2.0\r\n"),
            Start::Response { status, reason } => format!("SIP/2.0 {status} {reason}\r\n"),
        };
        for (name, value) in &self.headers {
            write_header(&mut out, accent, name, value);
        }
        write_header(&mut out, accent, "Content-Length", &self.body.len().to_string());
        out.push_str("\r\n");
        out.push_str(&self.body);
        out.into_bytes()
    }
}

fn read_start(line: &str) -> Result<Start, String> {
    let mut words = line.splitn(3, ' ');
    let (first, second, third) = (words.next(), words.next(), words.next());
    match (first, second, third) {
        (Some("SIP/2.0"), Some(status), Some(reason)) => {
            let status = status.parse().map_err(|_| format!("status {status:?}"))?;
            Ok(Start::Response { status, reason: reason.to_owned() })
        }
        (Some(method), Some(uri), Some("SIP/2.0")) => {
            Ok(Start::Request { method: method.to_owned(), uri: uri.to_owned() })
        }
        _ => Err(format!("start line {line:?}")),
    }
}

fn write_header(out: &mut String, accent: Accent, name: &str, value: &str) {
    let short = COMPACT.iter().find(|(_, full)| accent.compact && *full == name).map(|(short, _)| *short);
    let name = short.unwrap_or(name);
    let name = if accent.lower_case { name.to_ascii_lowercase() } else { name.to_owned() };
    let colon = if accent.spaced { " : " } else { ": " };
    // Not inside a quoted string, and not inside the brackets of a URI.
    let start = value.find('>').unwrap_or(0);
    let value = match value[start..].find(';').filter(|_| accent.folded && !value.contains('"')) {
        Some(at) => format!("{}\r\n {}", &value[..start + at], &value[start + at..]),
        None => value.to_owned(),
    };
    let _ = write!(out, "{name}{colon}{value}\r\n");
}

/// The URI of a name-addr or addr-spec.
pub fn uri_of(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(""),
        None => value.split(';').next().unwrap_or("").trim(),
    }
}

/// A parameter of the header value (not of the URI in angle brackets).
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let after = value.rsplit_once('>').map_or(value, |(_, after)| after);
    after.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// `user`, `host[:port]` of a SIP URI.
pub fn user_and_host(uri: &str) -> (&str, &str) {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.split([';', '?']).next().unwrap_or("");
    rest.split_once('@').unwrap_or(("", rest))
}

/// Cuts a byte stream into messages by Content-Length (RFC 3261 §18.3); returns what is complete.
pub fn cut_stream(buffer: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    loop {
        let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        buffer.drain(..blank);
        let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { break };
        let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
        let length = text.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let name = name.trim();
            let is_length = name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("l");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        let end = head + 4 + length.unwrap_or(0);
        if buffer.len() < end {
            break;
        }
        messages.push(buffer.drain(..end).collect());
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_any_accent_is_read_back() {
        let mut text = Text::request("INVITE", "sip:100@demo.test");
        text.add("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx;rport");
        text.add("To", "<sip:100@demo.test;transport=udp>;tag=t");
        text.add("CSeq", "7 INVITE");
        text.with_body("application/sdp", "v=0\r\n".to_owned());
        for accent in [
            Accent::default(),
            Accent { compact: true, folded: true, ..Accent::default() },
            Accent { lower_case: true, spaced: true, folded: true, compact: false },
        ] {
            let again = Text::read(&text.write(accent)).unwrap();
            assert_eq!(
                (again.branch(), again.tag("To"), again.cseq()),
                ("z9hG4bKx", Some("t"), (7, "INVITE"))
            );
            assert_eq!(again.body, text.body);
        }
        let mut stream = [b"\r\n\r\n".to_vec(), text.write(Accent::default()), b"OPT".to_vec()].concat();
        assert_eq!(cut_stream(&mut stream).len(), 1);
        assert_eq!(stream, b"OPT");
    }
}
