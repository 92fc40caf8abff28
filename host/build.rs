//! Builds the default mapping (`guest/`) as a wasm32-wasip2 component and hands its path to the
//! crate, which embeds it. So one `cargo build` is the product, and tests test the source. Embeds the
//! recordings of the demo too, whatever their names, and tells the crate what it is built from.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The component's file, as cargo names it after the guest's package.
const COMPONENT: &str = "wasm32-wasip2/mapping/copilot_metrics_guest.wasm";

fn main() -> io::Result<()> {
    let root = workspace_root()?;
    describe_build(&root)?;
    embed_demo(&root.join("tests/fixtures/demo"))?;
    build_mapping(&root)
}

/// Sets `BUILD_REVISION`, `BUILD_DATE`, `BUILD_TARGET` and `BUILD_FEATURES`.
///
/// The revision and the date are those of the commit, so that the same source gives the same binary; without
/// a repository, as in the Dockerfile, the variables `REVISION` and `BUILD_DATE` have them. Debug builds don't
/// ask git: the crate would be compiled again after each commit.
fn describe_build(root: &Path) -> io::Result<()> {
    for name in ["REVISION", "BUILD_DATE"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let has_commit = variable("PROFILE")? == "release";
    let commit = |format: &str| {
        let format = format!("--format={format}");
        has_commit.then(|| git(root, &["log", "-1", &format])).flatten()
    };
    if has_commit && let Some(log) = git(root, &["rev-parse", "--git-path", "logs/HEAD"]) {
        let log = root.join(log);
        // A path that does not exist would count as changed every time.
        if log.exists() {
            println!("cargo::rerun-if-changed={}", log.display());
        }
    }
    let given = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let revision = given("REVISION").or_else(|| commit("%H"));
    let date = given("BUILD_DATE").or_else(|| commit("%cs"));
    let unknown = || "unknown".to_owned();
    println!("cargo::rustc-env=BUILD_REVISION={}", revision.unwrap_or_else(unknown));
    println!("cargo::rustc-env=BUILD_DATE={}", date.unwrap_or_else(unknown));
    println!("cargo::rustc-env=BUILD_TARGET={}", variable("TARGET")?);
    let mut features: Vec<String> = env::vars()
        .filter_map(|(name, _)| name.strip_prefix("CARGO_FEATURE_").map(str::to_lowercase))
        .filter(|feature| feature != "default")
        .map(|feature| feature.replace('_', "-"))
        .collect();
    features.sort();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(" ") };
    println!("cargo::rustc-env=BUILD_FEATURES={features}");
    Ok(())
}

/// What git prints, or nothing outside a repository and without git.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// Writes an array of all files below a directory: their paths in it, and their bytes, compressed with
/// gzip.
fn embed_demo(directory: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", directory.display());
    let (mut files, mut number) = (String::new(), 0);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let mut directories = vec![directory.to_path_buf()];
    while let Some(current) = directories.pop() {
        for entry in fs::read_dir(current)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(directory).map_err(io::Error::other)?;
            let name = name.to_string_lossy().replace('\\', "/");
            let compressed = out.join(format!("{number}.gz"));
            let mut encoder = GzEncoder::new(fs::File::create(&compressed)?, Compression::best());
            encoder.write_all(&fs::read(&path)?)?;
            encoder.finish()?;
            files.push_str(&format!("    ({name:?}, include_bytes!({compressed:?})),\n"));
            number += 1;
        }
    }
    fs::write(out.join("demo_files.rs"), format!("&[\n{files}]\n"))
}

fn build_mapping(root: &Path) -> io::Result<()> {
    for path in ["guest/src", "guest/Cargo.toml", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    // A target folder of its own: this one is locked by the cargo that runs this script.
    let target = PathBuf::from(variable("OUT_DIR")?).join("guest");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args(["build", "--package", "copilot-metrics-guest", "--profile", "mapping"])
        .args(["--target", "wasm32-wasip2", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(root);
    // What was meant for the host must not reach the guest.
    for (name, _) in env::vars() {
        let inherited = name.starts_with("CARGO_FEATURE_") || name.starts_with("CARGO_CFG_");
        let flags = name.ends_with("RUSTFLAGS") || name.ends_with("RUSTC_WORKSPACE_WRAPPER");
        if inherited || flags || name == "CARGO_BUILD_TARGET" {
            cargo.env_remove(name);
        }
    }
    if !cargo.status()?.success() {
        return Err(io::Error::other(
            "the default mapping did not build; is the target there? `rustup target add wasm32-wasip2`",
        ));
    }
    println!("cargo::rustc-env=DEFAULT_MAPPING={}", target.join(COMPONENT).display());
    Ok(())
}

fn workspace_root() -> io::Result<PathBuf> {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    manifest.parent().map(Path::to_path_buf).ok_or_else(|| io::Error::other("no workspace"))
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}
