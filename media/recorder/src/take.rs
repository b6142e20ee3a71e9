//! A recording that is being made: its time line and its file.

use streams::tap::Heard;

use crate::{
    Begin,
    form::{Form, Progress},
    key::Keys,
    sealed::{About, SealedError, Writer},
    spool::Spool,
    track::{FRAME_MICROS, Mark, Track},
};

/// The longest recording: a day.
const LENGTH_MICROS_MAX: u64 = 24 * 60 * 60 * 1_000_000;

/// One recording.
#[derive(Debug)]
pub(crate) struct Take {
    pub(crate) about: About,
    track: Track,
    writer: Writer,
}

impl Take {
    /// A new file, or the one that a former process has left of the same recording.
    pub(crate) fn begin(begin: &Begin, spool: &Spool, keys: &Keys) -> Result<Self, SealedError> {
        let path = spool.part(begin.about.recording);
        let number = begin.about.number;
        let seed = u64::from(number);
        let mut take = if path.exists() {
            let (writer, standing) = Writer::go_on(&path, keys)?;
            spool.grew(writer.bytes() - standing.good_bytes);
            let about = standing.about;
            let form = Form::new(about.format, number).map_err(|_| SealedError::Locking)?;
            let track = Track::go_on(form, about.format, seed, standing.progress, about.began_micros);
            Self { about, track, writer }
        } else {
            let about = begin.about.clone();
            let form = Form::new(about.format, number).map_err(|_| SealedError::Locking)?;
            let track = Track::begin(form, about.format, seed, about.began_micros);
            let writer = Writer::create(&path, &about, keys.of(&about))?;
            spool.grew(writer.bytes());
            Self { about, track, writer }
        };
        if begin.is_paused {
            take.track.mark(0, Mark::Pause);
        }
        Ok(take)
    }

    pub(crate) fn hear(&mut self, heard: &Heard, packet: &[u8]) {
        self.track.push(heard, packet);
    }

    pub(crate) fn mark(&mut self, at_micros: u64, mark: Mark) {
        self.track.mark(at_micros, mark);
    }

    /// Everything up to that instant has been heard.
    pub(crate) fn advance(&mut self, to_micros: u64) {
        self.track.advance(to_micros);
    }

    /// Appends to the file what makes a write worth it; everything there is when `all` of it is wanted or it is over.
    pub(crate) fn write(
        &mut self,
        all: bool,
        octets: &mut Vec<u8>,
        spool: &Spool,
    ) -> Result<(), SealedError> {
        let Some(progress) = self.track.take(all, octets) else { return Ok(()) };
        let before = self.writer.bytes();
        let outcome = self.writer.append(octets, progress);
        spool.grew(self.writer.bytes() - before);
        outcome
    }

    pub(crate) fn is_over(&self) -> bool {
        self.track.is_over()
    }

    pub(crate) fn is_too_long(&self) -> bool {
        u64::from(self.progress().frames) * FRAME_MICROS >= LENGTH_MICROS_MAX
    }

    pub(crate) fn progress(&self) -> Progress {
        self.track.progress()
    }

    /// Says that this was all.
    pub(crate) fn end(self, spool: &Spool) -> Result<(), SealedError> {
        let (before, progress) = (self.writer.bytes(), self.progress());
        spool.grew(self.writer.end(progress)? - before);
        Ok(())
    }
}
