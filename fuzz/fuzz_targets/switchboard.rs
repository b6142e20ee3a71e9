//! A story told by bytes: `switchboard` in `checks/calls.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::calls::switchboard(data));
