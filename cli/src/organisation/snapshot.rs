//! Rows as the switch reads them, for whoever wants to know what it makes of them.

use std::collections::BTreeSet;

use contract::{
    conferences,
    id::{
        AccountId, ConferenceId, DidId, ExtensionId, HolidayId, MenuId, OrgId, PageGroupId, QueueId, RuleId,
        TrunkId, UserId,
    },
    menus, paging, queues, rules, snapshot,
};
use uuid::Uuid;

use super::{Action, Extension, Holiday, Rows};

impl Rows {
    /// The rows, with whoever is `suspended` as a person and not only here.
    pub(crate) fn snapshot(&self, suspended: &BTreeSet<Uuid>) -> snapshot::Organisation {
        let user = |email: &String| self.staff.get(email).map(|staff| UserId(staff.user));
        let staff = self.staff.values().map(|staff| snapshot::Staff {
            user: UserId(staff.user),
            name: staff.name.clone(),
            number: staff.number.clone(),
            is_active: staff.is_active && !suspended.contains(&staff.user),
            mailbox: staff.mailbox.clone(),
        });
        let accounts = self.accounts.iter().map(|(username, account)| snapshot::Account {
            id: AccountId(account.id),
            user: account.owner.as_ref().and_then(user),
            username: username.clone(),
            ha1_md5: account.ha1_md5.clone(),
            ha1_sha256: account.ha1_sha256.clone(),
            is_active: account.is_active,
        });
        let extensions = self.extensions.iter().map(|(number, extension)| snapshot::Extension {
            id: ExtensionId(extension.id),
            name: extension.name.clone(),
            number: number.clone(),
            is_active: extension.is_active,
            staff: extension.staff.iter().filter_map(user).collect(),
            supervisors: extension.supervisors.iter().filter_map(user).collect(),
            hours: extension.hours.iter().copied().collect(),
            rules: self.rules_of(number),
            recording: extension.recording,
            takes_intercom: extension.takes_intercom,
            queue: self.queue_of(number),
            menu: self.menu_of(number),
            conference: self.conference_of(number),
            page_group: self.page_group_of(number),
        });
        snapshot::Organisation {
            id: OrgId(self.id),
            sip_domain: self.domain.clone(),
            is_default: self.is_default,
            ring_timeout_secs: self.ring_timeout_secs,
            language: self.language,
            has_announcements: self.has_announcements,
            recording: self.recording,
            has_recording_notice: self.has_recording_notice,
            has_recording_keys: self.has_recording_keys,
            timezone: self.timezone.clone(),
            outside: self.outside(),
            holidays: self.holidays.values().flat_map(|holiday| self.days_of(holiday)).collect(),
            staff: staff.collect(),
            extensions: extensions.collect(),
            accounts: accounts.collect(),
        }
    }

    fn extension_id(&self, number: &str) -> Option<ExtensionId> {
        self.extensions.get(number).map(|extension: &Extension| ExtensionId(extension.id))
    }

    fn rules_of(&self, number: &str) -> Vec<rules::Rule> {
        let rules = self.rules.values().filter(|rule| rule.extension == number);
        let row = |rule: &super::Rule| {
            let action = self.action(&rule.action)?;
            Some(rules::Rule {
                id: RuleId(rule.id),
                position: rule.position,
                is_enabled: rule.is_enabled,
                timescope: rule.timescope,
                condition: rule.condition,
                action,
            })
        };
        rules.filter_map(row).collect()
    }

    fn action(&self, action: &Action) -> Option<rules::Action> {
        let user = |email: &String| self.staff.get(email).map(|staff| UserId(staff.user));
        Some(match action {
            Action::Ring => rules::Action::Ring,
            Action::ForwardExtension(to) => rules::Action::ForwardExtension(self.extension_id(to)?),
            Action::ForwardStaff(to) => rules::Action::ForwardStaff(user(to)?),
            Action::ForwardNumber(number) => rules::Action::ForwardNumber(number.clone()),
            Action::Queue(of, priority) => {
                let queue = QueueId(self.queues.get(of)?.id);
                rules::Action::Queue { queue, priority: *priority }
            }
            Action::Ivr(of) => rules::Action::Ivr(MenuId(self.menus.get(of)?.id)),
            Action::AnnounceHangup(sound) => rules::Action::AnnounceHangup(sound.clone()),
            Action::Voicemail(of) => rules::Action::Voicemail(user(of)?),
        })
    }

