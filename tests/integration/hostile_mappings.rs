use std::fs::File;

use copilot_metrics_exporter::wasm::DEFAULT_MAPPING;
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};

use crate::serving::{command, metrics};

/// An exporter with data, and limits for its mappings.
struct Host {
    github: StandIn,
    mappings: Mappings,
    serving: Serving,
    config: Config,
}

/// What must stay the same whatever a mapping does.
#[derive(Debug, PartialEq)]
struct Served {
    data: Vec<String>,
    requests: usize,
}

impl Host {
    async fn start() -> Self {
        let (github, mappings) = (stand_in().await, Mappings::default());
        // Long enough for what does not loop, however busy the machine is.
        let config = Config::new(&limits("30s"));
        let mut command = command(&github, "octodemo");
        command.env("MAPPING_DIR", mappings.path()).env("CONFIG_FILE", config.path());
        let serving = Serving::start(command);
        serving.wait_for("refreshed");
        Self { github, mappings, serving, config }
    }

    /// Limits the time of mappings that run from now on.
    async fn limit_run_time(&self, run_time: &str) {
        self.config.write("config.yaml", &limits(run_time));
        assert_eq!(self.serving.post("/-/reload").await.0, 200);
    }

    async fn served(&self) -> Served {
        let (status, text) = self.serving.get("/metrics").await;
        assert_eq!(status, 200);
        let is_data =
            |line: &&str| line.starts_with("github_copilot_") || line.starts_with("total_");
        let data: Vec<String> = text.lines().filter(is_data).map(str::to_owned).collect();
        assert!(data.len() > 1000);
        Served { data, requests: self.github.requests().len() }
    }

    async fn resident(&self) -> f64 {
        metrics(&self.serving).await.value("process_resident_memory_bytes")
    }

    /// Puts a mapping into the directory. It must be refused for this reason, with this text in the log.
    async fn refuses(&self, put: impl FnOnce(&Mappings), reason: &str, text: &str) {
        let (before, resident) = (self.served().await, self.resident().await);
        put(&self.mappings);
        let line = self.serving.wait_for("mapping refused");
        assert!(line.contains(&format!("reason=\"{reason}\"")), "{line}");
        assert!(line.contains(text), "{line}");
        assert!(line.contains("guest.wasm"), "{line}");
        assert_eq!(self.served().await, before);
        let exposition = metrics(&self.serving).await;
        assert_eq!(refusals(&exposition, reason), 1.0);
        assert_eq!(exposition.sum("copilot_exporter_mapping_swaps_total", "success"), 0.0);
        assert_eq!(exposition.value("copilot_exporter_mapping_last_swap_successful"), 0.0);
        assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
        let now = exposition.value("process_resident_memory_bytes");
        assert!(now < resident * 1.2, "{resident} bytes before, {now} after");
    }
}

/// The config file with the limits of mappings.
fn limits(run_time: &str) -> String {
    format!("mapping: {{run_time: {run_time}, memory_mib: 16, result_mib: 16, series: 100000}}")
}

fn refusals(exposition: &Exposition, reason: &str) -> f64 {
    let labels = format!("{{reason=\"{reason}\",result=\"failure\"}}");
    exposition.value(&format!("copilot_exporter_mapping_swaps_total{labels}"))
}

/// A scripted mapping with this behavior is refused.
async fn refused(behavior: &str, reason: &str, text: &str) {
    let bytes = scripted("scripted", "1", behavior);
    Host::start().await.refuses(|mappings| mappings.put("guest.wasm", &bytes), reason, text).await;
}

/// A file with these bytes is refused.
async fn refused_file(bytes: &[u8], reason: &str, text: &str) {
    Host::start().await.refuses(|mappings| mappings.put("guest.wasm", bytes), reason, text).await;
}

