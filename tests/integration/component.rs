use std::process::Command;

use copilot_metrics_exporter::wasm::{ALLOWED_IMPORTS, DEFAULT_MAPPING, INTERFACE, Version};
use copilot_metrics_tests::command::{Serving, exporter, printed, run};
use copilot_metrics_tests::fixtures::{path, root};
use copilot_metrics_tests::guests::Mappings;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

#[test]
fn the_default_mapping_is_a_component_that_imports_no_files_sockets_or_clocks() {
    let engine = Engine::new(Config::new().wasm_component_model(true)).unwrap();
    let component = Component::from_binary(&engine, DEFAULT_MAPPING).unwrap();
    let world = component.component_type();
    let imports: Vec<_> = world.imports(&engine).map(|(name, _)| name.to_owned()).collect();
    for import in &imports {
        let interface = import.split('@').next().unwrap();
        assert!(ALLOWED_IMPORTS.contains(&interface), "it imports {import}");
        let is_needed = ["wasi:cli/", "wasi:io/", "wasi:random/insecure-seed"];
        assert!(is_needed.iter().any(|start| interface.starts_with(start)), "it imports {import}");
    }
    // The standard library of wasm32-wasip2 imports WASI 0.2.
    assert!(imports.iter().any(|import| import.starts_with("wasi:cli/environment@0.2.")));
}

#[test]
fn the_default_mapping_exports_the_contract_and_nothing_else() {
    let engine = Engine::new(Config::new().wasm_component_model(true)).unwrap();
    let component = Component::from_binary(&engine, DEFAULT_MAPPING).unwrap();
    let world = component.component_type();
    let exports: Vec<_> = world.exports(&engine).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(exports, [format!("{INTERFACE}@{}", Version::NEWEST)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smallest_mapping_of_the_guide_builds_in_an_empty_directory_and_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let documentation = std::fs::read_to_string(root().join("docs/mapping-plugins.md")).unwrap();
    let block = |begin: &str| {
        let (_, rest) =
            documentation.split_once(begin).unwrap_or_else(|| panic!("the guide has no {begin}"));
        rest.split("\n```").next().unwrap().to_owned()
    };
    std::fs::write(directory.path().join("Cargo.toml"), block("```toml\n")).unwrap();
    for (file, content) in [
        ("src/lib.rs", block("```rust\n")),
        ("wit/mapping.wit", std::fs::read_to_string(root().join("wit/0.2/mapping.wit")).unwrap()),
    ] {
        let file = directory.path().join(file);
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    // The same versions of crates, so that no network is needed.
    std::fs::copy(root().join("Cargo.lock"), directory.path().join("Cargo.lock")).unwrap();
    let command = block("Build it:\n\n```sh\ncargo ");
    let target = root().join("target/mappings");
    let built = Command::new(env!("CARGO"))
        .args(command.split_whitespace())
        .args(["--offline", "--target-dir"])
        .arg(&target)
        .current_dir(directory.path())
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
        assert!(text.contains(line), "{line} is missing");
    }
}

#[test]
fn a_file_that_is_not_a_mapping_or_has_forbidden_imports_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let billing = format!("billing={}", path("small/billing.json").display());
    let refused = |name: &str, bytes: &[u8], reason: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let output = run(["map", "--org", "acme", "--mapping", file.to_str().unwrap(), &billing]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{name}: {error}");
        assert!(error.contains(name) && error.contains(reason), "{name}: {error}");
    };
    let wat = |text: &str| wat::parse_str(text).unwrap();
    for import in
        ["wasi:http/outgoing-handler@0.2.0", "wasi:keyvalue/store@0.2.0", "acme:host/shell"]
    {
        let component = wat(&format!("(component (import \"{import}\" (instance)))"));
        refused("forbidden.wasm", &component, &format!("it imports {import}"));
    }
    refused("empty.wasm", &wat("(component)"), "not a mapping for this exporter");
    refused("core.wasm", &wat("(module)"), "not a WebAssembly component");
    refused("cut.wasm", &DEFAULT_MAPPING[..1000], "not a WebAssembly component");
    refused("text.wasm", b"(component)", "not a WebAssembly component");
}
