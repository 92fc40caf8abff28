//! The base images, which are built from the packages of this machine's distribution.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use copilot_metrics_tests::fixtures::root;

use crate::podman::{done, podman, storage};

pub const BUILD: &str = "localhost/copilot-metrics-build-base";
pub const RUNTIME: &str = "localhost/copilot-metrics-runtime-base";

/// This machine's certificate authorities, which include that of a corporate proxy.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The archive of the runtime's base image.
pub fn runtime_archive() -> PathBuf {
    storage().join("runtime.tar")
}

/// Makes both. The first contains what `rust:slim` does: a C compiler, rustup and the pinned toolchain.
pub fn make() {
    fs::create_dir_all(storage()).unwrap();
    let toolchain = toolchain();
    let build = storage().join("build.tar");
    debian(&build, |mmdebstrap| {
        mmdebstrap.arg("--include=gcc,libc6-dev,ca-certificates");
        mmdebstrap.arg(format!("--customize-hook=tar-in {} /usr/local", toolchain.display()));
        mmdebstrap.arg(format!("--customize-hook=copy-in {AUTHORITIES} /etc/ssl/certs"));
    });
    let path =
        "PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let variables = [path, "RUSTUP_HOME=/usr/local/rustup", "CARGO_HOME=/usr/local/cargo"];
    import(&build, BUILD, &variables);
    debian(&runtime_archive(), |_| {});
    import(&runtime_archive(), RUNTIME, &[]);
    for archive in [build, toolchain] {
        fs::remove_file(archive).unwrap();
    }
}

/// A minimal Debian or Ubuntu of the same release as this machine, whose glibc the toolchain and its binaries
/// need: as an archive, or as a directory if its name has no extension.
pub fn debian(archive: &Path, more: impl FnOnce(&mut Command)) {
    let release = fs::read_to_string("/etc/os-release").unwrap();
    let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap.args(["--quiet", "--variant=minbase"]);
    more(&mut mmdebstrap);
    done(mmdebstrap.arg(suite.unwrap()).arg(archive));
}

fn import(archive: &Path, name: &str, variables: &[&str]) {
    let mut import = podman();
    import.args(["import", "--quiet"]);
    for variable in variables {
        import.args(["--change", &format!("ENV {variable}")]);
    }
    done(import.arg(archive).arg(name));
}

/// An archive of rustup and the pinned toolchain, as under /usr/local in `rust:slim`.
fn toolchain() -> PathBuf {
    let directory = tempfile::tempdir_in(storage()).unwrap();
    let (cargo, rustup) = (directory.path().join("cargo/bin"), directory.path().join("rustup"));
    let rustc =
        |what: &str| done(Command::new("rustc").args(["--print", what]).current_dir(root()));
    let sysroot = fs::canonicalize(rustc("sysroot")).unwrap();
    // The name that rustup gives it: channel and host.
    let named = rustc("sysroot");
    let name = Path::new(&named).file_name().unwrap().to_owned();
    let toolchain = rustup.join("toolchains").join(name);
    for directory in [&cargo, &toolchain] {
        fs::create_dir_all(directory).unwrap();
    }
    let home = done(Command::new("rustup").args(["show", "home"]));
    fs::copy(Path::new(&home).join("settings.toml"), rustup.join("settings.toml")).unwrap();
    let installed = done(Command::new("sh").args(["-c", "command -v rustup"]));
    fs::copy(installed, cargo.join("rustup")).unwrap();
    for proxy in ["cargo", "rustc"] {
        symlink("rustup", cargo.join(proxy)).unwrap();
    }
    // Without the documentation, which is larger than everything else.
    for part in ["bin", "lib", "libexec"] {
        let part = sysroot.join(part);
        if part.exists() {
            done(Command::new("cp").arg("--archive").arg(part).arg(&toolchain));
        }
    }
    let archive = storage().join("toolchain.tar");
    done(
        Command::new("tar")
            .arg("--create")
            .arg("--file")
            .arg(&archive)
            .arg("--directory")
            .arg(directory.path())
            .arg("."),
    );
    archive
}
