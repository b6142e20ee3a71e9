//! What can be wrong with configuration rows, said so that a form can point at the field.

use contract::id::{
    AccountId, BudgetId, ConferenceId, DidId, ExtensionId, HolidayId, MenuId, OrgId, OutboundRouteId,
    PageGroupId, PriceId, QueueId, RuleId, TrunkId, UserId,
};
use serde::Serialize;

/// One mistake in the rows. A snapshot with any of them makes no plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("organisation {org}, {row}, {field}: {problem}")]
pub struct Diagnostic {
    /// Whose rows.
    pub org: OrgId,
    /// The row.
    pub row: Row,
    /// The field of the row, by its name in [`contract::snapshot`]; of a menu also a key by its word.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The row a [`Diagnostic`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// The organisation itself.
    #[error("settings")]
    Organisation,
    /// A member of staff.
    #[error("staff {0}")]
    Staff(UserId),
    /// An extension.
    #[error("extension {0}")]
    Extension(ExtensionId),
    /// A SIP account.
    #[error("account {0}")]
    Account(AccountId),
    /// A rule of an extension.
    #[error("rule {0}")]
    Rule(RuleId),
    /// A queue of an extension.
    #[error("queue {0}")]
    Queue(QueueId),
    /// A menu of an extension.
    #[error("menu {0}")]
    Menu(MenuId),
    /// A conference of an extension.
    #[error("conference {0}")]
    Conference(ConferenceId),
    /// A page group of an extension.
    #[error("page group {0}")]
    PageGroup(PageGroupId),
    /// A date with hours of its own.
    #[error("holiday {0}")]
    Holiday(HolidayId),
    /// A trunk.
    #[error("trunk {0}")]
    Trunk(TrunkId),
    /// A number of the telephone network.
    #[error("did {0}")]
    Did(DidId),
    /// A route to the telephone network.
    #[error("route {0}")]
    OutboundRoute(OutboundRouteId),
    /// How much of the telephone network somebody may use.
    #[error("budget {0}")]
    Budget(BudgetId),
    /// What minutes with some numbers cost.
    #[error("price {0}")]
    Price(PriceId),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Not of the form the field's documentation asks for.
    #[error("is malformed")]
    Malformed,
    /// Not there, and needed.
    #[error("is missing")]
    Missing,
    /// Outside its bounds.
    #[error("is out of range")]
    OutOfRange,
    /// Another row already has it.
    #[error("is taken by another row")]
    Taken,
    /// Points at a row that is not there.
    #[error("points at nothing")]
    Dangling,
    /// More of them than there may be.
    #[error("are more than {0}")]
    TooMany(usize),
    /// Rules that hold before anybody rings lead back to where they began, so nobody would ever ring.
    #[error("leads in a circle: {0}")]
    Circle(String),
    /// Rules that hold before anybody rings forward more often than a call may be.
    #[error("is forwarded more than {most} times before anybody rings: {path}")]
    TooFar {
        /// [`crate::limits::FORWARDS_MAX`].
        most: usize,
        /// The numbers, in order.
        path: String,
    },
    /// An extension is only one of these.
    #[error("is a queue or a conference already")]
    OfSeveralKinds,
    /// `ring` after the extension's people have been rung.
    #[error("rings the extension's own people, which only the condition always can")]
    RingsAgain,
}
