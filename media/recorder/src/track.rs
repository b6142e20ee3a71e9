//! The time line of one recording: 20 ms after 20 ms, caller left and callee right, from the first to the last.
//!
//! It has no clock: packets and orders carry the instants at which they came to be, on the media thread's time line, and
//! [`Track::advance`] says how far that has come. What is missing is silence, so that every second of the file is that
//! second of the call. While it is paused nothing that comes is even looked at.

use std::collections::VecDeque;

use streams::{
    audio::{FRAME_MS, FRAME_SAMPLES_MAX, hearing::Hearing},
    media::Side,
    rtp::Header,
    tap::Heard,
};

use crate::form::{FRAMES_PER_WRITE, Form, Format, Progress};

/// One frame.
pub const FRAME_MICROS: u64 = FRAME_MS as u64 * 1_000;
/// Silence that stands for time in which nothing was recorded, at most: a minute. What is longer is another time line.
const GAP_FRAMES_MAX: u64 = 60 * 50;
/// Frames after the end for sound that still waits in the jitter buffers.
const LAST_FRAMES: u64 = 3;
/// Orders that wait for their instant.
const MARKS_MAX: usize = 64;

/// What changes at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Silence from here on, whatever comes.
    Pause,
    /// Sound again.
    Resume,
    /// It is over.
    End,
}

/// A recording in the making.
#[derive(Debug)]
pub struct Track {
    left: Hearing,
    right: Hearing,
    form: Form,
    samples: usize,
    progress: Progress,
    /// The instant of the next frame.
    next_micros: u64,
    is_paused: bool,
    is_over: bool,
    marks: VecDeque<(u64, Mark)>,
    /// Octets of the file that nobody has taken yet, and the frames in them.
    pending: Vec<u8>,
    pending_frames: usize,
}

impl Track {
    /// A new recording that begins at that instant.
    pub fn begin(form: Form, format: Format, seed: u64, at_micros: u64) -> Self {
        let mut track = Self::of(form, format, seed, Progress::default(), at_micros);
        track.form.begin(&mut track.progress, &mut track.pending);
        track
    }

    /// Goes on with one that has come so far and began at that instant.
    pub fn go_on(form: Form, format: Format, seed: u64, progress: Progress, began_micros: u64) -> Self {
        let next_micros = began_micros.saturating_add(u64::from(progress.frames) * FRAME_MICROS);
        Self::of(form, format, seed, progress, next_micros)
    }

    fn of(form: Form, format: Format, seed: u64, progress: Progress, next_micros: u64) -> Self {
        let rate = format.rate();
        Self {
            left: Hearing::new(rate, seed),
            right: Hearing::new(rate, seed.wrapping_add(1)),
            form,
            samples: rate.frame(),
            progress,
            next_micros,
            is_paused: false,
            is_over: false,
            marks: VecDeque::new(),
            pending: Vec::new(),
            pending_frames: 0,
        }
    }

    /// Something is to change at that instant. Instants do not go back.
    pub fn mark(&mut self, at_micros: u64, mark: Mark) {
        if self.marks.len() < MARKS_MAX || mark == Mark::End {
            self.marks.push_back((at_micros, mark));
        }
    }

    /// Takes a packet, after everything that came before it. What is no RTP is left.
    pub fn push(&mut self, heard: &Heard, packet: &[u8]) {
        self.advance(heard.at_micros);
        let Ok((header, payload)) = Header::locate(packet) else { return };
        if self.is_paused || self.is_over {
            return;
        }
        let side = match heard.side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        };
        side.push(heard.at_micros, heard.content, &header, packet.get(payload).unwrap_or_default());
    }

    /// Nothing that came up to that instant is still to be pushed.
    pub fn advance(&mut self, to_micros: u64) {
        while !self.is_over {
            match self.marks.front().copied().filter(|(at, _)| *at <= to_micros) {
                Some((at, mark)) if at <= self.next_micros => {
                    self.marks.pop_front();
                    self.apply(mark);
                }
                _ if self.next_micros <= to_micros => {
                    self.skip_what_is_too_far(to_micros);
                    self.frame();
                }
                _ => return,
            }
        }
    }

    fn apply(&mut self, mark: Mark) {
        match mark {
            Mark::Pause => {
                self.is_paused = true;
                self.left.forget();
                self.right.forget();
            }
            Mark::Resume => self.is_paused = false,
            Mark::End => {
                for _ in 0..LAST_FRAMES {
                    self.frame();
                }
                self.is_over = true;
            }
        }
    }

    fn skip_what_is_too_far(&mut self, to_micros: u64) {
        let behind = to_micros.saturating_sub(self.next_micros) / FRAME_MICROS;
        if behind > GAP_FRAMES_MAX {
            self.next_micros += (behind - GAP_FRAMES_MAX) * FRAME_MICROS;
        }
    }

    fn frame(&mut self) {
        let (mut left, mut right) = ([0; FRAME_SAMPLES_MAX], [0; FRAME_SAMPLES_MAX]);
        let (Some(left), Some(right)) = (left.get_mut(..self.samples), right.get_mut(..self.samples)) else {
            return;
        };
        if !self.is_paused {
            self.left.tick(self.next_micros, left);
            self.right.tick(self.next_micros, right);
        }
        self.form.frame(left, right, &mut self.progress, &mut self.pending);
        self.next_micros = self.next_micros.saturating_add(FRAME_MICROS);
        self.pending_frames += 1;
        if self.pending_frames.is_multiple_of(FRAMES_PER_WRITE) {
            self.form.flush(false, &mut self.progress, &mut self.pending);
        }
    }

    /// What is to be appended to the file, once it is worth a write, or at once where `all` is wanted or it is over: the
    /// octets, and how far the file has come with them.
    pub fn take(&mut self, all: bool, octets: &mut Vec<u8>) -> Option<Progress> {
        octets.clear();
        if !(all || self.is_over || self.pending_frames >= FRAMES_PER_WRITE) {
            return None;
        }
        self.form.flush(self.is_over, &mut self.progress, &mut self.pending);
        std::mem::swap(octets, &mut self.pending);
        self.pending_frames = 0;
        (!octets.is_empty()).then_some(self.progress)
    }

    /// Its end has been reached.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress
    }
}
