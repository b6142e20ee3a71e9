//! Page groups in a description.

use contract::{id::PageGroupId, paging};

use super::{Description, Extension, id, rules};
use crate::organisation::reader::Reader;

/// `[[page_group]]`
#[derive(Debug)]
pub(crate) struct PageGroup {
    pub(crate) line: usize,
    /// A place among the extensions.
    pub(crate) extension: usize,
    pub(crate) is_duplex: bool,
}

pub(super) const KEYS: &str = "extension and duplex";

/// All `[[page_group]]`.
pub(super) fn page_groups<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    extensions: &[Extension],
) -> Vec<PageGroup> {
    let mut all: Vec<PageGroup> = Vec::new();
    for mut section in reader.tables(root, "page_group") {
        let line = section.line;
        let of = section.required(reader, "extension");
        let extension =
            of.as_ref().and_then(|of| rules::extension(reader, "page_group.extension", of, extensions));
        let plain = paging::PageGroup::plain(PageGroupId(id(0)));
        let is_duplex = section.flag(reader, "duplex", plain.is_duplex);
        section.finish(reader, KEYS);
        let Some((extension, of)) = extension.zip(of) else { continue };
        if let Some(other) = all.iter().find(|other| other.extension == extension) {
            let reason = format!("is a page group already, in line {}", other.line);
            reader.wrong(of.line, "page_group.extension", reason);
        }
        all.push(PageGroup { line, extension, is_duplex });
    }
    all
}

/// Where a page group stands in the file.
pub(super) fn line(description: &Description, id: PageGroupId) -> usize {
    let extension = super::place(id.0);
    let found = description.page_groups.iter().find(|group| group.extension == extension);
    found.map_or(1, |group| group.line)
}

/// The page group of an extension, by its place; its id is made of that.
pub(super) fn of(description: &Description, extension: usize) -> Option<paging::PageGroup> {
    let group = description.page_groups.iter().find(|group| group.extension == extension)?;
    Some(paging::PageGroup { id: PageGroupId(id(extension)), is_duplex: group.is_duplex })
}
