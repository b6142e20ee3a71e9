//! Who sent a request: digest by RFC 8760 and RFC 7616, without state before it is settled (DESIGN D8).
//!
//! An unknown user is checked against secrets nobody knows, takes as long and gets the same challenge as a known
//! one with a wrong password. A challenge keeps nothing, so a flood of requests without credentials costs nothing
//! but their answers. What follows from wrong ones is said in `guard`.
//!
//! A guest's password follows from the username and a secret (`contract::guests`). A pass that has expired, or is another
//! organisation's, is an unknown user.

use std::borrow::Cow;

use contract::{
    guests::{self, Secret},
    time::Timestamp,
};
use dialplan::{Account, OrgPlan};
use sip::{
    HeaderName, Message, NewRequest, Reply,
    digest::{self, Algorithm, Credentials, NonceKey, Signed, Verdict},
};

use crate::{
    config::SwitchboardConfig,
    guard::{Attempt, Consequence, Source},
    guests::{Guest, ONLY_CALLS},
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
    /// What passwords of guests follow from.
    guests: Option<Secret>,
    offer: Vec<Algorithm>,
    nonce_lifetime_secs: u64,
}

/// Who has proven to know a password.
#[derive(Debug)]
pub(crate) enum Sender<'p> {
    Account(&'p Account),
    Guest(Box<Guest>),
}

impl Sender<'_> {
    /// The user part of its address, by which it proved itself.
    pub(crate) fn username(&self) -> &str {
        match self {
            Self::Account(account) => &account.username,
            Self::Guest(guest) => &guest.username,
        }
    }
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
        /// Whose password they prove.
        sender: Option<Sender<'p>>,
    },
}

impl Authenticator {
    pub(crate) fn new(config: &SwitchboardConfig, random: &mut Random) -> Self {
        let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self {
            key: NonceKey::new(random.bytes()),
            nobody_md5: digits(&random.bytes::<16>()),
            nobody_sha256: digits(&random.bytes::<32>()),
            guests: config.guests.clone(),
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
        wall: Timestamp,
    ) -> Shown<'p, 'm> {
        let given = message
            .values(HeaderName::Authorization)
            .filter_map(|value| Credentials::parse(value).ok())
            .find(|credentials| credentials.realm == org.sip_domain());
        let Some(given) = given else { return Shown::Nothing };
        let (sender, [ha1_md5, ha1_sha256]) = self.claimed(given.username, org, wall);
        let signed = Signed {
            method: message.method_text(),
            request_uri: message.request_uri(),
            body: message.body(),
            source: source.as_bytes(),
        };
        let (now_secs, lifetime) = (wall.unix_millis() / 1_000, self.nonce_lifetime_secs);
        match digest::verify(&given, &self.key, &signed, &ha1_md5, &ha1_sha256, now_secs, lifetime) {
            Verdict::Stale => Shown::Stale,
            Verdict::Accepted => Shown::Credentials { given, sender },
            Verdict::Refused => Shown::Credentials { given, sender: None },
        }
    }

    /// Who a user would be, and the H(A1)s that prove it.
    fn claimed<'p, 's>(
        &'s self,
        username: &str,
        org: &'p OrgPlan,
        wall: Timestamp,
    ) -> (Option<Sender<'p>>, [Cow<'s, str>; 2])
    where
        'p: 's,
    {
        if let Some(account) = org.account(username) {
            return (
                Some(Sender::Account(account)),
                [(&*account.ha1_md5).into(), (&*account.ha1_sha256).into()],
            );
        }
        let nobody = [(&*self.nobody_md5).into(), (&*self.nobody_sha256).into()];
        let Some(secret) = self.guests.as_ref().filter(|_| username.starts_with(guests::PREFIX)) else {
            return (None, nobody);
        };
        // The same work whether it is a pass or not.
        let password = secret.password(username);
        let ha1s = [Algorithm::Md5, Algorithm::Sha256]
            .map(|algorithm| digest::ha1(algorithm, username, org.sip_domain(), &password).into());
        match guests::read(username, wall) {
            Ok(pass) if pass.org == org.id() => {
                (Some(Sender::Guest(Box::new(Guest { username: username.to_owned(), pass }))), ha1s)
            }
            _ => (None, nobody),
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
    pub(crate) fn authenticated<'p>(
        &mut self,
        request: &NewRequest,
        org: &'p OrgPlan,
        out: &mut Outputs,
    ) -> Option<&'p Account> {
        let sender = self.identified(request, org, out)?;
        self.account_alone(request, &sender)
    }

    /// The account that it is; a guest, who may do nothing but call, is told so.
    pub(crate) fn account_alone<'p>(
        &mut self,
        request: &NewRequest,
        sender: &Sender<'p>,
    ) -> Option<&'p Account> {
        match sender {
            Sender::Account(account) => Some(account),
            Sender::Guest(_) => {
                self.refuse_sender(request, Reply::new(403).phrase(ONLY_CALLS));
                None
            }
        }
    }

    /// Whose password the sender of a request knows, guests among them. `None`: as above.
    ///
    /// Every request outside a dialog that wants something comes through here, so that whoever tries passwords is
    /// counted whatever he tries them with.
    pub(crate) fn identified<'p>(
        &mut self,
        request: &NewRequest,
        org: &'p OrgPlan,
        out: &mut Outputs,
    ) -> Option<Sender<'p>> {
        let source = Source::of(request.flow.remote.ip());
        let message = request.message.view();
        let (given, sender) = match self.authenticator.look(&message, org, source, self.wall()) {
            Shown::Nothing => return self.challenge(request, org, false, out),
            Shown::Stale => return self.challenge(request, org, true, out),
            Shown::Credentials { given, sender } => (given, sender),
        };
        let attempt = Attempt { from: request.flow.remote, org: org.id(), username: given.username };
        let now = self.guard_secs();
        if self.guard.is_shut_to(now, &attempt) {
            out.notice(Notice::Silenced);
            return None;
        }
        let Some(sender) = sender.filter(|_| !self.guard.is_closed_to(now, &attempt)) else {
            return self.wrong_password(request, org, &attempt, out);
        };
        if !self.guard.is_first_use(now, &attempt, given.nonce, given.count()) {
            return self.challenge(request, org, true, out);
        }
        // Anybody can have a pass: that somebody has one says nothing for where they are.
        if let Sender::Account(_) = sender {
            self.guard.proven(now, &attempt);
        }
        if request.flow.connection != 0 {
            out.push(Output::Trusted { connection: request.flow.connection });
        }
        Some(sender)
    }

    fn challenge<'p>(
        &mut self,
        request: &NewRequest,
        org: &'p OrgPlan,
        is_stale: bool,
        out: &mut Outputs,
    ) -> Option<Sender<'p>> {
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
    ) -> Option<Sender<'p>> {
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
