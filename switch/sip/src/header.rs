//! Header field names: one enum value for each header the switch reads, with its spelling, compact form
//! (RFC 3261 §7.3.3) and shape.
//!
//! Names are compared without regard to case. A header that is not in the table is [`HeaderName::Other`]; its
//! text stays in the message. The look-up is a fixed hash table built at compile time, because it runs once per
//! header line.

use std::fmt;

/// How the values of a header are laid out on its lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// May stand once in a message; a second line is an error (RFC 3261 §7.3.1).
    Once,
    /// Comma-separated values over any number of lines.
    List,
    /// One value a line, commas belong to the value (credentials, dates, free text).
    Line,
}

macro_rules! headers {
    ($( $variant:ident $text:literal $compact:literal $shape:ident; )*) => {
        /// A header field name.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum HeaderName {
            $( #[doc = concat!("`", $text, "`")] $variant, )*
            /// Any name that is not in this table.
            Other,
        }

        /// Names in the order of the enum: spelling, compact form (empty if none), shape.
        const TABLE: [(&str, &str, Shape, HeaderName); COUNT] =
            [$( ($text, $compact, Shape::$shape, HeaderName::$variant), )*];
    };
}

/// How many names the table holds.
pub(crate) const COUNT: usize = HeaderName::Other as usize;

headers! {
    Via                   "Via"                    "v" List;
    From                  "From"                   "f" Once;
    To                    "To"                     "t" Once;
    CallId                "Call-ID"                "i" Once;
    CSeq                  "CSeq"                   ""  Once;
    MaxForwards           "Max-Forwards"           ""  Once;
    Contact               "Contact"                "m" List;
    Route                 "Route"                  ""  List;
    RecordRoute           "Record-Route"           ""  List;
    Path                  "Path"                   ""  List;
    ServiceRoute          "Service-Route"          ""  List;
    Expires               "Expires"                ""  Once;
    MinExpires            "Min-Expires"            ""  Once;
    Authorization         "Authorization"          ""  Line;
    ProxyAuthorization    "Proxy-Authorization"    ""  Line;
    WwwAuthenticate       "WWW-Authenticate"       ""  Line;
    ProxyAuthenticate     "Proxy-Authenticate"     ""  Line;
    AuthenticationInfo    "Authentication-Info"    ""  Line;
    ContentType           "Content-Type"           "c" Once;
    // Equal repetitions are harmless, differing ones are refused by the parser (parse/head.rs).
    ContentLength         "Content-Length"         "l" Line;
    ContentEncoding       "Content-Encoding"       "e" List;
    ContentDisposition    "Content-Disposition"    ""  Once;
    ContentLanguage       "Content-Language"       ""  List;
    MimeVersion           "MIME-Version"           ""  Line;
    Require               "Require"                ""  List;
    ProxyRequire          "Proxy-Require"          ""  List;
    Supported             "Supported"              "k" List;
    Unsupported           "Unsupported"            ""  List;
    Allow                 "Allow"                  ""  List;
    AllowEvents           "Allow-Events"           "u" List;
    Accept                "Accept"                 ""  List;
    AcceptEncoding        "Accept-Encoding"        ""  List;
    AcceptLanguage        "Accept-Language"        ""  List;
    AcceptContact         "Accept-Contact"         "a" List;
    RejectContact         "Reject-Contact"         "j" List;
    RequestDisposition    "Request-Disposition"    "d" List;
    UserAgent             "User-Agent"             ""  Line;
    Server                "Server"                 ""  Line;
    Organization          "Organization"           ""  Line;
    Subject               "Subject"                "s" Line;
    Priority              "Priority"               ""  Line;
    Reason                "Reason"                 ""  List;
    RetryAfter            "Retry-After"            ""  Line;
    Warning               "Warning"                ""  List;
    Timestamp             "Timestamp"              ""  Line;
    Date                  "Date"                   ""  Line;
    AlertInfo             "Alert-Info"             ""  List;
    CallInfo              "Call-Info"              ""  List;
    ErrorInfo             "Error-Info"             ""  List;
    InReplyTo             "In-Reply-To"            ""  List;
    ReplyTo               "Reply-To"               ""  Line;
    Event                 "Event"                  "o" Once;
    SubscriptionState     "Subscription-State"     ""  Once;
    SipEtag               "SIP-ETag"               ""  Once;
    SipIfMatch            "SIP-If-Match"           ""  Once;
    ReferTo               "Refer-To"               "r" Once;
    ReferredBy            "Referred-By"            "b" Once;
    ReferSub              "Refer-Sub"              ""  Line;
    TargetDialog          "Target-Dialog"          ""  Line;
    Replaces              "Replaces"               ""  Once;
    Join                  "Join"                   ""  Once;
    RAck                  "RAck"                   ""  Once;
    RSeq                  "RSeq"                   ""  Once;
    SessionExpires        "Session-Expires"        "x" Once;
    MinSe                 "Min-SE"                 ""  Once;
    Identity              "Identity"               "y" List;
    Privacy               "Privacy"                ""  Line;
    PAssertedIdentity     "P-Asserted-Identity"    ""  List;
    PPreferredIdentity    "P-Preferred-Identity"   ""  List;
    RemotePartyId         "Remote-Party-ID"        ""  List;
    Diversion             "Diversion"              ""  List;
    HistoryInfo           "History-Info"           ""  List;
    MaxBreadth            "Max-Breadth"            ""  Line;
    InfoPackage           "Info-Package"           ""  Once;
    RecvInfo              "Recv-Info"              ""  List;
}

