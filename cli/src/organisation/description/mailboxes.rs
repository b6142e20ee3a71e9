//! Mailboxes of `[[staff]]` in a description, and where their messages are mailed.

use contract::{language::Language, snapshot::Mailbox};

use crate::organisation::{
    mailboxes::Mails,
    reader::{At, Reader, Section},
};

/// The longest local part and the longest address (RFC 5321 §4.5.3.1).
const LOCAL_BYTES_MAX: usize = 64;
const ADDRESS_BYTES_MAX: usize = 254;

/// The mailbox of a person, with `voicemail = true`, and the mails about it, with `voicemail_email`.
pub(super) fn mailbox<'a>(
    reader: &mut Reader<'a>,
    section: &mut Section<'a>,
) -> Option<(Mailbox, Option<Mails>)> {
    let is_on = section.flag(reader, "voicemail", false);
    let greeting = section.text(reader, "voicemail_greeting");
    let messages = section.number(reader, "voicemail_messages_max");
    let seconds = section.number(reader, "voicemail_secs_max");
    let (address_line, mails) = mails(reader, section);
    if !is_on {
        let lines = [
            greeting.as_ref().map(|at| at.line),
            messages.map(|at| at.line),
            seconds.map(|at| at.line),
            address_line,
        ];
        if let Some(line) = lines.into_iter().flatten().next() {
            reader.wrong(line, section.key("voicemail"), "is not true: without it there is no mailbox");
        }
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

/// The line of the address, and what it comes to.
fn mails<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> (Option<usize>, Option<Mails>) {
    let address = section.text(reader, "voicemail_email");
    let has_sound = section.flag(reader, "voicemail_email_sound", true);
    let is_deleted = section.flag(reader, "voicemail_email_delete", false);
    let language = section.text(reader, "voicemail_email_language");
    let Some(address) = address else {
        if let Some(language) = language {
            reader.wrong(
                language.line,
                section.key("voicemail_email"),
                "is missing: without it nothing is mailed",
            );
        }
        return (None, None);
    };
    if !is_address(&address.value) {
        let reason = "expected an e-mail address such as \"sari@example.com\"";
        reader.wrong(address.line, section.key("voicemail_email"), reason);
    }
    if is_deleted && !has_sound {
        let reason = "would delete what nobody has heard: voicemail_email_sound is false";
        reader.wrong(address.line, section.key("voicemail_email_delete"), reason);
    }
    let known = language.as_ref().and_then(|language| Language::of(&language.value));
    if let (Some(language), None) = (&language, known) {
        reader.wrong(language.line, section.key("voicemail_email_language"), "expected \"id\" or \"en\"");
    }
    let mails = Mails { has_sound, is_deleted, language: known, ..Mails::to(address.value) };
    (Some(address.line), Some(mails))
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
