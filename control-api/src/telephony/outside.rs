//! What is wrong with a way to the telephone network looked at alone, as the compiler of plans finds it: so there are no rules here
//! that could come to differ from the switch's. What it names in other rows is looked at when it is among them.

use contract::{
    id::OrgId,
    language::Language,
    outside::Outside,
    snapshot::{Organisation, RecordingPolicy, Snapshot, default_timezone},
};
use dialplan::{Diagnostic, Problem};
use uuid::Uuid;

use crate::http::error::FieldError;

/// What the compiler says of these rows, but for what is not among them.
pub(super) fn diagnostics(outside: Outside) -> Vec<Diagnostic> {
    let alone = Organisation {
        id: OrgId(Uuid::nil()),
        sip_domain: "alone.invalid".to_owned(),
        is_default: false,
        ring_timeout_secs: 60,
        language: Language::default(),
        has_announcements: true,
        recording: RecordingPolicy::default(),
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: default_timezone(),
        holidays: Vec::new(),
        outside,
        staff: Vec::new(),
        extensions: Vec::new(),
        accounts: Vec::new(),
    };
    let wrong = dialplan::compile(&Snapshot { revision: 0, organisations: vec![alone] }).err();
    wrong.into_iter().flatten().filter(|one| one.problem != Problem::Dangling).collect()
}

/// The same for one who fills in a form, with the reason that `reasons` has for a field.
pub(super) fn mistakes<'a>(
    outside: Outside,
    reasons: &'a [(&'static str, &'static str)],
) -> impl Iterator<Item = FieldError> + 'a {
    diagnostics(outside).into_iter().map(|one| FieldError::new(one.field, reason(&one, reasons)))
}

/// What `field` must be.
pub(super) fn reason(one: &Diagnostic, reasons: &[(&'static str, &'static str)]) -> String {
    let known = reasons.iter().find(|(field, _)| *field == one.field);
    known.map_or_else(|| one.problem.to_string(), |(_, reason)| (*reason).to_owned())
}
