//! A header's name and any value: `headers` in `checks/headers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::headers::headers(data));
