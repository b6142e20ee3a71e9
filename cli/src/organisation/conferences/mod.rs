//! Conferences of extensions, by names: as they are compared and written.

pub(crate) mod store;

use std::collections::BTreeMap;

use contract::conferences::Pin;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Rows, description::Description};
use crate::database::new_id;

/// The room that callers of an extension come into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conference {
    pub(crate) id: Uuid,
    /// None: nobody has to press one.
    pub(crate) pin: Option<Pin>,
    pub(crate) members_max: u16,
    pub(crate) has_tones: bool,
}

/// The rows that `description` asks for, with the ids of those there are. `wrong` takes the line, the key and the reason of
/// what is missing.
pub(super) fn rows(
    description: &Description,
    current: Option<&Rows>,
    mut wrong: impl FnMut(usize, &str, String),
) -> anyhow::Result<BTreeMap<String, Conference>> {
    let mut conferences = BTreeMap::new();
    for described in &description.conferences {
        let Some(extension) = description.extensions.get(described.extension) else { continue };
        let number = extension.number.value.clone();
        let known = current.and_then(|rows| rows.conferences.get(&number));
        let kept = known.and_then(|known| known.pin.clone());
        let pin = described.pin.clone().or(kept).filter(|_| described.has_pin);
        if described.has_pin && pin.is_none() {
            let reason = "there is no PIN yet: name the file that holds it".to_owned();
            wrong(described.line, "conference.pin_file", reason);
        }
        let conference = Conference {
            id: known.map_or_else(new_id, |known| Ok(known.id))?,
            pin,
            members_max: described.members_max,
            has_tones: described.has_tones,
        };
        conferences.insert(number, conference);
    }
    Ok(conferences)
}
