//! A release binary holds the built assets: it is built again when they were.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A debug build reads them from the folder when it runs.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../dist/manifest.json");
    }
}
