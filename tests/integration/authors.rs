/// What is left of names after `record --anonymize`.
mod anonymized;
/// `mapping test`, and `map` with a case.
mod cases;
/// `mapping check` beyond its verdict.
mod checks;
/// `record`.
mod recordings;

use std::fs;
use std::path::Path;
use std::process::Output;

use copilot_metrics_tests::command::run;

/// Runs the exporter, and returns the exit code, and both outputs.
fn outcome<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> (Option<i32>, String, String) {
    texts(run(arguments))
}

fn texts(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The path as an argument.
fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Writes a file, in a directory that need not exist.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
