#![no_main]
//! Any bytes: `checks/media.rs`, `rtp_rtcp`.

#[path = "../checks/media.rs"]
#[allow(dead_code)]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::rtp_rtcp(data));
