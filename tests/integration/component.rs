use copilot_metrics_exporter::wasm::{ALLOWED_IMPORTS, DEFAULT_MAPPING, INTERFACE, Version};
use copilot_metrics_tests::command::{printed, run};
use copilot_metrics_tests::fixtures::path;
use copilot_metrics_tests::guests::build;
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

#[test]
fn the_smallest_mapping_of_the_examples_passes_every_check_and_maps_a_recording() {
    let directory = tempfile::tempdir().unwrap();
    let mapping = directory.path().join("smallest.wasm");
    std::fs::write(&mapping, build("smallest-mapping", &[])).unwrap();
    let mapping = mapping.to_str().unwrap();
    assert!(printed(["mapping", "check", mapping]).ends_with("the mapping can be used\n"));
    let billing = format!("billing={}", path("small/billing.json").display());
    assert_eq!(
        printed(["map", "--org", "acme", "--mapping", mapping, &billing]),
        "# HELP smallest_seats Number of billed seats.\n# TYPE smallest_seats gauge\nsmallest_seats{org=\"acme\"} 12\n"
    );
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
