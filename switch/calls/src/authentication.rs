//! Who sent a request: digest by RFC 8760 and RFC 7616, without state before it is settled (DESIGN D8).
//!
//! An unknown user is checked against secrets nobody knows, takes as long and gets the same challenge as a known
//! one with a wrong password. A challenge keeps nothing, so a flood of requests without credentials costs nothing
//! but their answers.

use contract::time::Timestamp;
use dialplan::{Account, OrgPlan};
use sip::{
    HeaderName, Message, Reply,
    digest::{self, Algorithm, Credentials, NonceKey, Verdict},
};

use crate::{config::SwitchboardConfig, means::Random};

/// The keys and settings of authentication.
pub(crate) struct Authenticator {
    key: NonceKey,
    /// H(A1)s of no password; random, so that nobody can pass the check of an unknown user and tell it from a
    /// known one by the `stale` it would get.
    nobody_md5: String,
    nobody_sha256: String,
    offer: Vec<Algorithm>,
    nonce_lifetime_secs: u64,
}

/// The request has no (good) credentials.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) reply: Reply,
    /// It had credentials, and they were wrong.
    pub(crate) is_failure: bool,
}

impl Authenticator {
    pub(crate) fn new(config: &SwitchboardConfig, random: &mut Random) -> Self {
        let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self {
            key: NonceKey::new(random.bytes()),
            nobody_md5: digits(&random.bytes::<16>()),
            nobody_sha256: digits(&random.bytes::<32>()),
            offer: config.digest_algorithms.clone(),
            nonce_lifetime_secs: config.timeouts.nonce_lifetime.as_secs(),
        }
    }

    /// The account whose password the sender knows.
    pub(crate) fn authenticate<'p>(
        &self,
        message: &Message<'_>,
        org: &'p OrgPlan,
        wall: Timestamp,
    ) -> Result<&'p Account, Challenge> {
        let now_secs = wall.unix_millis() / 1_000;
        let given = message
            .values(HeaderName::Authorization)
            .filter_map(|value| Credentials::parse(value).ok())
            .find(|credentials| credentials.realm == org.sip_domain());
        let Some(credentials) = given else {
            return Err(self.challenge(org, now_secs, false, false));
        };
        let account = org.account(credentials.username);
        let (ha1_md5, ha1_sha256) = match account {
            Some(account) => (&*account.ha1_md5, &*account.ha1_sha256),
            None => (&*self.nobody_md5, &*self.nobody_sha256),
        };
        let verdict = digest::verify(
            &credentials,
            &self.key,
            message.method_text(),
            message.request_uri(),
            message.body(),
            ha1_md5,
            ha1_sha256,
            now_secs,
            self.nonce_lifetime_secs,
        );
        match (verdict, account) {
            (Verdict::Accepted, Some(account)) => Ok(account),
            (Verdict::Stale, Some(_)) => Err(self.challenge(org, now_secs, true, false)),
            (Verdict::Accepted | Verdict::Stale | Verdict::Refused, _) => {
                Err(self.challenge(org, now_secs, false, true))
            }
        }
    }

    fn challenge(&self, org: &OrgPlan, now_secs: u64, is_stale: bool, is_failure: bool) -> Challenge {
        let lines = digest::challenge(&self.key, &self.offer, org.sip_domain(), now_secs, is_stale);
        let reply =
            lines.into_iter().fold(Reply::new(401), |reply, line| reply.header("WWW-Authenticate", line));
        Challenge { reply, is_failure }
    }
}
