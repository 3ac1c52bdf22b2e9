//! Tells the program which compiler it was built with, for `sightline_build_info`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=daemon/build.rs");
    println!("cargo::rerun-if-env-changed=BUILT_FROM_REVISION");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output().ok();
    let said = said.and_then(|output| String::from_utf8(output.stdout).ok());
    // "rustc 1.95.0 (59807616e 2026-04-14)"
    let version = said.as_deref().and_then(|said| said.split(' ').nth(1));
    println!(
        "cargo::rustc-env=BUILT_BY_RUSTC={}",
        version.unwrap_or("unknown").trim()
    );
}
