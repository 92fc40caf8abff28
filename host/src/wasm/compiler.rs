//! The compiler, in a child process: it needs much memory, which the process that serves would keep, and
//! a few kilobytes of hostile code can occupy it for minutes.
//!
//! The child is the same program with a hidden subcommand. It reads the component from standard input
//! and writes machine code to standard output. It is killed when nobody waits for its result any more.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tracing::warn;
use wasmtime::Config;

use crate::model::Limits;
use crate::store::CompiledCode;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "compile-mapping";
/// The exit code of a child that got something that is not a component (EX_DATAERR of sysexits.h).
const INVALID: u8 = 65;
/// How much of a child's standard error is read.
const MESSAGE_BYTES: u64 = 4 << 10;
/// What an allocation that fails is called by Rust, and by the operating system.
const OUT_OF_MEMORY: [&str; 2] = ["memory allocation of", "(os error 12)"];

/// Why a component could not be compiled.
#[derive(Debug, Error)]
pub enum CompileError {
    /// It is not valid WebAssembly.
    #[error("not a WebAssembly component: {0}")]
    Invalid(String),
    /// It takes too long.
    #[error(
        "compiling it takes more than {} s, of wall-clock or CPU time (mapping.compile_time)",
        .0.as_secs()
    )]
    Time(Duration),
    /// It needs too much memory.
    #[error("compiling it needs more than {} MiB (mapping.compile_memory_mib)", .0 >> 20)]
    Memory(u64),
    /// The compiler failed.
    #[error("the compiler failed: {0}")]
    Failed(String),
}

/// How components are compiled. By default in the process itself, and nothing is kept.
#[derive(Default)]
pub struct Compiler {
    program: Option<PathBuf>,
    kept: Option<CompiledCode>,
    has_warned: AtomicBool,
}

/// Where a component comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is part of this program: it must be usable, whatever limits are set.
    BuiltIn,
    /// It is a file.
    File,
}

impl Compiler {
    /// A compiler that starts this program as a child process, and keeps what it compiled if there is
    /// a place for it. Only for a program that calls [`compile_stdin`] when [`SUBCOMMAND`] is given.
    pub fn in_child_process(kept: Option<CompiledCode>) -> Self {
        // It remains the same file if another one takes its place.
        let linux = Path::new("/proc/self/exe");
        let program =
            if linux.exists() { Some(linux.to_owned()) } else { std::env::current_exe().ok() };
        Self::new(program, kept)
    }

    pub(super) fn new(program: Option<PathBuf>, kept: Option<CompiledCode>) -> Self {
        Self { program, kept, has_warned: AtomicBool::default() }
    }

    /// Where compiled code is kept.
    pub(super) fn kept(&self) -> Option<&CompiledCode> {
        self.kept.as_ref()
    }

    /// Compiles a component in a child process. `None`: it has to be compiled in this one.
    pub(super) async fn compile(
        &self,
        bytes: &[u8],
        limits: &Limits,
        origin: Origin,
    ) -> Result<Option<Vec<u8>>, CompileError> {
        let Some(program) = &self.program else { return Ok(None) };
        let default = Limits::default();
        let limits = if origin == Origin::BuiltIn { &default } else { limits };
        let error = match in_child_process(program, bytes, limits).await {
            Ok(Ok(code)) => return Ok(Some(code)),
            Ok(Err(error)) if origin == Origin::File => return Err(error),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            warn!(error, "no mapping can be compiled by a process of its own: this one does it");
        }
        Ok(None)
    }
}

/// The settings of wasmtime. Code that is compiled with others is not loaded.
pub(super) fn configuration() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true).epoch_interruption(true);
    config
}

/// Compiles in this process.
pub(super) fn precompile(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    engine.precompile_component(bytes).map_err(|error| CompileError::Invalid(format!("{error:#}")))
}

