//! The dialplan: what a number means, decided from configuration rows alone.
//!
//! [`compile()`] turns a [`contract::snapshot::Snapshot`] into a [`Plan`] or into a list of everything that is
//! wrong with the rows; [`Plan::with`] does so for the organisations that have changed. [`Plan::route`] answers what to do with a dialled number at an instant and why;
//! [`Plan::route_after`] what is next when what was rung did not answer; [`Plan::try_number`] all of that for whoever asks
//! beforehand. All are pure, so "try this number" and the live switch cannot disagree.
//!
//! It deliberately knows nothing about registrations: a plan names the accounts to ring, and whether a phone
//! is there at that moment is the switch's business.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

mod compile;
mod diagnostic;
mod feature;
mod follow;
mod hours;
mod index;
mod menu;
mod outbound;
mod outside;
mod paging;
mod plan;
mod route;
mod told;
mod trial;

pub use compile::{compile, limits};
pub use diagnostic::{Diagnostic, Problem, Row};
pub use feature::{Feature, INTERCOM, LEAVE_MESSAGE, PICK_UP_AT, PickUp, Slot};
pub use hours::{Opening, Standing};
pub use index::Difference;
pub use menu::{Choice, Menu};
pub use outbound::{Barred, Budget, NoOutsideNumber, Outbound, OutsideNumber, Payer};
pub use outside::{Incoming, Trunk};
pub use plan::{
    Account, Conference, Host, Mailbox, OrgPlan, PageGroup, PersonKey, Plan, Queue, Ring, Target, Trust,
};
pub use route::{
    Announcement, Chosen, Decision, Facts, Forward, Lead, Paging, PassedOver, Queueing, Refusal, Route, Step,
    Trace, Trail, Voicemail,
};
