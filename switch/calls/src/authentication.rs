//! Who sent a request: digest by RFC 8760 and RFC 7616, without state before it is settled (DESIGN D8).
//!
//! An unknown user is checked against secrets nobody knows, takes as long and gets the same challenge as a known
//! one with a wrong password. A challenge keeps nothing, so a flood of requests without credentials costs nothing
//! but their answers. What follows from wrong ones is said in `guard`.

use dialplan::{Account, OrgPlan};
use sip::{
    HeaderName, Message, NewRequest, Reply,
    digest::{self, Algorithm, Credentials, NonceKey, Signed, Verdict},
};

use crate::{
    config::SwitchboardConfig,
    guard::{Attempt, Consequence, Source},
    means::Random,
    output::{Notice, Offence, Output, Outputs, SecurityEvent},
    switchboard::Switchboard,
};

/// The keys and settings of authentication.
pub(crate) struct Authenticator {
    key: NonceKey,
    /// H(A1)s of no password; random, so that nobody can pass the check of an unknown user.
    nobody_md5: String,
    nobody_sha256: String,
    offer: Vec<Algorithm>,
    nonce_lifetime_secs: u64,
}

/// What a request shows for itself.
#[derive(Debug)]
enum Shown<'p, 'm> {
    /// No credentials for this organisation.
    Nothing,
    /// Credentials whose nonce is not, or no longer, good for this peer. What they say has not been looked at.
    Stale,
    /// Credentials with a good nonce: the sender has received our challenge.
    Credentials {
        given: Credentials<'m>,
        /// The account whose password they prove.
        account: Option<&'p Account>,
    },
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

    /// Reads and checks the credentials; in the same time whether there is such a user or not.
    fn look<'p, 'm>(
        &self,
        message: &Message<'m>,
        org: &'p OrgPlan,
        source: Source,
        now_secs: u64,
    ) -> Shown<'p, 'm> {
        let given = message
            .values(HeaderName::Authorization)
            .filter_map(|value| Credentials::parse(value).ok())
            .find(|credentials| credentials.realm == org.sip_domain());
        let Some(given) = given else { return Shown::Nothing };
        let account = org.account(given.username);
        let (ha1_md5, ha1_sha256) = match account {
            Some(account) => (&*account.ha1_md5, &*account.ha1_sha256),
            None => (&*self.nobody_md5, &*self.nobody_sha256),
        };
        let signed = Signed {
            method: message.method_text(),
            request_uri: message.request_uri(),
            body: message.body(),
            source: source.as_bytes(),
        };
        let lifetime = self.nonce_lifetime_secs;
        match digest::verify(&given, &self.key, &signed, ha1_md5, ha1_sha256, now_secs, lifetime) {
            Verdict::Stale => Shown::Stale,
            Verdict::Accepted => Shown::Credentials { given, account },
            Verdict::Refused => Shown::Credentials { given, account: None },
        }
    }

    fn challenge(&self, org: &OrgPlan, source: Source, stamp: (u64, u32), is_stale: bool) -> Reply {
        let realm = org.sip_domain();
        let lines = digest::challenge(&self.key, &self.offer, realm, source.as_bytes(), stamp, is_stale);
        lines.into_iter().fold(Reply::new(401), |reply, line| reply.header("WWW-Authenticate", line))
    }
}

impl Switchboard {
    /// The account whose password the sender of a request knows. `None`: the request has been answered, or is not to be.
    ///
    /// Every request outside a dialog that wants something comes through here, so that whoever tries passwords is
    /// counted whatever he tries them with.
    pub(crate) fn authenticated<'p>(
        &mut self,
        request: &NewRequest,
        org: &'p OrgPlan,
        out: &mut Outputs,
    ) -> Option<&'p Account> {
        let now_secs = self.wall().unix_millis() / 1_000;
        let source = Source::of(request.flow.remote.ip());
        let message = request.message.view();
        let (given, account) = match self.authenticator.look(&message, org, source, now_secs) {
            Shown::Nothing => return self.challenge(request, org, false, out),
            Shown::Stale => return self.challenge(request, org, true, out),
            Shown::Credentials { given, account } => (given, account),
        };
        let attempt = Attempt { from: request.flow.remote, org: org.id(), username: given.username };
        let now = self.guard_secs();
        if self.guard.is_shut_to(now, &attempt) {
            out.notice(Notice::Silenced);
            return None;
        }
        let Some(account) = account.filter(|_| !self.guard.is_closed_to(now, &attempt)) else {
            return self.wrong_password(request, org, &attempt, out);
        };
        if !self.guard.is_first_use(now, &attempt, given.nonce, given.count()) {
            return self.challenge(request, org, true, out);
        }
        self.guard.proven(now, &attempt);
        if request.flow.connection != 0 {
            out.push(Output::Trusted { connection: request.flow.connection });
        }
        Some(account)
    }

    fn challenge<'p>(
        &mut self,
        request: &NewRequest,
        org: &'p OrgPlan,
        is_stale: bool,
        out: &mut Outputs,
    ) -> Option<&'p Account> {
        let address = request.flow.remote.ip();
        if !self.guard.may_be_challenged(self.guard_secs(), address) {
            out.notice(Notice::Silenced);
            return None;
        }
        out.notice(Notice::Challenged);
        let stamp = self.nonce_stamp();
        let reply = self.authenticator.challenge(org, Source::of(address), stamp, is_stale);
        self.reply(request, reply);
        None
    }

    fn wrong_password<'p>(
        &mut self,
        request: &NewRequest,
        org: &'p OrgPlan,
        attempt: &Attempt<'_>,
        out: &mut Outputs,
    ) -> Option<&'p Account> {
        let source = request.flow.remote.ip().to_canonical();
        let mut tell =
            |what| out.notice(Notice::Security(SecurityEvent { what, source, org: Some(org.id()) }));
        tell(Offence::WrongPassword);
        match self.guard.failed(self.guard_secs(), attempt) {
            Consequence::LockedOut => {
                tell(Offence::LockedOut);
                return None;
            }
            Consequence::AccountClosed => tell(Offence::AccountClosed),
            Consequence::Counted => {}
        }
        let stamp = self.nonce_stamp();
        let reply = self.authenticator.challenge(org, Source::of(source), stamp, false);
        self.reply(request, reply);
        None
    }

    /// The time of a nonce, and the number that makes it the only one.
    fn nonce_stamp(&mut self) -> (u64, u32) {
        (self.wall().unix_millis() / 1_000, u32::from_be_bytes(self.random.bytes()))
    }
}
