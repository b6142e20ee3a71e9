//! What a mail says, in Indonesian or English. Everything that people have written goes into it through `lettre`'s own types, so
//! that nobody's name becomes a header. No I/O.

use contract::{language::Language, time::Timestamp};
use jiff::tz::TimeZone;
use lettre::{
    Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

const MONTHS_ID: [&str; 12] = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A message, and where the mail about it goes.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    /// The message's id.
    pub(super) id: Uuid,
    /// Attempts, with this one.
    pub(super) attempts: i32,
    /// Where to; none when nothing is mailed any more.
    pub(super) address: Option<String>,
    pub(super) has_sound: bool,
    pub(super) is_deleted_when_mailed: bool,
    /// Somebody has deleted the message, or its sound is gone.
    pub(super) is_deleted: bool,
    pub(super) language: Language,
    /// The organisation's, by its IANA name.
    pub(super) timezone: String,
    pub(super) sip_domain: String,
    /// Whose mailbox it is.
    pub(super) owner: String,
    /// The owner's own, while they have one.
    pub(super) number: Option<String>,
    /// What the caller had dialled.
    pub(super) dialled: String,
    /// None: the caller did not want it shown.
    pub(super) caller_number: Option<String>,
    /// Of somebody of the organisation.
    pub(super) caller_name: Option<String>,
    pub(super) left_at: Timestamp,
    pub(super) length_ms: i64,
    /// `wav` or `opus`.
    pub(super) format: String,
    pub(super) storage_key: String,
    /// Octets of it in the store.
    pub(super) bytes: i64,
}

impl Notice {
    /// Why there is nothing to be sent, if so.
    pub(super) fn needless(&self) -> Option<&'static str> {
        match (&self.address, self.is_deleted) {
            (None, _) => Some("not_wanted"),
            (_, true) => Some("deleted"),
            _ => None,
        }
    }

    fn words<'a>(&self, indonesian: &'a str, english: &'a str) -> &'a str {
        match self.language {
            Language::Id => indonesian,
            Language::En => english,
        }
    }

    /// Who has left it, as a person reads it.
    fn caller(&self) -> String {
        match (&self.caller_name, &self.caller_number) {
            (Some(name), Some(number)) => format!("{name} ({number})"),
            (_, Some(number)) => number.clone(),
            (_, None) => self.words("nomor tersembunyi", "a hidden number").to_owned(),
        }
    }

    /// On the organisation's walls; by UTC where its zone is none.
    fn time(&self) -> String {
        let zone = TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC);
        let at = jiff::Timestamp::from_microsecond(self.left_at.0).unwrap_or_default().to_zoned(zone);
        let months = match self.language {
            Language::Id => MONTHS_ID,
            Language::En => MONTHS_EN,
        };
        let month = usize::try_from(at.month() - 1).ok().and_then(|month| months.get(month)).unwrap_or(&"");
        let clock = at.strftime(self.words("%H.%M %Z", "%H:%M %Z"));
        format!("{} {month} {}, {clock}", at.day(), at.year())
    }

    fn length(&self) -> String {
        let secs = (self.length_ms.max(0) + 500) / 1_000;
        format!("{}:{:02}", secs / 60, secs % 60)
    }
}

/// The sound of a message, for its mail.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Sound {
    /// The mailbox is not set to send it.
    NotWanted,
    /// Here it is, unlocked.
    Attached(Vec<u8>),
    /// It is larger than a mail may be, by our limit or the server's.
    TooLarge,
    /// There is nobody to unlock it, or it is in the store no more.
    Missing,
}

/// The whole mail; `None` where an address is none.
pub(super) fn compose(notice: &Notice, sound: Sound, from: &Mailbox) -> Option<Message> {
    let to = Mailbox::new(None, notice.address.as_ref()?.parse().ok()?);
    let subject = format!(
        "{} {}, {}",
        notice.words("Pesan suara dari", "Voice message from"),
        notice.caller(),
        notice.length()
    );
    // A server's own answer to an answer would go round for ever (RFC 3834).
    let automatic =
        HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let mail = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(one_line(&subject))
        .message_id(Some(format!("<{}@{}>", notice.id, notice.sip_domain)))
        .raw_header(automatic);
    let text = SinglePart::plain(text(notice, &sound));
    let mail = match sound {
        Sound::Attached(octets) => {
            mail.multipart(MultiPart::mixed().singlepart(text).singlepart(attached(notice, octets)?))
        }
        _ => mail.singlepart(text),
    };
    mail.ok()
}

fn attached(notice: &Notice, octets: Vec<u8>) -> Option<SinglePart> {
    let (kind, end) = if notice.format == "wav" { ("audio/wav", "wav") } else { ("audio/ogg", "ogg") };
    let name = format!("{}.{end}", notice.words("pesan", "message"));
    Some(Attachment::new(name).body(octets, ContentType::parse(kind).ok()?))
}

