//! Sends letters that are due, each claimed in a unit of work of its own and under a lease: whoever dies in the middle of it leaves a
//! letter that is due again, with the same token and under the same Message-ID.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time};
use uuid::Uuid;

use super::{
    store,
    text::{self, Letter},
};
use crate::{
    database::{Database, DatabaseError, Scope},
    identity::{Proofs, signing::Purpose},
    post::{NotSent, Post},
};

/// How often it is asked whether something is due.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// Letters that are asked for in one round, those that wait longest first.
const ROUND_MAX: i32 = 100;
/// A letter that is being sent is nobody else's for so long; longer than sending may take.
pub(super) const LEASE_SECS: i32 = 180;
/// The first pause between two attempts, seconds; each is twice as long as the one before, until the token is over.
const PAUSE_SECS: i32 = 10;
/// The longest.
const PAUSE_SECS_MAX: i32 = 3_600;

/// The job.
#[derive(Clone, Debug)]
pub struct Letters {
    /// Where letters are due.
    pub database: Database,
    /// How they are sent.
    pub post: Arc<Post>,
    /// What their tokens are made with.
    pub proofs: Arc<Proofs>,
    /// Where the console is, without a path.
    pub url: String,
}

impl Letters {
    /// Sends until the other end of `stop` is dropped; what is being sent then is brought to its end.
    pub async fn run(self, mut stop: watch::Receiver<()>) {
        let mut is_away = false;
        loop {
            match self.round(&stop).await {
                Ok(()) => is_away = false,
                Err(error) if !is_away => {
                    is_away = true;
                    tracing::warn!(%error, "letters wait: the database does not say which are due");
                }
                Err(_) => {}
            }
            if let Ok(Err(_)) = time::timeout(POLL_EVERY, stop.changed()).await {
                return;
            }
        }
    }

    async fn round(&self, stop: &watch::Receiver<()>) -> Result<(), DatabaseError> {
        let due = self.database.read(Scope::Nothing, |c| Box::pin(store::due(c, ROUND_MAX))).await?;
        for id in due {
            if stop.has_changed().is_err() {
                return Ok(());
            }
            let scope = Scope::Letter(id);
            let claimed = self.database.write(scope, move |c| Box::pin(store::claim(c, id))).await?;
            let Some(letter) = claimed else { continue };
            let (reason, secs, is_away) = self.attempt(&letter).await;
            self.settle(id, reason, secs).await?;
            if is_away {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Why it was not sent, when it is tried again, and whether it is of no use to try others now.
    async fn attempt(&self, letter: &Letter) -> (Option<String>, Option<i32>, bool) {
        if letter.is_over {
            return (Some("expired".to_owned()), None, false);
        }
        let token = ["confirm", "reset", "invite"].contains(&letter.kind.as_str());
        let token = token.then(|| self.proofs.signing.prove(Purpose::Letter, letter.id, 0));
        let Some(mail) = text::compose(letter, &self.url, token.as_deref(), self.post.from()) else {
            return (Some("bad_address".to_owned()), None, false);
        };
        match self.post.send(&letter.id.to_string(), &mail).await {
            Ok(()) => (None, None, false),
            Err(NotSent::Never(reason) | NotSent::TooLarge(reason)) => (Some(reason), None, false),
            Err(NotSent::NotNow(reason)) => (Some(reason), Some(pause(letter.attempts)), false),
            Err(NotSent::Away(reason)) => (Some(reason), Some(pause(letter.attempts)), true),
        }
    }

    async fn settle(&self, id: Uuid, reason: Option<String>, secs: Option<i32>) -> Result<(), DatabaseError> {
        match &reason {
            None => tracing::info!(letter = %id, "a letter was sent"),
            Some(reason) => tracing::warn!(letter = %id, reason, secs, "a letter was not sent"),
        }
        self.database.write(Scope::Letter(id), move |c| Box::pin(store::settle(c, id, reason, secs))).await
    }
}

fn pause(attempts: i32) -> i32 {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    PAUSE_SECS.saturating_mul(1 << doublings).min(PAUSE_SECS_MAX)
}
