//! The `dialog` package (RFC 4235): whether somebody is on the phone, for busy lamps.
//!
//! A document is full while it is short: many phones light a lamp by the dialogs they find in the last document and
//! forget those it leaves out. Only where the dialogs are many does a change bring just itself (`partial`). Nothing
//! can be lost between two of them: each waits for the answer to the one before.

use std::collections::BTreeMap;

use contract::{availability::Person, id::CallId};
use quick_xml::Writer;
use sip::Body;

use super::{
    board::LampBoard,
    document::{self, Written},
};
use crate::call::lamps::{Direction, Lamp, Stage, Watched};

pub(super) const CONTENT_TYPE: &str = "application/dialog-info+xml";
const NAMESPACE: &str = "urn:ietf:params:xml:ns:dialog-info";

/// Dialogs of a change that is still told by a full document.
const FULL_DIALOGS_MAX: usize = 4;
/// Dialogs in any document; of more the oldest are told. A lamp is lit by any one of them.
const DIALOGS_MAX: usize = 16;

/// What one watcher has been told of one number.
#[derive(Debug)]
pub(super) struct DialogInfo {
    pub(super) watched: Watched,
    /// The URI that was subscribed to.
    entity: String,
    /// Of the next document; grows by one with each (RFC 4235 §4.1).
    version: u32,
    told: BTreeMap<CallId, Lamp>,
}

impl DialogInfo {
    pub(super) fn new(watched: Watched, entity: String) -> Self {
        Self { watched, entity, version: 0, told: BTreeMap::new() }
    }

    /// The next document. Who does not want to be disturbed is shown as one who talks, by a dialog that is nobody's: its id is
    /// the person's.
    pub(super) fn body(
        &mut self,
        is_full: bool,
        board: &LampBoard,
        undisturbed: Option<Person>,
    ) -> Option<Body> {
        let lamp = Lamp { direction: Direction::Recipient, stage: Stage::Confirmed };
        let id = undisturbed.map(|person| CallId(person.uuid()));
        let calls = board.of(self.watched).take(DIALOGS_MAX);
        let now: BTreeMap<CallId, Lamp> = calls.chain(id.map(|id| (id, lamp))).collect();
        let ended: Vec<(CallId, Lamp)> = self
            .told
            .iter()
            .filter(|(call, _)| !now.contains_key(call))
            .map(|(call, lamp)| (*call, *lamp))
            .collect();
        let is_full = is_full || now.len() + ended.len() <= FULL_DIALOGS_MAX;
        let live = now.iter().filter(|(call, lamp)| is_full || self.told.get(call) != Some(lamp));
        let dialogs: Vec<(CallId, Lamp, &str)> = live
            .map(|(call, lamp)| (*call, *lamp, word(lamp.stage)))
            .chain(ended.iter().map(|(call, lamp)| (*call, *lamp, "terminated")))
            .collect();
        let document = document::write(CONTENT_TYPE, |writer| self.write(writer, is_full, &dialogs));
        self.version = self.version.wrapping_add(1);
        self.told = now;
        document
    }

    fn write(
        &self,
        writer: &mut Writer<Vec<u8>>,
        is_full: bool,
        dialogs: &[(CallId, Lamp, &str)],
    ) -> Written {
        writer
            .create_element("dialog-info")
            .with_attribute(("xmlns", NAMESPACE))
            .with_attribute(("version", &*self.version.to_string()))
            .with_attribute(("state", if is_full { "full" } else { "partial" }))
            .with_attribute(("entity", &*self.entity))
            .write_inner_content(|writer| {
                for (call, lamp, state) in dialogs {
                    let direction = match lamp.direction {
                        Direction::Initiator => "initiator",
                        Direction::Recipient => "recipient",
                    };
                    writer
                        .create_element("dialog")
                        .with_attribute(("id", &*call.to_string()))
                        .with_attribute(("direction", direction))
                        .write_inner_content(|writer| document::text(writer, "state", state))?;
                }
                Ok(())
            })?;
        Ok(())
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Trying => "trying",
        Stage::Early => "early",
        Stage::Confirmed => "confirmed",
    }
}

#[cfg(test)]
mod tests {
    use contract::id::ExtensionId;
    use uuid::Uuid;

    use super::*;
    use crate::call::lamps::Lamps;

    const TEAM: Watched = Watched::Extension(ExtensionId(Uuid::from_u128(1)));

    fn set(board: &mut LampBoard, call: u128, stage: Option<Stage>) {
        let lamp = stage.map(|stage| (TEAM, Lamp { direction: Direction::Recipient, stage }));
        board.saw(CallId(Uuid::from_u128(call)), Lamps::from_iter(lamp));
    }

    /// `version state` of a document and `call:state` of its dialogs.
    fn check(info: &mut DialogInfo, is_full: bool, board: &LampBoard, head: &str, dialogs: &[&str]) {
        let body = info.body(is_full, board, None).unwrap();
        let text = String::from_utf8(body.bytes.to_vec()).unwrap();
        let attribute = |text: &str, name: &str| {
            let from = text.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            text[from..].split('"').next().unwrap().to_owned()
        };
        let after = &text[text.find("<dialog-info").unwrap()..];
        assert_eq!(format!("{} {}", attribute(after, "version"), attribute(after, "state")), head, "{text}");
        let found: Vec<String> = text
            .split("<dialog ")
            .skip(1)
            .map(|dialog| {
                let id = Uuid::parse_str(&attribute(dialog, "id")).unwrap().as_u128();
                let state = dialog.split("<state>").nth(1).unwrap().split('<').next().unwrap();
                format!("{id}:{state}")
            })
            .collect();
        assert_eq!(found, dialogs, "{text}");
    }

    #[test]
    fn rfc_4235_4_1_a_short_list_is_told_whole_and_ends_once() {
        let mut board = LampBoard::default();
        let mut info = DialogInfo::new(TEAM, String::from("sip:100@x"));
        check(&mut info, true, &board, "0 full", &[]);
        set(&mut board, 1, Some(Stage::Early));
        check(&mut info, false, &board, "1 full", &["1:early"]);
        set(&mut board, 2, Some(Stage::Trying));
        set(&mut board, 1, Some(Stage::Confirmed));
        check(&mut info, false, &board, "2 full", &["1:confirmed", "2:trying"]);
        set(&mut board, 1, None);
        check(&mut info, false, &board, "3 full", &["2:trying", "1:terminated"]);
        check(&mut info, true, &board, "4 full", &["2:trying"]);
    }

    #[test]
    fn rfc_4235_4_1_of_a_long_list_only_changes_are_told() {
        let mut board = LampBoard::default();
        let mut info = DialogInfo::new(TEAM, String::from("sip:100@x"));
        for call in 1..=5 {
            set(&mut board, call, Some(Stage::Confirmed));
        }
        check(
            &mut info,
            true,
            &board,
            "0 full",
            &["1:confirmed", "2:confirmed", "3:confirmed", "4:confirmed", "5:confirmed"],
        );
        set(&mut board, 2, None);
        set(&mut board, 6, Some(Stage::Trying));
        check(&mut info, false, &board, "1 partial", &["6:trying", "2:terminated"]);
        for call in 7..=30 {
            set(&mut board, call, Some(Stage::Confirmed));
        }
        let body = info.body(true, &board, None).unwrap();
        assert_eq!(String::from_utf8_lossy(&body.bytes).matches("<dialog ").count(), DIALOGS_MAX);
    }
}
