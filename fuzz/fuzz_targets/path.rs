//! See `scimgate_fuzz::path`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scimgate_fuzz::path(data));
