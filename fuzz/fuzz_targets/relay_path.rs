//! A story told by bytes: `relay_path` in `checks/path.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::path::relay_path(data));
