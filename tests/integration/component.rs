use std::process::Command;

use copilot_metrics_exporter::wasm::DEFAULT_MAPPING;
use copilot_metrics_tests::command::{Serving, exporter, printed, run};
use copilot_metrics_tests::fixtures::{path, root};
use copilot_metrics_tests::guests::Mappings;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// What `docs/mapping-plugins.md` allows a mapping to import.
pub const ALLOWED: [&str; 14] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure-seed",
];

#[test]
fn the_default_mapping_is_a_component_that_imports_no_files_sockets_or_clocks() {
    let engine = Engine::new(Config::new().wasm_component_model(true)).unwrap();
    let component = Component::from_binary(&engine, DEFAULT_MAPPING).unwrap();
    let world = component.component_type();
    let imports: Vec<_> = world.imports(&engine).map(|(name, _)| name.to_owned()).collect();
    for import in &imports {
        let interface = import.split('@').next().unwrap();
        assert!(ALLOWED.contains(&interface), "it imports {import}");
    }
    // wasm32-wasip2: the standard library's imports are those of WASI 0.2.
    assert!(imports.iter().any(|import| import.starts_with("wasi:cli/environment@0.2.")));
}

#[test]
fn the_default_mapping_exports_the_contract_and_nothing_else() {
    let engine = Engine::new(Config::new().wasm_component_model(true)).unwrap();
    let component = Component::from_binary(&engine, DEFAULT_MAPPING).unwrap();
    let world = component.component_type();
    let exports: Vec<_> = world.exports(&engine).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(exports, ["copilot-metrics-exporter:mapping/mapper@0.1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smallest_mapping_of_the_documentation_builds_in_an_empty_folder_and_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let documentation = std::fs::read_to_string(root().join("docs/mapping-plugins.md")).unwrap();
    let block = |begin: &str| {
        let (_, rest) =
            documentation.split_once(begin).unwrap_or_else(|| panic!("there is no {begin}"));
        rest.split("\n```").next().unwrap().to_owned()
    };
    std::fs::write(folder.path().join("Cargo.toml"), block("```toml\n")).unwrap();
    for (file, content) in [
        ("src/lib.rs", block("```rust\n")),
        ("wit/mapping.wit", std::fs::read_to_string(root().join("wit/0.1/mapping.wit")).unwrap()),
    ] {
        let file = folder.path().join(file);
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    // The crates that are there, so that no network is needed.
    std::fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let command = block("Build it:\n\n```sh\ncargo ");
    let target = root().join("target/mappings");
    let built = Command::new(env!("CARGO"))
        .args(command.split_whitespace())
        .args(["--offline", "--target-dir"])
        .arg(&target)
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(built.success());
    let mapping = target.join("wasm32-wasip2/release/smallest_mapping.wasm");
    let mapping = mapping.to_str().unwrap();
    assert!(printed(["mapping", "check", mapping]).ends_with("the mapping can be used\n"));
    let billing = format!("billing={}", path("small/billing.json").display());
    let exposition = printed(["map", "--org", "acme", "--mapping", mapping, &billing]);
    assert_eq!(
        exposition,
        "# HELP smallest_seats Number of billed seats.\n# TYPE smallest_seats gauge\nsmallest_seats{org=\"acme\"} 12\n"
    );
    let mappings = Mappings::default();
    let mut command = exporter();
    command.args(["--demo", "--mapping-dir"]).arg(mappings.path());
    let serving = Serving::start(command);
    for _ in 0..3 {
        serving.wait_for("refreshed");
    }
    mappings.put("smallest_mapping.wasm", &std::fs::read(mapping).unwrap());
    serving.wait_for("mapping in use");
    let text = serving.get("/metrics").await.1;
    let begin = "$ curl -s localhost:8000/metrics | grep smallest_seats\n";
    let (_, shown) = documentation.split_once(begin).unwrap();
    for line in shown.split("\n```").next().unwrap().lines() {
        assert!(text.contains(line), "there is no {line}");
    }
}

#[test]
fn what_is_no_mapping_or_wants_more_than_it_may_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let billing = format!("billing={}", path("small/billing.json").display());
    let refused = |name: &str, bytes: &[u8], reason: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let output = run(["map", "--org", "acme", "--mapping", file.to_str().unwrap(), &billing]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{name}: {error}");
        assert!(error.contains(name) && error.contains(reason), "{name}: {error}");
    };
    let wat = |text: &str| wat::parse_str(text).unwrap();
    for import in
        ["wasi:sockets/tcp@0.2.0", "wasi:filesystem/preopens@0.2.6", "wasi:clocks/wall-clock@0.2.0"]
    {
        let component = wat(&format!("(component (import \"{import}\" (instance)))"));
        refused("wants-more.wasm", &component, &format!("it imports {import}"));
    }
    refused("empty.wasm", &wat("(component)"), "not a mapping for this exporter");
    refused("core.wasm", &wat("(module)"), "not a WebAssembly component");
    refused("cut.wasm", &DEFAULT_MAPPING[..1000], "not a WebAssembly component");
    refused("text.wasm", b"(component)", "not a WebAssembly component");
}
