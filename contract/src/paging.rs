//! Page groups as rows have them. What they come to is `dialplan`'s and the switch's business.

use serde::{Deserialize, Serialize};

use crate::id::PageGroupId;

/// Phones of an extension's people that all hear whoever dials it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageGroup {
    /// Its id.
    pub id: PageGroupId,
    /// Whether they are heard too.
    pub is_duplex: bool,
}

impl PageGroup {
    /// One that only listens, as the columns of `telephony.page_groups` have it.
    pub fn plain(id: PageGroupId) -> Self {
        Self { id, is_duplex: false }
    }
}
