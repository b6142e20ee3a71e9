//! Page groups of extensions, by names: as they are compared and written.

pub(crate) mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Rows, description::Description};
use crate::database::new_id;

/// An extension whose people's phones all hear whoever dials it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageGroup {
    pub(crate) id: Uuid,
    pub(crate) is_duplex: bool,
}

/// The rows that `description` asks for, with the ids of those there are.
pub(super) fn rows(
    description: &Description,
    current: Option<&Rows>,
) -> anyhow::Result<BTreeMap<String, PageGroup>> {
    let mut groups = BTreeMap::new();
    for described in &description.page_groups {
        let Some(extension) = description.extensions.get(described.extension) else { continue };
        let number = extension.number.value.clone();
        let known = current.and_then(|rows| rows.page_groups.get(&number));
        let id = known.map_or_else(new_id, |known| Ok(known.id))?;
        groups.insert(number, PageGroup { id, is_duplex: described.is_duplex });
    }
    Ok(groups)
}