fn text(notice: &Notice, sound: &Sound) -> String {
    let mut owner = notice.owner.clone();
    if let Some(number) = &notice.number {
        owner.push_str(&format!(" ({number})"));
    }
    let lines = [
        (notice.words("Untuk", "For"), owner),
        (notice.words("Dari", "From"), notice.caller()),
        (notice.words("Menghubungi", "Dialled"), notice.dialled.clone()),
        (notice.words("Waktu", "Time"), notice.time()),
        (notice.words("Durasi", "Length"), notice.length()),
    ];
    let lines: String = lines.iter().map(|(word, what)| format!("{word}: {}\n", one_line(what))).collect();
    let listen =
        notice.words("Tekan *97 di telepon Anda untuk mendengarnya.", "Dial *97 on your phone to hear it.");
    let rest = match sound {
        Sound::Attached(_) if notice.is_deleted_when_mailed => notice
            .words(
                "Rekamannya terlampir; di kotak suara pesan ini sudah dihapus.",
                "The recording is attached; the message has been deleted from your mailbox.",
            )
            .to_owned(),
        Sound::Attached(_) => notice.words("Rekamannya terlampir.", "The recording is attached.").to_owned(),
        Sound::NotWanted => listen.to_owned(),
        Sound::TooLarge => format!(
            "{} {listen}",
            notice.words("Rekamannya terlalu besar untuk dikirim.", "The recording is too large for a mail.")
        ),
        Sound::Missing => format!(
            "{} {listen}",
            notice.words("Rekamannya tidak dapat dilampirkan.", "The recording could not be attached.")
        ),
    };
    let heading = notice.words("Ada pesan suara baru.", "There is a new voice message.");
    format!("{heading}\n\n{lines}\n{rest}\n")
}

/// What people have written, without what would begin another line.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            id: Uuid::from_u128(7),
            attempts: 1,
            address: Some("sari@example.test".to_owned()),
            has_sound: true,
            is_deleted_when_mailed: false,
            is_deleted: false,
            language: Language::En,
            timezone: "Asia/Jakarta".to_owned(),
            sip_domain: "demo.sambung.test".to_owned(),
            owner: "Sari".to_owned(),
            number: Some("1001".to_owned()),
            dialled: "100".to_owned(),
            caller_number: Some("1002".to_owned()),
            caller_name: Some("Budi".to_owned()),
            // 2026-11-21T23:59:30Z
            left_at: Timestamp(1_795_305_570_000_000),
            length_ms: 61_600,
            format: "wav".to_owned(),
            storage_key: "key".to_owned(),
            bytes: 1,
        }
    }

    fn mail(notice: &Notice, sound: Sound) -> Option<String> {
        let from = "sambung <sambung@example.test>".parse().unwrap();
        compose(notice, sound, &from).map(|mail| String::from_utf8(mail.formatted()).unwrap())
    }

    #[test]
    fn it_says_who_when_and_how_long_in_either_language() {
        let english = mail(&notice(), Sound::NotWanted).unwrap();
        for wanted in [
            "To: sari@example.test\r\n",
            "Subject: Voice message from Budi (1002), 1:02\r\n",
            "Message-ID: <00000000-0000-0000-0000-000000000007@demo.sambung.test>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "For: Sari (1001)\r\n",
            "Dialled: 100\r\n",
            "Time: 22 November 2026, 06:59 WIB\r\n",
            "Length: 1:02\r\n",
            "Dial *97",
        ] {
            assert!(english.contains(wanted), "{wanted} in {english}");
        }
        let hidden = Notice {
            language: Language::Id,
            timezone: "nowhere".to_owned(),
            caller_number: None,
            caller_name: None,
            ..notice()
        };
        let indonesian = mail(&hidden, Sound::TooLarge).unwrap();
        for wanted in
            ["Dari: nomor tersembunyi\r\n", "Waktu: 21 November 2026, 23.59 UTC\r\n", "terlalu besar"]
        {
            assert!(indonesian.contains(wanted), "{wanted} in {indonesian}");
        }
    }

    #[test]
    fn nobody_s_name_becomes_a_header() {
        let evil = "Budi\r\nBcc: victim@example.test\r\n\r\nBuy";
        let written =
            mail(&Notice { caller_name: Some(evil.to_owned()), ..notice() }, Sound::NotWanted).unwrap();
        let head = written.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("\r\nBcc:"), "{head}");
        for address in ["sari@example.test\r\nBcc: victim@example.test", "a@b, c@d", "nobody", ""] {
            let to = Notice { address: Some(address.to_owned()), ..notice() };
            assert_eq!(mail(&to, Sound::NotWanted), None, "{address:?}");
        }
    }

    #[test]
    fn what_is_not_wanted_or_deleted_is_needless() {
        assert_eq!(notice().needless(), None);
        assert_eq!(Notice { address: None, ..notice() }.needless(), Some("not_wanted"));
        assert_eq!(Notice { is_deleted: true, ..notice() }.needless(), Some("deleted"));
    }
}
