//! Any bytes: `sdp` in `checks/media.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::media::sdp(data));
