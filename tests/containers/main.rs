//! Builds the image from the `Dockerfile`, runs it and uses it as its users do.
//!
//! No registry is needed: the base images are made of Debian's packages and this machine's Rust
//! toolchain. If the tools for that are missing, the test is listed as ignored, with the reason. With
//! `REQUIRE_CONTAINERS=1`, as in continuous integration, it fails instead.

mod bases;
mod container;
mod image;
mod podman;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let missing = podman::missing();
    if let Some(missing) = &missing {
        eprintln!("the image is neither built nor run: {missing}");
    }
    let required = std::env::var_os("REQUIRE_CONTAINERS").is_some_and(|value| !value.is_empty());
    let name = "the_image_runs_unprivileged_swaps_a_mapping_keeps_its_cache_and_stops_in_time";
    let trial = Trial::test(name, || {
        image::the_image_runs_unprivileged_swaps_a_mapping_keeps_its_cache_and_stops_in_time();
        Ok(())
    });
    let trial = trial.with_ignored_flag(missing.is_some() && !required);
    libtest_mimic::run(&arguments, vec![trial]).exit();
}