    fn menu_of(&self, number: &str) -> Option<menus::Menu> {
        let menu = self.menus.get(number)?;
        let choices = menu.choices.iter().filter_map(|(key, action)| {
            self.action(action).map(|action| menus::MenuChoice { key: *key, action })
        });
        Some(menus::Menu {
            id: MenuId(menu.id),
            greeting: menu.greeting.clone(),
            language: menu.language,
            timeout_secs: menu.timeout_secs,
            key_timeout_secs: menu.key_timeout_secs,
            tries_max: menu.tries_max,
            has_direct_dialling: menu.has_direct_dialling,
            choices: choices.collect(),
        })
    }

    fn page_group_of(&self, number: &str) -> Option<paging::PageGroup> {
        let group = self.page_groups.get(number)?;
        Some(paging::PageGroup { id: PageGroupId(group.id), is_duplex: group.is_duplex })
    }

    fn conference_of(&self, number: &str) -> Option<conferences::Conference> {
        let conference = self.conferences.get(number)?;
        Some(conferences::Conference {
            id: ConferenceId(conference.id),
            pin: conference.pin.clone(),
            members_max: conference.members_max,
            has_tones: conference.has_tones,
        })
    }

    fn outside(&self) -> contract::outside::Outside {
        let trunks = self.outside.trunks.iter().map(|(name, trunk)| contract::outside::Trunk {
            id: TrunkId(trunk.id),
            name: name.clone(),
            sources: trunk.sources.iter().cloned().collect(),
            targets: trunk.targets.clone(),
            credentials: trunk.credentials.clone(),
            registration: trunk.registration,
            options_interval_secs: trunk.options_interval_secs,
            number_format: trunk.number_format,
            from_number: trunk.from_number.clone(),
            channels_max: trunk.channels_max,
            is_trusted: trunk.is_trusted,
            is_active: trunk.is_active,
        });
        let person = |email: &String| self.staff.get(email).map(|staff| UserId(staff.user));
        let dids = self.outside.dids.iter().map(|(number, did)| contract::outside::Did {
            id: DidId(did.id),
            number: number.clone(),
            extension: did.extension.as_deref().and_then(|number| self.extension_id(number)),
            user: did.staff.as_ref().and_then(person),
        });
        contract::outside::Outside {
            country_code: self.outside.country_code.clone(),
            trunks: trunks.collect(),
            dids: dids.collect(),
            emergency_numbers: self.outside.emergency_numbers.clone(),
            routes: self.route_rows(),
            budgets: self.budget_rows(),
            prices: self.price_rows(),
        }
    }

    fn queue_of(&self, number: &str) -> Option<queues::Queue> {
        let queue = self.queues.get(number)?;
        let agent = |(email, weight): &(String, u16)| {
            let user = UserId(self.staff.get(email)?.user);
            Some(queues::Agent { user, weight: *weight })
        };
        Some(queues::Queue {
            id: QueueId(queue.id),
            strategy: queue.strategy,
            ring_secs: queue.ring_secs,
            capacity: queue.capacity,
            wait_max_secs: queue.wait_max_secs,
            wrap_up_secs: queue.wrap_up_secs,
            misses_max: queue.misses_max,
            announce_secs: queue.announce_secs,
            has_callback: queue.has_callback,
            agents: queue.agents.iter().filter_map(agent).collect(),
        })
    }

    fn days_of(&self, holiday: &Holiday) -> Vec<rules::Holiday> {
        let extension = holiday.extension.as_deref().and_then(|number| self.extension_id(number));
        let closed = holiday.spans.is_empty().then_some(None);
        let spans = holiday.spans.iter().copied().map(Some).chain(closed);
        let day = |span| rules::Holiday {
            id: HolidayId(Uuid::nil()),
            extension,
            date: holiday.date.clone(),
            name: holiday.name.clone(),
            span,
        };
        spans.map(day).collect()
    }
}
