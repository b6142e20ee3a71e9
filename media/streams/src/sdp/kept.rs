//! A description at rest: nothing but its text.
//!
//! A call lasts for minutes or hours, and what its sides have said is looked at when one of them says something new. Until
//! then the text is a fifth of what the same description takes when it is read.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Description;

/// What somebody has said, kept for later.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept(Box<[u8]>);

/// As the description: keys are not shown.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl Kept {
    /// Keeps a description.
    pub fn of(description: &Description) -> Self {
        Self(description.to_bytes().into_boxed_slice())
    }

    /// The description. `None` only for an image that is not ours: what is kept was read once before.
    pub fn read(&self) -> Option<Description> {
        Description::parse(&self.0).ok()
    }
}
