//! A story told by bytes: `dtls` in `checks/dtls.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::dtls::dtls(data));
