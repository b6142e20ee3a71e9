//! How often strangers may look, enter and call: many of them may sit behind one address, so that one's share is more than one of them
//! needs, and less than what would wear out an organisation.

use std::{net::IpAddr, num::NonZeroU32};

use contract::id::OrgId;
use uuid::Uuid;

use crate::http::{
    error::ApiError,
    rate::{Allowance, Counted},
    source::Source,
};

/// Looks at organisations that a source has at first, and at most; thirty more come back each minute.
pub const LOOKS_MAX: u32 = 60;
/// Entries of a source at first, and at most; six more come back each minute.
pub const ENTRIES_MAX: u32 = 30;
/// Entries into an organisation at first, and at most, from wherever; 120 more come back each minute.
pub const ORGANISATION_ENTRIES_MAX: u32 = 600;
/// Passes of a guest at first, and at most; two more come back each minute.
pub const GUEST_PASSES_MAX: u32 = 5;
/// Passes of a source at first, and at most; ten more come back each minute.
pub const PASSES_MAX: u32 = 30;
/// Passes of an organisation at first, and at most, to whomever; 120 more come back each minute.
pub const ORGANISATION_PASSES_MAX: u32 = 600;

/// All counts.
#[derive(Debug)]
pub struct Rates {
    looks: Counted<IpAddr>,
    entries: Counted<IpAddr>,
    organisation_entries: Counted<OrgId>,
    guest_passes: Counted<Uuid>,
    passes: Counted<IpAddr>,
    organisation_passes: Counted<OrgId>,
}

impl Default for Rates {
    fn default() -> Self {
        let allowance = |burst, per_minute| {
            let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
            Allowance { per_minute: number(per_minute), burst: number(burst) }
        };
        Self {
            looks: Counted::new("look", allowance(LOOKS_MAX, 30)),
            entries: Counted::new("entry", allowance(ENTRIES_MAX, 6)),
            organisation_entries: Counted::new(
                "organisation-entry",
                allowance(ORGANISATION_ENTRIES_MAX, 120),
            ),
            guest_passes: Counted::new("guest-pass", allowance(GUEST_PASSES_MAX, 2)),
            passes: Counted::new("pass", allowance(PASSES_MAX, 10)),
            organisation_passes: Counted::new("organisation-pass", allowance(ORGANISATION_PASSES_MAX, 120)),
        }
    }
}

impl Rates {
    /// This source looks at an organisation.
    pub(super) fn look(&self, source: &Source) -> Result<(), ApiError> {
        self.looks.count(source.neighbourhood()).check()
    }

    /// This source wants to enter one.
    pub(super) fn enter(&self, source: &Source) -> Result<(), ApiError> {
        self.entries.count(source.neighbourhood()).check()
    }

    /// And it has been found.
    pub(super) fn enter_organisation(&self, org: OrgId) -> Result<(), ApiError> {
        self.organisation_entries.count(org).check()
    }

    /// This guest wants to call from there.
    pub(crate) fn pass(&self, source: &Source, (org, guest): (OrgId, Uuid)) -> Result<(), ApiError> {
        self.guest_passes.count(guest).check()?;
        self.passes.count(source.neighbourhood()).check()?;
        self.organisation_passes.count(org).check()
    }
}
