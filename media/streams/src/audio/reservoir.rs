//! Samples that wait to make up a whole frame: packets bring 10, 30 or 60 ms, everything else takes 20.
//!
//! Its room is fixed when it is made. What does not fit is refused, nothing is overwritten.

/// First in, first out.
#[derive(Clone, Debug)]
pub struct Reservoir {
    samples: Box<[i16]>,
    held: usize,
}

impl Reservoir {
    /// With room for so many samples.
    pub fn new(room: usize) -> Self {
        Self { samples: vec![0; room].into_boxed_slice(), held: 0 }
    }

    /// Samples held.
    pub fn len(&self) -> usize {
        self.held
    }

    /// None held.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// What is held, the oldest first.
    pub fn held(&self) -> &[i16] {
        self.samples.get(..self.held).unwrap_or_default()
    }

    /// Samples that still fit.
    pub fn room(&self) -> usize {
        self.samples.len() - self.held
    }

    /// Lets `write` fill the free part and say how many samples it wrote.
    pub fn fill(&mut self, write: impl FnOnce(&mut [i16]) -> usize) -> usize {
        let (_, free) = self.samples.split_at_mut(self.held);
        let room = free.len();
        let written = write(free).min(room);
        self.held += written;
        written
    }

    /// Takes exactly a frame out, or nothing.
    pub fn take(&mut self, frame: &mut [i16]) -> bool {
        let Some(oldest) = self.held().get(..frame.len()) else { return false };
        frame.copy_from_slice(oldest);
        self.drop_oldest(frame.len());
        true
    }

    /// Shortens what is held to the first so many samples.
    pub fn truncate(&mut self, samples: usize) {
        self.held = self.held.min(samples);
    }

    /// What is held, to be changed in place.
    pub fn held_mut(&mut self) -> &mut [i16] {
        self.samples.split_at_mut(self.held).0
    }

    /// Forgets the oldest.
    pub fn drop_oldest(&mut self, samples: usize) {
        let gone = samples.min(self.held);
        self.samples.copy_within(gone..self.held, 0);
        self.held -= gone;
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.held = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order_and_only_in_whole_frames() {
        let mut reservoir = Reservoir::new(10);
        let (mut next, mut expected) = (0, 0);
        for _ in 0..50 {
            reservoir.fill(|free| {
                let count = free.len().min(3);
                free[..count].iter_mut().for_each(|sample| {
                    *sample = next;
                    next += 1;
                });
                count
            });
            let mut frame = [0; 4];
            let held = reservoir.len();
            assert_eq!(reservoir.take(&mut frame), held >= 4);
            if held >= 4 {
                assert_eq!(frame, std::array::from_fn(|i| expected + i as i16));
                expected += 4;
            }
            assert!(reservoir.len() + reservoir.room() == 10);
        }
        assert!(expected > 100);
    }

    #[test]
    fn a_writer_that_claims_more_than_there_is_room_for_is_not_believed() {
        let mut reservoir = Reservoir::new(4);
        assert_eq!(reservoir.fill(|_| 99), 4);
        assert_eq!((reservoir.len(), reservoir.room(), reservoir.fill(|free| free.len())), (4, 0, 0));
        reservoir.drop_oldest(99);
        assert!(reservoir.is_empty());
    }
}
