//! What keys and people may do, and which of it belongs to which role (§2.3). A permission is a word; a role is a named set of
//! them; a membership has those of its role, those that were granted beside it, and not those that were withheld (S-047: nobody
//! may anything by being somebody). Roles of contexts that are not there yet come with them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may be permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Permission {
    /// Read calls, with participants, events, legs and quality.
    #[serde(rename = "calls.read")]
    CallsRead,
    /// Order calls, and what is to become of those that go on.
    #[serde(rename = "calls.control")]
    CallsControl,
    /// Be heard by others than before in calls that one listens to.
    #[serde(rename = "calls.listen")]
    CallsListen,
    /// See which recordings there are.
    #[serde(rename = "recordings.read")]
    RecordingsRead,
    /// Hear them.
    #[serde(rename = "recordings.listen")]
    RecordingsListen,
    /// Have them deleted before their time.
    #[serde(rename = "recordings.delete")]
    RecordingsDelete,
    /// See which messages there are in everybody's mailbox; whoever has signed in sees their own without it.
    #[serde(rename = "voicemail.read")]
    VoicemailRead,
    /// Hear them.
    #[serde(rename = "voicemail.listen")]
    VoicemailListen,
    /// Mark and delete them.
    #[serde(rename = "voicemail.write")]
    VoicemailWrite,
    /// Read what calls are decided by: extensions and all else of telephony.
    #[serde(rename = "telephony.read")]
    TelephonyRead,
    /// Change it.
    #[serde(rename = "telephony.write")]
    TelephonyWrite,
    /// Read what was done in the organisation and by whom.
    #[serde(rename = "audit.read")]
    AuditRead,
    /// Follow what happens, as far as its kind may be read or it is about oneself.
    #[serde(rename = "events.read")]
    EventsRead,
    /// See which keys of programs there are.
    #[serde(rename = "api_keys.read")]
    ApiKeysRead,
    /// Make, rotate and revoke them; of what they may, nobody gives more than they have.
    #[serde(rename = "api_keys.write")]
    ApiKeysWrite,
    /// Read what is done while nobody waits.
    #[serde(rename = "jobs.read")]
    JobsRead,
    /// Try again what was given up.
    #[serde(rename = "jobs.write")]
    JobsWrite,
    /// Read where events are sent.
    #[serde(rename = "webhooks.read")]
    WebhooksRead,
    /// Say where events are sent.
    #[serde(rename = "webhooks.write")]
    WebhooksWrite,
    /// Read what the organisation says of itself.
    #[serde(rename = "organisation.read")]
    OrganisationRead,
    /// Change it.
    #[serde(rename = "organisation.write")]
    OrganisationWrite,
    /// Read who belongs to the organisation, and who was asked to.
    #[serde(rename = "members.read")]
    MembersRead,
    /// Invite, change and take away members, as far as one's own permissions go.
    #[serde(rename = "members.write")]
    MembersWrite,
}

impl Permission {
    /// All of them.
    pub const ALL: [Permission; 23] = [
        Permission::CallsRead,
        Permission::CallsControl,
        Permission::CallsListen,
        Permission::RecordingsRead,
        Permission::RecordingsListen,
        Permission::RecordingsDelete,
        Permission::VoicemailRead,
        Permission::VoicemailListen,
        Permission::VoicemailWrite,
        Permission::TelephonyRead,
        Permission::TelephonyWrite,
        Permission::AuditRead,
        Permission::EventsRead,
        Permission::ApiKeysRead,
        Permission::ApiKeysWrite,
        Permission::JobsRead,
        Permission::JobsWrite,
        Permission::WebhooksRead,
        Permission::WebhooksWrite,
        Permission::OrganisationRead,
        Permission::OrganisationWrite,
        Permission::MembersRead,
        Permission::MembersWrite,
    ];

