//! Mappings for tests: scripted ones, one built against an old contract, and the examples of the
//! documentation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use tempfile::TempDir;

use crate::fixtures::root;

/// Builds a mapping of the workspace with the command in the documentation, in a target directory of
/// the tests' own.
pub fn build(package: &str, features: &[&str]) -> Vec<u8> {
    // The file has the same name with all features: one build must not replace another's.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let target = root().join("target/mappings");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2", "--package", package])
        .arg(format!("--features={}", features.join(",")))
        .arg("--target-dir")
        .arg(&target)
        .current_dir(root())
        .status();
    assert!(built.is_ok_and(|status| status.success()), "{package} does not build");
    let file = format!("wasm32-wasip2/release/{}.wasm", package.replace('-', "_"));
    fs::read(target.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A mapping with this name, version and behavior. `nothing` means that it behaves well;
/// `tests/guests/scripted` lists the other behaviors. It exports the billed seats as `scripted_seats`, and its
/// version as a label of 500 samples `scripted_stamp`.
pub fn scripted(name: &str, version: &str, behavior: &str) -> Vec<u8> {
    static BUILT: OnceLock<(Vec<u8>, usize)> = OnceLock::new();
    let (bytes, at) = BUILT.get_or_init(|| {
        let bytes = build("scripted-mapping", &[]);
        let at = bytes.windows(7).position(|window| window == b"SCRIPT ");
        let at = at.unwrap_or_else(|| panic!("the component does not contain a script"));
        (bytes, at)
    });
    let (mut bytes, at) = (bytes.clone(), *at);
    let script = format!("{:127}.", format!("SCRIPT {name} {version} {behavior}"));
    assert_eq!(script.len(), 128, "the script is too long");
    bytes[at..at + script.len()].copy_from_slice(script.as_bytes());
    bytes
}

/// A mapping built against version 0.1 of the contract. It exports the billed seats as
/// `legacy_contract_seats`.
pub fn contract_0_1() -> Vec<u8> {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    BUILT.get_or_init(|| build("contract-0-1-mapping", &[])).clone()
}

/// A component with another core module in it of this many functions, each of which takes long to compile.
/// The module is used for nothing; twelve functions take seconds. Without a component, only the section
/// that makes one slow.
pub fn slow_to_compile(component: &[u8], functions: usize) -> Vec<u8> {
    const BLOCKS: usize = 4_000;
    let mut text = String::from("(module (memory 1)");
    for function in 0..functions {
        text +=
            &format!("(func (export \"f{function}\") (param i32) (result i32) (local i32 i32 i32)");
        for block in 0..BLOCKS {
            let [to, from] = [block % 4, (block * 7 + function) % 4];
            text += &format!(
                "(if (i32.rem_u (local.get {from}) (i32.const {block})) (then (local.set {to} \
                 (i32.mul (local.get {from}) (i32.load (local.get {to}))))))"
            );
        }
        text.push_str("(local.get 1))");
    }
    text.push(')');
    with_module(component, &text)
}

/// A component with another core module in it, in the text format, that is used for nothing. Without a
/// component, only the section with the module.
pub fn with_module(component: &[u8], text: &str) -> Vec<u8> {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    // A section of a component: its number, its length as LEB128, the module.
    let mut section = vec![1];
    let mut length = module.len();
    while length >= 0x80 {
        section.push(length as u8 | 0x80);
        length >>= 7;
    }
    section.push(length as u8);
    [component, &section, &module].concat()
}

/// A directory of mappings. It is removed when it is dropped.
pub struct Mappings(TempDir);

impl Default for Mappings {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")))
    }
}

impl Mappings {
    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of a file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and renames it into place, as well-behaved tools do.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let new = self.file(".new");
        let put = fs::write(&new, bytes).and_then(|()| fs::rename(&new, self.file(name)));
        put.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
