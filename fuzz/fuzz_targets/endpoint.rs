//! A story told by bytes: `endpoint` in `checks/endpoint.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::endpoint::endpoint(data));
