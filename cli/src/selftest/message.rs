//! SIP messages as the built-in phone reads them: enough for what a switch sends to a phone, and no parser for anything
//! else. It shares nothing with the switch's own, so that both cannot be wrong in the same way.

use anyhow::{Context as _, ensure};

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) start: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Message {
    /// Takes the first whole message off `bytes`; `None` when more is to come.
    pub(super) fn take(bytes: &mut Vec<u8>) -> anyhow::Result<Option<Self>> {
        // Keep-alives between messages (RFC 5626 §3.5.1).
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        bytes.drain(..blank);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let split = |line: &str| {
            line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        };
        let headers: Option<Vec<_>> = lines.map(split).collect();
        let mut message =
            Self { start, headers: headers.context("a header without a colon")?, body: String::new() };
        let length: usize = message.header("Content-Length").unwrap_or("0").parse()?;
        let Some(body) = bytes.get(end + 4..end + 4 + length) else { return Ok(None) };
        message.body = String::from_utf8_lossy(body).into_owned();
        bytes.drain(..end + 4 + length);
        Ok(Some(message))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The status of a response; `None` for a request.
    pub(super) fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method, of a response too.
    pub(super) fn method(&self) -> &str {
        self.header("CSeq").and_then(|cseq| cseq.split_ascii_whitespace().nth(1)).unwrap_or_default()
    }

    /// The URI of the Contact.
    pub(super) fn contact(&self) -> anyhow::Result<String> {
        let value = self.header("Contact").context("no Contact")?;
        let uri =
            value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value, |(uri, _)| uri);
        Ok(uri.to_owned())
    }

    /// Where the session description wants audio sent.
    pub(super) fn audio(&self) -> anyhow::Result<std::net::SocketAddr> {
        let line = |start: &str| self.body.lines().find_map(|line| line.strip_prefix(start));
        let ip = line("c=IN IP4 ").or_else(|| line("c=IN IP6 ")).context("no c= line")?.trim().parse()?;
        let port = line("m=audio ").and_then(|line| line.split(' ').next()).context("no audio")?.parse()?;
        ensure!(port != 0, "the audio was refused");
        Ok(std::net::SocketAddr::new(ip, port))
    }

    /// A parameter of the challenge (RFC 7616 §3.3).
    pub(super) fn challenge(&self, name: &str) -> Option<String> {
        let value = self.header("WWW-Authenticate")?.strip_prefix("Digest ")?;
        value.split(',').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_off_a_stream_as_they_become_whole() {
        let text = b"\r\n\r\nSIP/2.0 401 Unauthorized\r\nCSeq: 1 INVITE\r\nWWW-Authenticate: Digest realm=\"a b\", nonce=\"n\"\r\n\
            Content-Length: 2\r\n\r\nhiBYE sip:a SIP/2.0\r\n\r\n";
        let mut bytes = Vec::new();
        let mut seen = Vec::new();
        for byte in text {
            bytes.push(*byte);
            seen.extend(Message::take(&mut bytes).unwrap());
        }
        assert_eq!(
            (seen.len(), seen[0].body.as_str(), seen[1].start.as_str()),
            (2, "hi", "BYE sip:a SIP/2.0")
        );
        assert_eq!((seen[0].status(), seen[0].method(), seen[1].status()), (Some(401), "INVITE", None));
        assert_eq!(seen[0].challenge("realm").as_deref(), Some("a b"));
    }
}
