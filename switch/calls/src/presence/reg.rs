//! The `reg` package (RFC 3680): where an account is registered, told to the account's own devices.

use std::{collections::BTreeMap, sync::Arc};

use contract::{id::AccountId, time::Timestamp};
use quick_xml::Writer;
use sip::Body;

use super::document::{self, Written};
use crate::registrar::{Binding, Registrar};

pub(super) const CONTENT_TYPE: &str = "application/reginfo+xml";
const NAMESPACE: &str = "urn:ietf:params:xml:ns:reginfo";

/// What one watcher has been told of its account.
#[derive(Debug)]
pub(super) struct RegInfo {
    pub(super) account: AccountId,
    /// The address of record.
    aor: String,
    /// Of the next document; grows by one with each (RFC 3680 §5.1).
    version: u32,
    /// By [`Binding::key`].
    told: BTreeMap<Arc<str>, Told>,
}

/// A contact as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    uri: Arc<str>,
    expires_at: Timestamp,
}

/// A contact as a document shows it.
struct Row<'a> {
    key: &'a str,
    uri: &'a str,
    state: &'static str,
    event: &'static str,
    /// Of those that are active.
    binding: Option<&'a Binding>,
}

impl RegInfo {
    pub(super) fn new(account: AccountId, aor: String) -> Self {
        Self { account, aor, version: 0, told: BTreeMap::new() }
    }

    /// The next document. `is_planned`: the account is still in the plan.
    pub(super) fn body(
        &mut self,
        is_full: bool,
        registrar: &Registrar,
        wall: Timestamp,
        is_planned: bool,
    ) -> Option<Body> {
        let contacts = registrar.contacts(self.account);
        let is_there = |key: &str| contacts.iter().any(|binding| &*binding.key == key);
        let live = contacts.iter().filter_map(|binding| {
            let told = self.told.get(&binding.key);
            let is_known = told.is_some_and(|told| told.uri == binding.contact);
            let event = if told.is_some() { "refreshed" } else { "registered" };
            let row = Row {
                key: &binding.key,
                uri: &binding.contact,
                state: "active",
                event,
                binding: Some(binding),
            };
            (is_full || !is_known).then_some(row)
        });
        let gone = self.told.iter().filter(|(key, _)| !is_there(key)).map(|(key, told)| {
            let event = match told.expires_at <= wall {
                true => "expired",
                false if is_planned => "unregistered",
                false => "deactivated",
            };
            Row { key, uri: &told.uri, state: "terminated", event, binding: None }
        });
        let rows: Vec<Row<'_>> = live.chain(gone).collect();
        let state = match (contacts.is_empty(), rows.is_empty()) {
            (false, _) => "active",
            (true, false) => "terminated",
            (true, true) => "init",
        };
        let document =
            document::write(CONTENT_TYPE, |writer| self.write(writer, is_full, state, &rows, wall));
        let told =
            |binding: &Binding| Told { uri: Arc::clone(&binding.contact), expires_at: binding.expires_at };
        self.told = contacts.iter().map(|binding| (binding.key.clone(), told(binding))).collect();
        self.version = self.version.wrapping_add(1);
        document
    }

    fn write(
        &self,
        writer: &mut Writer<Vec<u8>>,
        is_full: bool,
        state: &str,
        rows: &[Row<'_>],
        wall: Timestamp,
    ) -> Written {
        writer
            .create_element("reginfo")
            .with_attribute(("xmlns", NAMESPACE))
            .with_attribute(("version", &*self.version.to_string()))
            .with_attribute(("state", if is_full { "full" } else { "partial" }))
            .write_inner_content(|writer| {
                writer
                    .create_element("registration")
                    .with_attribute(("aor", &*self.aor))
                    .with_attribute(("id", &*self.account.to_string()))
                    .with_attribute(("state", state))
                    .write_inner_content(|writer| rows.iter().try_for_each(|row| row.write(writer, wall)))?;
                Ok(())
            })?;
        Ok(())
    }
}

impl Row<'_> {
    fn write(&self, writer: &mut Writer<Vec<u8>>, wall: Timestamp) -> Written {
        let mut contact = writer
            .create_element("contact")
            .with_attribute(("id", &*document::representable(self.key)))
            .with_attribute(("state", self.state))
            .with_attribute(("event", self.event));
        if let Some(binding) = self.binding {
            contact = contact.with_attribute(("expires", &*binding.expires_in_secs(wall).to_string()));
            if let Some(q) = binding.q {
                contact = contact.with_attribute(("q", &*format!("{}.{:03}", q / 1_000, q % 1_000)));
            }
        }
        let uri = document::representable(self.uri);
        contact.write_inner_content(|writer| document::text(writer, "uri", &uri))?;
        Ok(())
    }
}
