//! Sends what is due, one mail after the other, each claimed in a unit of work of its own and under a lease: whoever dies in the
//! middle of it leaves a mail that is due again, under the same Message-ID. Says nothing of SMTP: that is [`crate::post`]'s.

use std::{sync::Arc, time::Duration};

use contract::id::OrgId;
use tokio::{sync::watch, time};
use uuid::Uuid;

use super::{
    letter::{self, Notice, Sound},
    store,
};
use crate::{
    database::{Database, DatabaseError, Scope},
    post::{NotSent, Post},
    switch::{NotFetched, Switch},
};

/// How often it is asked whether something is due.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// Organisations that are asked for in one round, those that wait longest first.
pub(super) const ORGANISATIONS_MAX: i32 = 100;
/// A mail that is being sent is nobody else's for so long; longer than fetching and sending may take.
pub(super) const LEASE_SECS: i32 = 300;
/// Attempts to send one mail, over about a day.
pub const ATTEMPTS_MAX: i32 = 30;
/// The first pause between two of them, seconds; each is twice as long as the one before.
const PAUSE_SECS: i32 = 30;
/// The longest.
const PAUSE_SECS_MAX: i32 = 3_600;
/// Attempts to fetch the sound of a mail, over about a quarter of an hour; then it goes without.
pub const SOUND_ATTEMPTS_MAX: i32 = 6;
/// Octets of a sound that goes with a mail; of a longer one the mail only says that it is there.
pub const SOUND_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The job.
#[derive(Clone, Debug)]
pub struct Mailer {
    /// Where mails are due.
    pub database: Database,
    /// How they are sent.
    pub post: Arc<Post>,
    /// Who unlocks sounds; without it none go with mails.
    pub switch: Option<Switch>,
}

/// What becomes of a mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server, or the folder, has it; the message is deleted, too.
    Sent { is_deleted: bool },
    /// Another attempt after so many seconds.
    Later { secs: i32, reason: String },
    /// No attempt any more.
    Dropped { reason: String },
}

impl Mailer {
    /// Sends until the other end of `stop` is dropped; what is being sent then is brought to its end.
    pub async fn run(self, mut stop: watch::Receiver<()>) {
        let mut is_away = false;
        loop {
            match self.round(&stop).await {
                Ok(()) => is_away = false,
                Err(error) if !is_away => {
                    is_away = true;
                    tracing::warn!(%error, "mails wait: the database does not say which are due");
                }
                Err(_) => {}
            }
            if let Ok(Err(_)) = time::timeout(POLL_EVERY, stop.changed()).await {
                return;
            }
        }
    }

    /// Sends all that is due, for each organisation in turn, until nothing is or the server does not answer.
    async fn round(&self, stop: &watch::Receiver<()>) -> Result<(), DatabaseError> {
        let mut due = self.database.read(Scope::Nothing, |c| Box::pin(store::due(c))).await?;
        while !due.is_empty() {
            let mut more = Vec::new();
            for org in due {
                if stop.has_changed().is_err() {
                    return Ok(());
                }
                let Some(mut notice) = self.claim(org).await? else { continue };
                notice.is_deleted_when_mailed &= self.post.is_delivered();
                let (outcome, is_away) = self.deliver(&notice).await;
                self.settle(org, &notice, outcome).await?;
                if is_away {
                    return Ok(());
                }
                more.push(org);
            }
            due = more;
        }
        Ok(())
    }

    async fn claim(&self, org: Uuid) -> Result<Option<Notice>, DatabaseError> {
        let scope = Scope::Organisation(OrgId(org));
        match self.database.write(scope, move |c| Box::pin(store::claim(c, org))).await {
            // Whatever is odd about its rows holds up nobody else's.
            Err(DatabaseError::Refused(error)) => {
                tracing::error!(%org, %error, "a mail cannot be read");
                Ok(None)
            }
            claimed => claimed,
        }
    }

