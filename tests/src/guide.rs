//! The commands in `docs/mapping-plugins.md`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::binary;
use crate::fixtures::root;
use crate::transcript::record;

/// A block of the guide between fences.
#[derive(Debug)]
pub struct Block {
    /// The heading above it.
    pub heading: String,
    /// Its lines.
    pub text: String,
}

/// The blocks of a kind, such as `sh`, in order.
pub fn blocks(kind: &str) -> Vec<Block> {
    let text = fs::read_to_string(root().join("docs/mapping-plugins.md"))
        .unwrap_or_else(|error| panic!("{error}"));
    let fence = format!("```{kind}");
    let (mut blocks, mut heading, mut open) = (Vec::new(), String::new(), None);
    for line in text.lines() {
        match (&mut open, line.trim()) {
            (Some(_), "```") => {
                let text = open.take().unwrap_or_default();
                blocks.push(Block { heading: heading.clone(), text });
            }
            (Some(block), line) => {
                let block: &mut String = block;
                block.push_str(line);
                block.push('\n');
            }
            (None, start) if start == fence => open = Some(String::new()),
            (None, start) if start.starts_with('#') => {
                heading = start.trim_start_matches(['#', ' ']).to_owned();
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The only block of a kind below a heading.
pub fn block(kind: &str, heading: &str) -> String {
    let found = blocks(kind).into_iter().filter(|block| block.heading == heading);
    let [block] = found.collect::<Vec<_>>().try_into().unwrap_or_else(|found| {
        panic!("not one block below {heading}: {found:?}");
    });
    block.text
}

/// Runs commands as a user does, in a directory. They must succeed. Returns what they print.
pub fn run(directory: &Path, commands: &str) -> String {
    run_with(directory, commands, |_| ())
}

/// Runs commands with more variables, such as those with a password.
pub fn run_with(directory: &Path, commands: &str, variables: impl FnOnce(&mut Command)) -> String {
    let program = binary();
    let program = program.parent().unwrap_or_else(|| panic!("no directory"));
    // Those of tests/requirements.txt.
    let tools = root().join("target/tools/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", commands])
        .current_dir(directory)
        .env("PATH", format!("{}:{}:{path}", program.display(), tools.display()))
        // Crates are those of the workspace, so that no network is needed.
        .env("CARGO_NET_OFFLINE", "true")
        // Nor another version of Go.
        .env("GOTOOLCHAIN", "local")
        // These tests may be run by make.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL");
    variables(&mut command);
    let output = command.output().unwrap_or_else(|error| panic!("bash: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    record(&text);
    assert!(output.status.success(), "{commands}{text}{error}");
    text
}
