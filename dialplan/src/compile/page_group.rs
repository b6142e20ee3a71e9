//! Page groups of extensions, on their way into a plan.

use std::sync::Arc;

use contract::snapshot;

use super::Compiler;
use crate::{
    diagnostic::{Problem, Row},
    plan::PageGroup,
};

impl Compiler<'_> {
    /// An extension's page group.
    pub(super) fn page_group(&mut self, extension: &snapshot::Extension) -> Option<Arc<PageGroup>> {
        let group = extension.page_group.as_ref()?;
        let row = Row::PageGroup(group.id);
        if !self.page_group_ids.insert(group.id) {
            self.wrong(row, "id", Problem::Taken);
        }
        if extension.conference.is_some() || extension.queue.is_some() {
            self.wrong(row, "extension", Problem::OfSeveralKinds);
        }
        Some(Arc::new(PageGroup {
            id: group.id,
            extension: extension.id,
            number: extension.number.as_str().into(),
            is_duplex: group.is_duplex,
        }))
    }
}