    /// One attempt; and whether it is of no use to try others now.
    async fn deliver(&self, notice: &Notice) -> (Outcome, bool) {
        if let Some(reason) = notice.needless() {
            return (Outcome::Dropped { reason: reason.to_owned() }, false);
        }
        let sound = match self.sound(notice).await {
            Ok(sound) => sound,
            Err(NotFetched) => return (again(notice.attempts, "switch_away"), false),
        };
        let is_attached = matches!(sound, Sound::Attached(_));
        match self.send(notice, sound).await {
            Err(Some(NotSent::TooLarge(_))) if is_attached => {
                came_to(notice, false, self.send(notice, Sound::TooLarge).await)
            }
            sent => came_to(notice, is_attached, sent),
        }
    }

    /// `Err(None)`: there is no such address.
    async fn send(&self, notice: &Notice, sound: Sound) -> Result<(), Option<NotSent>> {
        let mail = letter::compose(notice, sound, self.post.from()).ok_or(None)?;
        self.post.send(&notice.id.to_string(), &mail).await.map_err(Some)
    }

    async fn sound(&self, notice: &Notice) -> Result<Sound, NotFetched> {
        if !notice.has_sound {
            return Ok(Sound::NotWanted);
        }
        let Some(switch) = &self.switch else { return Ok(Sound::Missing) };
        // Locked it is a little longer than it is.
        if usize::try_from(notice.bytes).is_ok_and(|bytes| bytes > SOUND_BYTES_MAX) {
            return Ok(Sound::TooLarge);
        }
        match switch.message(&notice.storage_key, SOUND_BYTES_MAX).await {
            Ok(found) => Ok(found.map_or(Sound::Missing, Sound::Attached)),
            Err(NotFetched) if notice.attempts >= SOUND_ATTEMPTS_MAX => Ok(Sound::Missing),
            Err(NotFetched) => Err(NotFetched),
        }
    }

    async fn settle(&self, org: Uuid, notice: &Notice, outcome: Outcome) -> Result<(), DatabaseError> {
        let (id, attempts) = (notice.id, notice.attempts);
        match &outcome {
            Outcome::Sent { .. } => tracing::info!(%org, message = %id, "a message was mailed"),
            Outcome::Later { secs, reason } => {
                tracing::warn!(%org, message = %id, attempts, reason, secs, "a mail could not be sent yet");
            }
            Outcome::Dropped { reason } => {
                tracing::warn!(%org, message = %id, attempts, reason, "a mail will not be sent");
            }
        }
        let scope = Scope::Organisation(OrgId(org));
        self.database.write(scope, move |c| Box::pin(store::settle(c, (org, id), outcome))).await
    }
}

/// What comes of an attempt, and whether it is of no use to try others now.
fn came_to(notice: &Notice, is_attached: bool, sent: Result<(), Option<NotSent>>) -> (Outcome, bool) {
    match sent {
        Ok(()) => (Outcome::Sent { is_deleted: notice.is_deleted_when_mailed && is_attached }, false),
        Err(None) => (Outcome::Dropped { reason: "bad_address".to_owned() }, false),
        Err(Some(NotSent::Never(reason) | NotSent::TooLarge(reason))) => (Outcome::Dropped { reason }, false),
        Err(Some(NotSent::NotNow(reason))) => (again(notice.attempts, &reason), false),
        Err(Some(NotSent::Away(reason))) => (again(notice.attempts, &reason), true),
    }
}

/// After a failed attempt, the `attempts`th.
fn again(attempts: i32, reason: &str) -> Outcome {
    let reason = reason.to_owned();
    if attempts >= ATTEMPTS_MAX {
        return Outcome::Dropped { reason };
    }
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    let secs = PAUSE_SECS.saturating_mul(1 << doublings).min(PAUSE_SECS_MAX);
    Outcome::Later { secs, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_end_after_about_a_day() {
        let pause = |attempts| match again(attempts, "x") {
            Outcome::Later { secs, .. } => Some(secs),
            _ => None,
        };
        assert_eq!([1, 2, 3, 7, 8, 29].map(pause), [30, 60, 120, 1_920, 3_600, 3_600].map(Some));
        assert_eq!(again(ATTEMPTS_MAX, "x"), Outcome::Dropped { reason: "x".to_owned() });
        let all: i32 = (1..ATTEMPTS_MAX).filter_map(pause).sum();
        assert!((20 * 3_600..28 * 3_600).contains(&all), "{all}");
    }
}
