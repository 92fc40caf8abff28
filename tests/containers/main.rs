//! The image as `Dockerfile` makes it: built, run, and used as its users do.
//!
//! No registry is asked: Debian's packages and this machine's Rust toolchain make the base images. Where
//! the machine lacks what that takes, the test is listed as ignored, and says why; with
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
        eprintln!("the image is not built and not run: {missing}");
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
