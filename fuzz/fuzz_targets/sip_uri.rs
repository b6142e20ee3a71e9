//! Any bytes: `uri` in `checks/sip.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::sip::uri(data));
