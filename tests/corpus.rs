//! Runs the committed inputs of the fuzz targets, findings of the past among them, through what must hold for them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
mod laws;

fn run(target: &str, law: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // A run of the fuzzer names what it finds by its SHA-1, and may be at work on it.
    files.retain(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.len() != 40 || !name.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    files.sort();
    assert!(files.len() >= 30, "{} has {} inputs alone", folder.display(), files.len());
    let broken = |file: &&std::path::PathBuf| {
        let input = std::fs::read(file).unwrap();
        catch_unwind(AssertUnwindSafe(|| law(&input))).is_err()
    };
    let broken: Vec<_> = files.iter().filter(broken).collect();
    assert!(broken.is_empty(), "these break a law, as said above: {broken:#?}");
}

#[test]
fn filters() {
    run("filter", laws::filter);
}

#[test]
fn paths() {
    run("path", laws::path);
}

#[test]
fn patches() {
    run("patch", laws::patch);
}

#[test]
fn resources() {
    run("resource", laws::resource);
}