macro_rules! refused {
    ($($(#[$doc:meta])* $name:ident: $behavior:literal, $reason:literal, $text:literal;)+) => {
        $(
            $(#[$doc])*
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                refused($behavior, $reason, $text).await;
            }
        )+
    };
}

refused! {
    infinite_recursion_runs_out_of_stack: "recurse", "memory", "stack";
    endless_memory_growth_is_stopped: "grow", "memory", "bytes of memory, more than the limit of 16777216";
    ten_million_samples_are_refused: "flood", "memory", "the mapping exceeded its memory limit";
    an_invalid_family_name_is_refused:
        "family-name", "manifest", "bad name";
    an_invalid_label_name_is_refused:
        "label-name", "manifest", "bad-label";
    the_exporters_own_names_are_reserved:
        "reserved-name", "manifest", "the prefix copilot_exporter_ is reserved for the exporter";
    a_label_value_that_is_not_utf8_ends_the_run: "not-utf8", "panic", "utf-8";
    a_label_value_that_is_too_long_is_refused:
        "long-label", "invalid_samples", "a label value of 100000 bytes exceeds the limit of 1024";
    a_few_long_strings_that_expand_to_too_much_text_are_refused:
        "much-text", "invalid_samples", "bytes of text, more than the limit of 16777216";
    text_from_a_mapping_cannot_forge_log_lines:
        "forges-the-log", "invalid_samples", "family \"x2026-01-01 INFO all is well[2Jyyy";
    a_reference_to_a_missing_string_is_refused:
        "out-of-range", "invalid_samples", "label value 1000000 is out of range of the 502 strings";
    columns_of_different_lengths_are_refused:
        "columns", "invalid_samples", "1 values require 1 label values, found 2";
    a_value_that_is_not_a_number_is_refused:
        "not-a-number", "invalid_samples", "sample 0 has the value NaN";
    duplicate_series_are_refused:
        "duplicate", "invalid_samples", "duplicate sample with the labels";
    an_undeclared_family_is_refused:
        "undeclared", "invalid_samples", "not_in_the_manifest";
    a_trap_in_describe_is_caught: "trap-in-describe", "describe", "it traps in describe";
    a_trap_in_the_constructor_is_caught: "trap-in-constructor", "panic", "it traps in constructor";
    a_trap_in_feed_is_caught: "trap-in-feed", "panic", "it traps in feed";
    a_trap_in_finish_is_caught: "trap-in-finish", "panic", "it traps in finish";
    a_trap_at_every_second_call_is_caught:
        "trap-every-second-call", "panic", "it traps at call 2";
    the_path_of_another_organization_is_refused:
        "other-organization", "manifest", "/orgs/somebody-else/copilot/billing";
    the_path_of_another_host_is_refused:
        "other-host", "manifest", "https://evil.example/orgs/{org}/copilot";
    a_path_with_parent_directories_is_refused: "up-the-path", "manifest", "must start with /orgs/{org}/";
    a_family_of_another_mapping_is_refused_and_both_are_named:
        "takes-a-family", "conflict",
        "the mappings \"github-copilot\" and \"scripted\" both have the family \"github_copilot_seats\"";
    a_different_document_of_the_same_name_is_refused_and_both_are_named:
        "takes-a-document", "conflict",
        "the mappings \"github-copilot\" and \"scripted\" have different documents named \"billing\"";
}

#[tokio::test(flavor = "multi_thread")]
async fn an_infinite_loop_runs_out_of_time() {
    let (host, bytes) = (Host::start().await, scripted("scripted", "1", "loop"));
    host.limit_run_time("500ms").await;
    let put = |mappings: &Mappings| mappings.put("guest.wasm", &bytes);
    host.refuses(put, "time", "the mapping exceeded its time limit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_imports_are_refused_with_their_names() {
    let text = "(component
        (import \"wasi:http/outgoing-handler@0.2.0\" (instance))
        (import \"acme:host/shell\" (instance)))";
    let names = "it imports wasi:http/outgoing-handler@0.2.0, acme:host/shell";
    refused_file(&wat::parse_str(text).unwrap(), "import", names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_is_refused() {
    let bytes = scripted("scripted", "1", "nothing");
    refused_file(&bytes[..bytes.len() / 2], "component", "it is truncated or corrupt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_module_is_refused_with_instructions() {
    let module = wat::parse_str("(module)").unwrap();
    refused_file(&module, "component", "it is a core module; build it for wasm32-wasip2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_file_is_refused() {
    refused_file(b"(component)", "component", "it does not start like a WebAssembly file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn precompiled_machine_code_is_never_loaded() {
    let engine = wasmtime::Engine::default();
    let compiled = engine.precompile_component(DEFAULT_MAPPING).unwrap();
    refused_file(&compiled, "component", "it does not start like a WebAssembly file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_gigabyte_is_refused_without_being_read() {
    let host = Host::start().await;
    let put = |mappings: &Mappings| {
        let new = mappings.file(".new");
        File::create(&new).unwrap().set_len(1 << 30).unwrap();
        std::fs::rename(new, mappings.file("guest.wasm")).unwrap();
    };
    host.refuses(put, "size", "its 1073741824 bytes exceed the limit of 67108864").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_refused_and_blocks_nothing() {
    let host = Host::start().await;
    let put = |mappings: &Mappings| {
        nix::unistd::mkfifo(&mappings.file("guest.wasm"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    };
    host.refuses(put, "unreadable", "it is not a regular file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_another_world_is_refused_with_the_missing_export() {
    let text = "(component (component $c) (instance $i (instantiate $c)) (export \"wasi:cli/run@0.2.0\" (instance $i)))";
    let missing =
        "it does not export copilot-metrics-exporter:mapping/mapper@0.2.0, but wasi:cli/run@0.2.0";
    refused_file(&wat::parse_str(text).unwrap(), "world", missing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_of_the_contract_is_refused_with_the_supported_ones() {
    let mut bytes = scripted("scripted", "1", "nothing");
    let (old, new) = (b"mapping/mapper@0.2.0", b"mapping/mapper@0.3.0");
    while let Some(at) = bytes.windows(old.len()).position(|window| window == old) {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    let versions = "it exports copilot-metrics-exporter:mapping/mapper@0.3.0, but this exporter supports 0.1.0 to 0.2.0";
    refused_file(&bytes, "version", versions).await;
}