/// Compiles in a child process. The outer error: none could be started.
async fn in_child_process(
    program: &Path,
    bytes: &[u8],
    limits: &Limits,
) -> io::Result<Result<Vec<u8>, CompileError>> {
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .arg(limits.compile_time.as_secs().max(1).to_string())
        .arg(limits.compile_memory_bytes.to_string())
        // No token gets into a process that handles bytes from outside.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(io::Error::other("its pipes are missing"));
    };
    let (mut code, mut message) = (Vec::new(), Vec::new());
    let mut stderr = stderr.take(MESSAGE_BYTES);
    let talk = async {
        let write = async {
            // It fails if the child has ended, which its status explains.
            stdin.write_all(bytes).await.ok();
            drop(stdin);
        };
        let read = stdout.read_to_end(&mut code);
        let ((), read, _) = tokio::join!(write, read, stderr.read_to_end(&mut message));
        read?;
        child.wait().await
    };
    let Ok(status) = tokio::time::timeout(limits.compile_time, talk).await else {
        return Ok(Err(CompileError::Time(limits.compile_time)));
    };
    Ok(match status? {
        status if status.success() => Ok(code),
        status => Err(failure(status, &String::from_utf8_lossy(&message), limits)),
    })
}

/// Why a child failed.
fn failure(status: ExitStatus, message: &str, limits: &Limits) -> CompileError {
    let message = message.trim();
    let signal = status.signal().and_then(|signal| Signal::try_from(signal).ok());
    if OUT_OF_MEMORY.iter().any(|text| message.contains(text)) {
        return CompileError::Memory(limits.compile_memory_bytes);
    }
    match (signal, status.code()) {
        (Some(Signal::SIGXCPU), _) => CompileError::Time(limits.compile_time),
        (Some(signal), _) => CompileError::Failed(format!("it was ended by {signal}")),
        (None, Some(code)) if code == i32::from(INVALID) => {
            CompileError::Invalid(message.to_owned())
        }
        (None, code) => {
            CompileError::Failed(format!("exit code {}: {message}", code.unwrap_or_default()))
        }
    }
}

/// The child process: limits itself, compiles what it reads from standard input, and writes the code to
/// standard output. Returns its exit code.
pub fn compile_stdin(time: Duration, memory_bytes: u64) -> u8 {
    let result = limit(time, memory_bytes).map_err(|error| (1, error.to_string())).and_then(|()| {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| (1, error.to_string()))?;
        let engine = wasmtime::Engine::new(&configuration());
        let engine = engine.map_err(|error| (1, format!("{error:#}")))?;
        let code = precompile(&engine, &bytes).map_err(|error| match error {
            CompileError::Invalid(reason) => (INVALID, reason),
            error => (1, error.to_string()),
        })?;
        let mut out = io::stdout().lock();
        let written = out.write_all(&code).and_then(|()| out.flush());
        written.map_err(|error| (1, error.to_string()))
    });
    match result {
        Ok(()) => 0,
        Err((code, message)) => {
            eprintln!("{message}");
            code
        }
    }
}

/// Sets the limits of this process: CPU time, and memory that it writes to. Address space is not
/// limited: much of it is reserved and never used.
fn limit(time: Duration, memory_bytes: u64) -> nix::Result<()> {
    // When the exporter is killed, nobody waits for the result.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    let seconds = time.as_secs().max(1);
    // Above the hard limit, if there is one, nothing can be set.
    for (resource, value) in [
        (Resource::RLIMIT_CPU, seconds),
        (Resource::RLIMIT_DATA, memory_bytes),
        (Resource::RLIMIT_CORE, 0),
    ] {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, value.min(hard), hard)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_process_says_which_limit_it_exceeded() {
        let limits = Limits::default();
        let why = |status: i32, message: &str| {
            failure(ExitStatus::from_raw(status), message, &limits).to_string()
        };
        assert!(why(Signal::SIGXCPU as i32, "").contains("60 s"));
        let message = "memory allocation of 402653184 bytes failed";
        assert!(why(Signal::SIGABRT as i32, message).contains("1024 MiB"));
        assert_eq!(why(Signal::SIGKILL as i32, ""), "the compiler failed: it was ended by SIGKILL");
        assert_eq!(why(1 << 8, "no"), "the compiler failed: exit code 1: no");
        assert_eq!(why(65 << 8, "odd bytes\n"), "not a WebAssembly component: odd bytes");
    }
}
