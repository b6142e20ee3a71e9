//! Mailboxes of `[[staff]]` in a description, and where their messages are mailed.

use contract::{language::Language, snapshot::Mailbox};

use crate::organisation::{
    mailboxes::Mails,
    reader::{At, Reader, Section},
};

/// The longest local part and the longest address (RFC 5321 §4.5.3.1).
const LOCAL_BYTES_MAX: usize = 64;
const ADDRESS_BYTES_MAX: usize = 254;

/// What is said of a mailbox, besides that there is one.
const OF_MAILBOX: [&str; 3] = ["voicemail_greeting", "voicemail_messages_max", "voicemail_secs_max"];
/// Where it is mailed, and how.
const ADDRESS: &str = "voicemail_email";
const OF_MAILS: [&str; 3] = ["voicemail_email_sound", "voicemail_email_delete", "voicemail_email_language"];

/// The mailbox of a person, with `voicemail = true`, and the mails about it, with `voicemail_email`.
pub(super) fn mailbox<'a>(
    reader: &mut Reader<'a>,
    section: &mut Section<'a>,
) -> Option<(Mailbox, Option<Mails>)> {
    let is_on = section.flag(reader, "voicemail", false);
    let of_mails = section.first_of(reader, &OF_MAILS);
    let of_mailbox = section.first_of(reader, &[&OF_MAILBOX[..], &[ADDRESS], &OF_MAILS].concat());
    if let (false, Some(line)) = (is_on, of_mailbox) {
        reader.wrong(line, section.key("voicemail"), "is not true: without it there is no mailbox");
    } else if let (false, Some(line)) = (section.has(ADDRESS), of_mails) {
        reader.wrong(line, section.key(ADDRESS), "is missing: without it nothing is mailed");
    }
    let greeting = section.text(reader, "voicemail_greeting");
    let messages = section.number(reader, "voicemail_messages_max");
    let seconds = section.number(reader, "voicemail_secs_max");
    let mails = mails(reader, section);
    if !is_on {
        return None;
    }
    let common = Mailbox::default();
    // Out of range either way is for the compiler to say.
    let limit =
        |given: Option<At<i64>>, common| given.map_or(common, |at| u16::try_from(at.value).unwrap_or(0));
    let mailbox = Mailbox {
        greeting: greeting.map(|greeting| greeting.value),
        messages_max: limit(messages, common.messages_max),
        message_secs_max: limit(seconds, common.message_secs_max),
    };
    Some((mailbox, mails))
}

fn mails<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> Option<Mails> {
    let address = section.text(reader, ADDRESS);
    let has_sound = section.flag(reader, "voicemail_email_sound", true);
    let is_deleted = section.flag(reader, "voicemail_email_delete", false);
    let language = section.text(reader, "voicemail_email_language");
    let address = address?;
    if !is_address(&address.value) {
        let reason = "expected an e-mail address such as \"sari@example.com\"";
        reader.wrong(address.line, section.key(ADDRESS), reason);
    }
    if is_deleted && !has_sound {
        let reason = "would delete what nobody has heard: voicemail_email_sound is false";
        reader.wrong(address.line, section.key("voicemail_email_delete"), reason);
    }
    let known = language.as_ref().and_then(|language| Language::of(&language.value));
    if let (Some(language), None) = (&language, known) {
        reader.wrong(language.line, section.key("voicemail_email_language"), "expected \"id\" or \"en\"");
    }
    Some(Mails { has_sound, is_deleted, language: known, ..Mails::to(address.value) })
}

/// As `telephony.voicemail_boxes` keeps them: RFC 5321's Mailbox without quoted parts and literals.
fn is_address(text: &str) -> bool {
    let is_local = |local: &str| {
        let is_atom = |atom: &str| {
            !atom.is_empty()
                && atom
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
        };
        local.len() <= LOCAL_BYTES_MAX && local.split('.').all(is_atom)
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let parts = text.split_once('@');
    text.len() <= ADDRESS_BYTES_MAX
        && parts.is_some_and(|(local, domain)| is_local(local) && domain.split('.').all(is_label))
}
