//! A switch, a record of what happens on it, and people with accounts who play SIPp's scenarios.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tests::{
    demo::Demo,
    phones::Transport,
    process::wait_until,
    record::{Record, Story},
    sipp::{Actor, Playing},
};

/// What has happened is written down before this is over.
const WRITTEN: Duration = Duration::from_secs(1);

/// A scenario and the words for its template.
pub type Part<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// No words.
pub const PLAIN: &[(&str, &str)] = &[];

/// A switch with a record of what happens on it.
pub struct Stage {
    pub demo: Demo,
    pub record: Record,
    pub transport: Transport,
}

/// What a call must leave behind.
pub struct Left {
    pub participants: &'static [&'static str],
    pub events: &'static [&'static str],
    pub legs: &'static [i32],
}

/// H-062 … H-064.
pub const ANSWERED: Left = Left {
    participants: &["host user", "caller user", "recipient user"],
    events: &["created 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"],
    legs: &[200, 200],
};

/// A call that is going on.
pub struct Ongoing {
    calling: Playing,
    called: Option<Playing>,
    callee: Actor,
}

impl Stage {
    /// A stage with a private Postgres.
    pub fn set(transport: Transport) -> Result<Self> {
        Self::around(Demo::start()?, transport)
    }

    /// A stage around a switch that runs.
    pub fn around(demo: Demo, transport: Transport) -> Result<Self> {
        let record = Record::open(demo.field("/database_url")?)?;
        Ok(Self { demo, record, transport })
    }

    /// Stops everything as Ctrl-C does; it must end well.
    pub fn strike(self) -> Result<()> {
        self.demo.stop()
    }

    /// Staff member `staff` on a port of their own.
    pub fn actor(&mut self, staff: usize, folder: &str) -> Result<Actor> {
        let folder = self.demo.folder().join(folder);
        let account = self.demo.account(staff, self.transport)?;
        Ok(Actor { folder, account, port: self.demo.ports.take(4) })
    }

    /// Begins a call: staff member 0 plays `calling`, staff member 1 registers and plays `called`.
    pub fn begin(
        &mut self,
        folder: &str,
        (scenario, words): Part<'_>,
        called: Option<Part<'_>>,
    ) -> Result<Ongoing> {
        let (caller, callee) = (self.actor(0, folder)?, self.actor(1, folder)?);
        let number = callee.account.username.clone();
        let called = match called {
            Some((scenario, words)) => {
                callee.register()?;
                Some(callee.play(scenario, &number, words)?)
            }
            None => None,
        };
        Ok(Ongoing { calling: caller.play(scenario, &number, words)?, called, callee })
    }

    /// Waits until the one call that goes on has been answered, and that is written down.
    pub fn is_answered(&self) -> Result<()> {
        wait_until(Duration::from_secs(30), "an answer", || {
            Ok(self.demo.figure("sambung_calls{state=\"answered\"}")? == 1)
        })?;
        std::thread::sleep(WRITTEN);
        Ok(())
    }

    /// Plays one call to its end; then one call more must stand in the record, as `left` says. Returns it.
    pub fn tell(&mut self, calling: Part<'_>, called: Option<Part<'_>>, left: &Left) -> Result<Story> {
        let told = self.play(calling, called, left);
        told.with_context(|| {
            format!("{calling:?} with {called:?} over {:?}\n{}", self.transport, self.demo.logs())
        })
    }

    fn play(&mut self, calling: Part<'_>, called: Option<Part<'_>>, left: &Left) -> Result<Story> {
        let before = self.record.calls()?;
        self.begin(&format!("call-{}", before.len()), calling, called)?.finish()?;
        let story = self.record.next_story(&before)?;
        left.check(&story)?;
        Ok(story)
    }
}

impl Ongoing {
    /// Waits until both have played their part, and takes the callee's registration back, so that the next call's
    /// callee is the only one at that number.
    pub fn finish(self) -> Result<()> {
        match (self.calling.finish(), self.called) {
            (outcome, None) => outcome,
            (Err(error), Some(called)) => bail!("{error:#}\n--- the callee\n{}", called.messages()),
            (Ok(()), Some(called)) => {
                called.finish()?;
                self.callee.unregister()
            }
        }
    }
}

impl Left {
    /// Row for row.
    pub fn check(&self, story: &Story) -> Result<()> {
        ensure!(story.direction == "internal", "{story:#?}");
        ensure!(
            story.participants == self.participants,
            "participants {:?} expected, {story:#?}",
            self.participants
        );
        ensure!(story.events == self.events, "events {:?} expected, {story:#?}", self.events);
        ensure!(story.legs == self.legs, "legs {:?} expected, {story:#?}", self.legs);
        Ok(())
    }
}
