//! From one rate to another, by FFT (`rubato`), 10 ms at a time.
//!
//! The filter passes what the lower rate can hold to 92 % (3.7 of 4 kHz) and keeps out the rest; it makes sound 5 ms
//! later. Nothing is made better by it: narrow sound stays narrow. Legs with Opus need none of this, Opus works at any
//! rate.

use rubato::{Fft, FixedSync, Resampler as _, WindowFunction, audioadapter_buffers::direct::SequentialSlice};

use super::{Rate, sample::round};

/// Sound that is filtered at once.
const BLOCK_MS: usize = 10;

/// A frame that was not resampled; a mistake of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// Not whole blocks of 10 ms.
    #[error("{0} samples are not a multiple of 10 ms")]
    FrameSize(usize),
    /// The result is longer than the buffer.
    #[error("the resampled frame does not fit")]
    NoRoom,
    /// The library refused to start or to go on.
    #[error("the resampler refused")]
    Library,
}

/// One direction of one leg.
pub struct Resampler {
    from: Rate,
    to: Rate,
    /// None where nothing has to be done.
    filter: Option<Box<Filter>>,
}

struct Filter {
    library: Fft<f32>,
    before: Box<[f32]>,
    after: Box<[f32]>,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Resampler {
    /// From one rate to another, or to the same.
    pub fn new(from: Rate, to: Rate) -> Result<Self, ResampleError> {
        let filter = if from == to { None } else { Some(Box::new(Filter::new(from, to)?)) };
        Ok(Self { from, to, filter })
    }

    /// The rate of what goes in.
    pub fn from(&self) -> Rate {
        self.from
    }

    /// The rate of what comes out.
    pub fn to(&self) -> Rate {
        self.to
    }

    /// How much later sound comes out.
    pub fn delay_ms(&self) -> usize {
        if self.filter.is_some() { BLOCK_MS / 2 } else { 0 }
    }

    /// Takes whole blocks of 10 ms and writes as many. Returns how many samples that are.
    pub fn resample(&mut self, from: &[i16], to: &mut [i16]) -> Result<usize, ResampleError> {
        let (block, made) = (self.from.samples(BLOCK_MS), self.to.samples(BLOCK_MS));
        if from.is_empty() || !from.len().is_multiple_of(block) {
            return Err(ResampleError::FrameSize(from.len()));
        }
        let count = from.len() / block * made;
        let to = to.get_mut(..count).ok_or(ResampleError::NoRoom)?;
        let Some(filter) = &mut self.filter else {
            to.copy_from_slice(from);
            return Ok(count);
        };
        for (before, after) in from.chunks_exact(block).zip(to.chunks_exact_mut(made)) {
            filter.block(before, after)?;
        }
        Ok(count)
    }
}

impl Filter {
    fn new(from: Rate, to: Rate) -> Result<Self, ResampleError> {
        let hz = |rate: Rate| usize::try_from(rate.hz()).map_err(|_| ResampleError::Library);
        let (block, window) = (from.samples(BLOCK_MS), WindowFunction::Blackman);
        let library = Fft::new_custom(hz(from)?, hz(to)?, block, 1, 1, window, FixedSync::Both)
            .map_err(|_| ResampleError::Library)?;
        let after = to.samples(BLOCK_MS);
        if library.input_frames_next() != block || library.output_frames_next() != after {
            return Err(ResampleError::Library);
        }
        let zeros = |samples| vec![0.0; samples].into_boxed_slice();
        Ok(Self { library, before: zeros(block), after: zeros(after) })
    }

    fn block(&mut self, from: &[i16], to: &mut [i16]) -> Result<(), ResampleError> {
        for (float, sample) in self.before.iter_mut().zip(from) {
            *float = f32::from(*sample);
        }
        let (frames_in, frames_out) = (self.before.len(), self.after.len());
        let before = SequentialSlice::new(&self.before[..], 1, frames_in);
        let after = SequentialSlice::new_mut(&mut self.after[..], 1, frames_out);
        let (Ok(before), Ok(mut after)) = (before, after) else { return Err(ResampleError::Library) };
        self.library.process_into_buffer(&before, &mut after, None).map_err(|_| ResampleError::Library)?;
        for (sample, float) in to.iter_mut().zip(&self.after) {
            *sample = round(*float);
        }
        Ok(())
    }
}
