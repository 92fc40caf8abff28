//! The compiler, in a child process: it needs much memory, which the process that serves would keep, and
//! a few kilobytes of hostile code can occupy it for minutes.
//!
//! The child is the same program with a hidden subcommand. It reads the component from standard input
//! and writes machine code to standard output. It is killed when its result is no longer needed.

use std::io::{self, Read, Write};
use std::num::NonZero;
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
use crate::model::text::sanitize;
use crate::store::CompiledCode;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "compile-mapping";
/// The exit codes of a child that got something that is not a component (EX_DATAERR of sysexits.h), and
/// of one that got no more memory (EX_OSERR).
const INVALID: u8 = 65;
const OUT_OF_MEMORY: u8 = 71;
/// How much of a child's standard error is read.
const MESSAGE_BYTES: usize = 4 << 10;
/// What Rust says before it aborts because an allocation failed.
const ALLOCATION_FAILED: &str = "memory allocation of";
/// The threads of a child: more would not make it faster, and each needs memory.
const MAX_THREADS: usize = 4;

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
    /// No process could be started.
    #[error("failed to start a process that compiles: {0}")]
    NoProcess(io::Error),
    /// The compiler failed.
    #[error("the compiler failed: {0}")]
    Failed(String),
}

/// How components are compiled. By default in the process itself, and nothing is kept.
#[derive(Default)]
pub struct Compiler {
    program: Option<PathBuf>,
    cache: Option<CompiledCode>,
    /// The program whose installation may contain the compiled default mapping.
    installed: Option<PathBuf>,
    /// The most memory that a compilation may use, whatever the settings allow.
    max_memory_bytes: u64,
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
    pub fn in_child_process(cache: Option<CompiledCode>) -> Self {
        // It remains the same file if another one takes its place.
        let linux = Path::new("/proc/self/exe");
        let program =
            if linux.exists() { Some(linux.to_owned()) } else { std::env::current_exe().ok() };
        let compiler = Self::new(program, cache);
        // The path of the program, which the link is not.
        match std::env::current_exe() {
            Ok(program) => compiler.with_installed(program),
            Err(_) => compiler,
        }
    }

    pub(super) fn new(program: Option<PathBuf>, cache: Option<CompiledCode>) -> Self {
        let max_memory_bytes = max_memory_bytes();
        let has_warned = AtomicBool::default();
        Self { program, cache, installed: None, max_memory_bytes, has_warned }
    }

    /// Uses the compiled default mapping that is installed with a program, if there is one.
    pub(super) fn with_installed(self, program: PathBuf) -> Self {
        Self { installed: Some(program), ..self }
    }

    /// The program whose installation may contain the compiled default mapping.
    pub(super) fn installed(&self) -> Option<&Path> {
        self.installed.as_deref()
    }

    /// Where compiled code is kept, if anywhere.
    pub(super) fn cache(&self) -> Option<&CompiledCode> {
        self.cache.as_ref()
    }

    /// Compiles a component in a child process. `None`: it has to be compiled in this one, without
    /// limits, because no child can be started here at all.
    pub(super) async fn compile(
        &self,
        bytes: &[u8],
        limits: &Limits,
        origin: Origin,
    ) -> Result<Option<Vec<u8>>, CompileError> {
        let Some(program) = &self.program else { return Ok(None) };
        let default = Limits::default();
        let limits = if origin == Origin::BuiltIn { &default } else { limits };
        let memory_bytes = limits.compile_memory_bytes.min(self.max_memory_bytes);
        let error = match in_child_process(program, bytes, limits.compile_time, memory_bytes).await
        {
            Ok(code) => return Ok(Some(code)),
            Err(CompileError::NoProcess(error)) if is_impossible(&error) => error.to_string(),
            Err(error) if origin == Origin::BuiltIn => error.to_string(),
            Err(error) => return Err(error),
        };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            warn!(
                error,
                "failed to compile a mapping in a child process; compiling it in this process"
            );
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

/// Whether no process will ever be started here, rather than not now.
fn is_impossible(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied, Unsupported};
    matches!(error.kind(), NotFound | PermissionDenied | Unsupported)
}

/// Compiles in a child process. It is killed when the future is dropped.
async fn in_child_process(
    program: &Path,
    bytes: &[u8],
    time: Duration,
    memory_bytes: u64,
) -> Result<Vec<u8>, CompileError> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let mut child = Command::new(program)
        // What lists of processes show.
        .arg0(env!("CARGO_PKG_NAME"))
        .arg(SUBCOMMAND)
        .arg(time.as_secs().max(1).to_string())
        .arg(memory_bytes.to_string())
        // No token gets into a process that handles bytes from outside.
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(CompileError::NoProcess)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(mut stderr)) = (stdin, stdout, stderr) else {
        return Err(CompileError::Failed("its pipes are missing".to_owned()));
    };
    let (mut code, mut message) = (Vec::new(), Vec::new());
    let mut stdout = stdout.take(memory_bytes);
    let talk = async {
        let write = async {
            // It fails if the child has ended, which its status explains.
            stdin.write_all(bytes).await.ok();
            drop(stdin);
        };
        let complain = async {
            (&mut stderr).take(MESSAGE_BYTES as u64).read_to_end(&mut message).await.ok();
            // A child that can't write would never end.
            tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await.ok();
        };
        let ((), (), read) = tokio::join!(write, complain, stdout.read_to_end(&mut code));
        read?;
        child.wait().await
    };
    match tokio::time::timeout(time, talk).await {
        Err(_) => Err(CompileError::Time(time)),
        Ok(Err(error)) => Err(CompileError::Failed(error.to_string())),
        Ok(Ok(status)) if status.success() => Ok(code),
        Ok(Ok(status)) => {
            let message = String::from_utf8_lossy(&message);
            Err(failure(status, &message, time, memory_bytes))
        }
    }
}

