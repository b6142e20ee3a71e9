//! A story told by bytes: `srtp` in `checks/srtp.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::srtp::srtp(data));
