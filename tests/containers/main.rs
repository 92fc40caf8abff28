//! Builds the image from the `Dockerfile` and the packages, runs them and uses them as their users do.
//!
//! No registry is needed: the base images are made of Debian's packages and this machine's Rust
//! toolchain. If the tools for that are missing, the tests are listed as ignored, with the reason. With
//! `REQUIRE_CONTAINERS=1`, as in continuous integration, they fail instead.

mod bases;
mod container;
mod image;
mod packages;
mod podman;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let missing = podman::missing();
    if let Some(missing) = &missing {
        eprintln!("neither the image nor packages are built and run: {missing}");
    }
    let required = std::env::var_os("REQUIRE_CONTAINERS").is_some_and(|value| !value.is_empty());
    let tests: [(&str, fn()); 3] = [
        (
            "the_image_runs_unprivileged_swaps_a_mapping_keeps_its_cache_and_stops_in_time",
            image::the_image_runs_unprivileged_swaps_a_mapping_keeps_its_cache_and_stops_in_time,
        ),
        (
            "the_debian_package_installs_runs_unprivileged_and_leaves_nothing_behind",
            packages::the_debian_package_installs_runs_unprivileged_and_leaves_nothing_behind,
        ),
        (
            "the_rpm_has_the_files_of_the_debian_package",
            packages::the_rpm_has_the_files_of_the_debian_package,
        ),
    ];
    let is_ignored = missing.is_some() && !required;
    let trials = tests.into_iter().map(|(name, test)| {
        let trial = Trial::test(name, move || {
            test();
            Ok(())
        });
        trial.with_ignored_flag(is_ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