/// Three quarters of what the container may use, so that it does not end with a compilation.
fn max_memory_bytes() -> u64 {
    let of_container = std::fs::read_to_string("/sys/fs/cgroup/memory.max");
    let of_container = of_container.ok().and_then(|text| text.trim().parse::<u64>().ok());
    of_container.map_or(u64::MAX, |bytes| bytes / 4 * 3)
}

/// Why a child failed.
fn failure(status: ExitStatus, message: &str, time: Duration, memory_bytes: u64) -> CompileError {
    let message = sanitize(message.trim());
    let signal = status.signal().and_then(|signal| Signal::try_from(signal).ok());
    let is_code = |code: u8| status.code() == Some(i32::from(code));
    match signal {
        _ if is_code(INVALID) => CompileError::Invalid(message),
        _ if is_code(OUT_OF_MEMORY) => CompileError::Memory(memory_bytes),
        Some(Signal::SIGABRT) if message.starts_with(ALLOCATION_FAILED) => {
            CompileError::Memory(memory_bytes)
        }
        Some(Signal::SIGXCPU) => CompileError::Time(time),
        Some(signal) => CompileError::Failed(format!("it was ended by {signal}")),
        None => {
            let code = status.code().unwrap_or_default();
            CompileError::Failed(format!("exit code {code}: {message}"))
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
        let code = engine.precompile_component(&bytes).map_err(|error| {
            let is_memory = error.chain().any(|cause| {
                let cause = cause.downcast_ref::<io::Error>();
                cause.is_some_and(|cause| cause.kind() == io::ErrorKind::OutOfMemory)
            });
            let code = if is_memory { OUT_OF_MEMORY } else { INVALID };
            (code, format!("{error:#}").chars().take(MESSAGE_BYTES / 4).collect())
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
    #[cfg(target_os = "linux")]
    {
        // When the exporter is killed, its result is not needed. The signal is sent when the thread
        // ends that has started this process: tokio's worker threads end with the exporter.
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // If memory runs out, it is this process that should end. It works without.
        std::fs::write("/proc/self/oom_score_adj", "1000").ok();
    }
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
        let why = |status: i32, message: &str| {
            let status = ExitStatus::from_raw(status);
            failure(status, message, Duration::from_secs(60), 1 << 30).to_string()
        };
        assert!(why(Signal::SIGXCPU as i32, "").contains("60 s"));
        let message = "memory allocation of 402653184 bytes failed";
        assert!(why(Signal::SIGABRT as i32, message).contains("1024 MiB"));
        assert!(why(71 << 8, "").contains("1024 MiB"));
        assert_eq!(why(Signal::SIGKILL as i32, ""), "the compiler failed: it was ended by SIGKILL");
        assert_eq!(why(1 << 8, "no"), "the compiler failed: exit code 1: no");
        // What a component contains decides nothing.
        let invalid = format!("the name {message:?} is invalid\n");
        let shown = format!("not a WebAssembly component: {}", invalid.trim());
        assert_eq!(why(65 << 8, &invalid), shown);
    }
}
