//! Writing the XML documents of the packages.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use sip::Body;

/// Writing to memory; it fails only where the XML would be wrong.
pub(super) type Written = io::Result<()>;

/// A document with its declaration.
pub(super) fn write(
    content_type: &'static str,
    content: impl FnOnce(&mut Writer<Vec<u8>>) -> Written,
) -> Option<Body> {
    let mut writer = Writer::new(Vec::with_capacity(512));
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).ok()?;
    content(&mut writer).ok()?;
    Some(Body::new(content_type, writer.into_inner()))
}

/// An element with text in it.
pub(super) fn text(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) -> Written {
    writer.create_element(name).write_text_content(BytesText::new(text))?;
    Ok(())
}

/// Text without the characters that XML 1.0 cannot hold at all.
pub(super) fn representable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}'))
        .collect()
}