    /// Its word, as in the database and in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::CallsRead => "calls.read",
            Permission::CallsControl => "calls.control",
            Permission::CallsListen => "calls.listen",
            Permission::RecordingsRead => "recordings.read",
            Permission::RecordingsListen => "recordings.listen",
            Permission::RecordingsDelete => "recordings.delete",
            Permission::VoicemailRead => "voicemail.read",
            Permission::VoicemailListen => "voicemail.listen",
            Permission::VoicemailWrite => "voicemail.write",
            Permission::TelephonyRead => "telephony.read",
            Permission::TelephonyWrite => "telephony.write",
            Permission::AuditRead => "audit.read",
            Permission::EventsRead => "events.read",
            Permission::ApiKeysRead => "api_keys.read",
            Permission::ApiKeysWrite => "api_keys.write",
            Permission::JobsRead => "jobs.read",
            Permission::JobsWrite => "jobs.write",
            Permission::WebhooksRead => "webhooks.read",
            Permission::WebhooksWrite => "webhooks.write",
            Permission::OrganisationRead => "organisation.read",
            Permission::OrganisationWrite => "organisation.write",
            Permission::MembersRead => "members.read",
            Permission::MembersWrite => "members.write",
        }
    }

    /// Those among `words` that there are: words that are no permission (any more) permit nothing.
    pub fn among(words: &[String]) -> BTreeSet<Self> {
        let all = Self::ALL.into_iter();
        all.filter(|permission| words.iter().any(|word| word == permission.as_str())).collect()
    }
}

/// What a member is in an organisation (H-047, §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// OWNER: whose organisation it is.
    Owner,
    /// BRANCH ADMIN: sets up extensions, rules and queues.
    BranchAdmin,
    /// Leads people, and sees what they do.
    TeamLead,
    /// CALL AGENT: takes calls.
    CallAgent,
    /// Looks on.
    Viewer,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 5] =
        [Role::Owner, Role::BranchAdmin, Role::TeamLead, Role::CallAgent, Role::Viewer];

    /// Its word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::BranchAdmin => "branch_admin",
            Role::TeamLead => "team_lead",
            Role::CallAgent => "call_agent",
            Role::Viewer => "viewer",
        }
    }

    /// The role of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What it may do. What an agent takes part in is the agent's by being in it, not by a permission.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Role::Owner => &P::ALL,
            Role::BranchAdmin => &[
                P::CallsRead,
                P::CallsControl,
                P::RecordingsRead,
                P::TelephonyRead,
                P::TelephonyWrite,
                P::EventsRead,
                P::OrganisationRead,
                P::MembersRead,
            ],
            Role::TeamLead => &[
                P::CallsRead,
                P::CallsControl,
                P::CallsListen,
                P::RecordingsRead,
                P::RecordingsListen,
                P::TelephonyRead,
                P::EventsRead,
                P::MembersRead,
            ],
            Role::Viewer => &[P::CallsRead, P::TelephonyRead, P::EventsRead],
            Role::CallAgent => &[P::EventsRead],
        }
    }
}

/// What a member may do.
pub fn of_member(role: Option<Role>, granted: &[String], withheld: &[String]) -> BTreeSet<Permission> {
    let of_role = role.map(Role::permissions).unwrap_or_default().iter().copied();
    let mut all: BTreeSet<Permission> = of_role.chain(Permission::among(granted)).collect();
    for permission in Permission::among(withheld) {
        all.remove(&permission);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_what_the_role_has_and_what_was_granted_less_what_is_withheld() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let check = |role, granted: &[&str], withheld: &[&str], expected: &[Permission]| {
            let found = of_member(role, &words(granted), &words(withheld));
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
        };
        check(Some(Role::Owner), &[], &[], &Permission::ALL);
        check(
            Some(Role::CallAgent),
            &["calls.read", "moon.read"],
            &[],
            &[Permission::CallsRead, Permission::EventsRead],
        );
        check(
            Some(Role::Viewer),
            &["audit.read"],
            &["calls.read", "audit.read"],
            &[Permission::TelephonyRead, Permission::EventsRead],
        );
        check(None, &[], &[], &[]);
    }

    #[test]
    fn roles_and_permissions_are_said_by_one_word_each() {
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
        }
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(Role::of(role.as_str()), Some(role));
        }
    }
}