impl HeaderName {
    /// The header that `text` names: any case, long or compact form.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// As [`HeaderName::of`], for a line that has not been proved to be UTF-8 yet.
    #[must_use]
    pub(crate) fn of_bytes(name: &[u8]) -> Self {
        let mut slot = hash(name);
        loop {
            match entry(slot) {
                None => return Self::Other,
                Some((text, found)) if text.as_bytes().eq_ignore_ascii_case(name) => return found,
                Some(_) => slot = slot.wrapping_add(1),
            }
        }
    }

    /// The spelling to write; `""` for [`HeaderName::Other`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |row| row.0)
    }

    /// Whether one line may hold several values separated by commas.
    #[must_use]
    pub fn is_list(self) -> bool {
        self.shape() == Shape::List
    }

    /// Whether a second line of this name makes a message invalid (RFC 3261 §7.3.1, §20).
    #[must_use]
    pub fn is_single(self) -> bool {
        self.shape() == Shape::Once
    }

    /// This name as a bit, for sets of names; 0 for [`HeaderName::Other`].
    pub(crate) const fn bit(self) -> u128 {
        if matches!(self, Self::Other) { 0 } else { 1 << (self as u8) }
    }

    fn shape(self) -> Shape {
        // An unknown header may be of any grammar, so its line is left whole.
        TABLE.get(self as usize).map_or(Shape::Line, |row| row.2)
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The names that may stand only once, as a set of bits.
#[expect(clippy::indexing_slicing, reason = "runs at compile time only")]
pub(crate) const SINGLE: u128 = {
    let mut set = 0;
    let mut at = 0;
    while at < COUNT {
        if matches!(TABLE[at].2, Shape::Once) {
            set |= TABLE[at].3.bit();
        }
        at += 1;
    }
    set
};

/// Open-addressed table: value 0 is empty, otherwise 1 + 2 × row (+ 1 for the compact form).
static SLOTS: [u8; 256] = slots();

/// Length, first and last letter without case: enough to keep probe chains at one or two.
const fn hash(name: &[u8]) -> u8 {
    match (name.first(), name.last()) {
        (Some(first), Some(last)) => {
            let mix = (*first | 0x20) as usize * 5 + (*last | 0x20) as usize * 41 + name.len() * 23;
            let [low, ..] = mix.to_le_bytes();
            low
        }
        _ => 0,
    }
}

fn entry(slot: u8) -> Option<(&'static str, HeaderName)> {
    let code = SLOTS.get(usize::from(slot)).copied()?.checked_sub(1)?;
    let row = TABLE.get(usize::from(code / 2))?;
    Some((if code % 2 == 0 { row.0 } else { row.1 }, row.3))
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "runs at compile time only")]
const fn slots() -> [u8; 256] {
    let mut table = [0_u8; 256];
    let mut code = 0;
    while code < 2 * COUNT {
        let row = &TABLE[code / 2];
        let text = if code % 2 == 0 { row.0 } else { row.1 };
        if !text.is_empty() {
            let mut slot = hash(text.as_bytes());
            while table[slot as usize] != 0 {
                slot = slot.wrapping_add(1);
            }
            table[slot as usize] = code as u8 + 1;
        }
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_finds_its_header() {
        for (text, compact, _, name) in TABLE {
            for spelling in
                [text.to_owned(), text.to_lowercase(), text.to_uppercase(), compact.to_uppercase()]
            {
                if !spelling.is_empty() {
                    assert_eq!(HeaderName::of(&spelling), name, "{spelling}");
                }
            }
            assert_eq!(TABLE[name as usize].3, name, "the table is in the order of the enum");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_another_header() {
        for text in ["", "Vi", "Viaa", "X-Via", "z", "Content_Length", "\u{212a}"] {
            assert_eq!(HeaderName::of(text), HeaderName::Other, "{text}");
        }
        assert_eq!((HeaderName::Other.as_str(), HeaderName::Other.bit()), ("", 0));
    }

    /// The look-up runs for every header line: a crowded table would be slow, a full one would never end.
    #[test]
    fn probe_chains_are_short() {
        let longest = SLOTS.split(|code| *code == 0).map(<[u8]>::len).max().unwrap();
        assert!(longest <= 8, "{longest}");
        let names = TABLE.iter().map(|row| 1 + usize::from(!row.1.is_empty())).sum::<usize>();
        assert_eq!(SLOTS.iter().filter(|code| **code != 0).count(), names);
    }
}
