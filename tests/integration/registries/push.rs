use copilot_metrics_tests::command::{exporter, output};
use copilot_metrics_tests::guests::{Mappings, scripted};
use copilot_metrics_tests::registry::Registry;

/// Pushes a mapping without a password, and returns the exit code and what was printed.
fn push(component: &[u8], reference: &str) -> (Option<i32>, String) {
    let files = Mappings::default();
    files.put("mapping.wasm", component);
    let mut command = exporter();
    // Not the `config.json` of the user who runs the tests.
    command.args(["mapping", "push"]).arg(files.file("mapping.wasm")).arg(reference);
    command.env("DOCKER_CONFIG", files.path());
    let output = output(command);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn mapping_push_refuses_what_mapping_check_refuses_and_says_why_a_push_failed() {
    let registry = Registry::start().await;
    let reference = registry.reference("team/seats:1");
    let good = scripted("scripted", "1", "nothing");
    let (code, text) = push(&scripted("scripted", "1", "trap-in-finish"), &reference);
    assert_eq!(code, Some(65), "{text}");
    assert!(text.contains("FAIL  run") && !text.contains("pushed"), "{text}");
    // The certificate is that of the test's own authority.
    let (code, text) = push(&good, &reference);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no complete response from localhost"), "{text}");
    let digest = format!("{}@sha256:{}", reference.trim_end_matches(":1"), "a".repeat(64));
    for (wrong, words) in [
        (digest.as_str(), "has a digest: push to a tag"),
        ("seats:1", "does not name a registry and repository"),
        ("https://ghcr.io/octo/seats:1", "is not a reference to an OCI registry"),
    ] {
        let (code, text) = push(&good, wrong);
        assert_eq!(code, Some(64), "{text}");
        assert!(text.contains(words), "{text}");
    }
    let files = Mappings::default();
    files.put("mapping.wasm", &good);
    let mut command = exporter();
    command.args(["mapping", "push"]).arg(files.file("mapping.wasm")).arg(&reference);
    registry.sign_in(&mut command);
    command.env("REGISTRY_PASSWORD", "wrong-registry-password");
    let refused = output(command);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{error}");
    assert!(error.contains("did not accept the user and password"), "{error}");
    assert!(!error.contains("wrong-registry-password"), "{error}");
}
