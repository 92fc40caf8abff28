//! The compiled default mapping that is installed with the program, as in the image: a cold start then compiles
//! nothing.
//!
//! It is compiled for the baseline of the architecture, so that every processor can run it; what this machine
//! compiled for itself is preferred. Machine code can do anything, so it is only loaded from a place where
//! whoever can write could also replace the program, and its SHA-256 is checked like that of everything that
//! is kept.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tracing::warn;

use super::DEFAULT_MAPPING;
use super::compiler::{CompileError, configuration};
use crate::model::digest::sha256;
use crate::store::{CodeKey, WRITABLE_FOR_OTHERS};

/// The hidden subcommand that writes it to standard output.
pub const INSTALL_SUBCOMMAND: &str = "compile-default-mapping";
/// Where it is, from the directory of the program.
const FILE: &str = "../lib/copilot-metrics-exporter/default-mapping.code";
/// The platform that the program was built for.
const PLATFORM: &str = env!("BUILD_TARGET");

/// The code of the default mapping that is installed with a program, if it is there and intact.
pub(super) fn load(program: &Path, sha256: &str) -> Option<Vec<u8>> {
    let file = program.parent()?.join(FILE);
    match read(&file, program, sha256) {
        Ok(code) => Some(code),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let file = file.display();
            warn!(%file, %error, "the compiled default mapping can't be used; compiling it again");
            None
        }
    }
}

fn read(file: &Path, program: &Path, sha256: &str) -> io::Result<Vec<u8>> {
    let mut opened = File::open(file)?;
    let owner = fs::metadata(program)?.uid();
    let is_protected =
        |found: &Metadata| found.uid() == owner && found.mode() & WRITABLE_FOR_OTHERS == 0;
    let found = opened.metadata()?;
    let directory = file.parent().map(fs::metadata).transpose()?;
    if !found.is_file() || !is_protected(&found) || !directory.as_ref().is_some_and(is_protected) {
        let reason = "others than the owner of the program could write to it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    opened.read_to_end(&mut bytes)?;
    key(sha256).unseal(bytes).ok_or_else(|| io::Error::other("its digest does not match"))
}

/// Compiles the default mapping for the baseline of the architecture, and writes it as [`load`] reads it.
pub fn compile_default_mapping(out: &mut impl Write) -> Result<(), CompileError> {
    let failed = |error: wasmtime::Error| CompileError::Failed(format!("{error:#}"));
    let mut configuration = configuration();
    configuration.target(PLATFORM).map_err(failed)?;
    let engine = wasmtime::Engine::new(&configuration).map_err(failed)?;
    let code = engine.precompile_component(DEFAULT_MAPPING).map_err(failed)?;
    let sealed = key(&sha256([DEFAULT_MAPPING])).seal(&code);
    let written = out.write_all(&sealed).and_then(|()| out.flush());
    written.map_err(|error| CompileError::Failed(error.to_string()))
}

/// wasmtime itself refuses code of another version or other settings.
fn key(sha256: &str) -> CodeKey<'_> {
    CodeKey { sha256, compatibility: PLATFORM }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;
    use crate::model::Limits;
    use crate::wasm::compiler::Compiler;
    use crate::wasm::{Engine, Mapping};

    /// A program that never compiles, with the default mapping beside it.
    struct Installation {
        directory: tempfile::TempDir,
    }

    impl Installation {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let new = Self { directory };
            fs::create_dir_all(new.file().parent().unwrap()).unwrap();
            fs::create_dir(new.program().parent().unwrap()).unwrap();
            fs::copy("/bin/false", new.program()).unwrap();
            let mut code = Vec::new();
            compile_default_mapping(&mut code).unwrap();
            fs::write(new.file(), code).unwrap();
            for path in [new.file().parent().unwrap(), &new.file()] {
                fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
            }
            new
        }

        fn program(&self) -> PathBuf {
            self.directory.path().join("bin/copilot-metrics-exporter")
        }

        fn file(&self) -> PathBuf {
            self.directory.path().join("lib/copilot-metrics-exporter/default-mapping.code")
        }

        fn load(&self) -> Option<Vec<u8>> {
            load(&self.program(), &sha256([DEFAULT_MAPPING]))
        }

        fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
            let mut code = fs::read(self.file()).unwrap();
            change(&mut code);
            fs::write(self.file(), code).unwrap();
        }
    }

    #[tokio::test]
    async fn the_default_mapping_is_loaded_as_installed_and_any_other_is_compiled() {
        let installation = Installation::new();
        let compiler =
            Compiler::new(Some("/bin/false".into()), None).with_installed(installation.program());
        let engine = Engine::with_compiler(Limits::default(), compiler).unwrap();
        assert!(installation.load().is_some());
        assert_eq!(Mapping::load_default(&engine).await.unwrap().name(), "github-copilot");
        assert_eq!(Mapping::load(&engine, DEFAULT_MAPPING).await.err().unwrap().cause(), "compile");
    }

    #[test]
    fn changed_or_truncated_code_and_that_of_another_mapping_is_not_loaded() {
        let installation = Installation::new();
        assert!(installation.load().is_some());
        assert!(load(&installation.program(), &sha256([b"another"])).is_none());
        for at in [0, 40, 10_000] {
            installation.change(|code| code[at] ^= 1);
            assert!(installation.load().is_none(), "byte {at}");
            installation.change(|code| code[at] ^= 1);
        }
        installation.change(|code| code.truncate(20));
        assert!(installation.load().is_none());
        fs::remove_file(installation.file()).unwrap();
        assert!(installation.load().is_none());
    }

    #[test]
    fn code_that_others_could_have_written_is_not_loaded() {
        let installation = Installation::new();
        let file = installation.file();
        for path in [&file, file.parent().unwrap()] {
            fs::set_permissions(path, Permissions::from_mode(0o775)).unwrap();
            assert!(installation.load().is_none(), "{}", path.display());
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        assert!(installation.load().is_some());
    }
}
