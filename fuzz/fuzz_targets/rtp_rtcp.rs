//! Any bytes: `rtp_rtcp` in `checks/media.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::media::rtp_rtcp(data));
