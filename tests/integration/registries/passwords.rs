use copilot_metrics_tests::artifacts::{Fault, StandInRegistry};
use copilot_metrics_tests::command::{Serving, exporter, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::scripted;
use copilot_metrics_tests::transcript::keep_secret;

use crate::serving::{command, metrics};

/// The password.
const PASSWORD: &str = "registry-hunter2-password";

/// An exporter that has a password for the registry, after its first check, and that check's line.
async fn checked(registry: &StandInRegistry) -> (Serving, String) {
    keep_secret(PASSWORD);
    let github = stand_in().await;
    let reference = registry.reference("1");
    let config = Config::new(&format!(
        "mapping: {{sources: [{reference:?}], registry: {{plain_http: true}}}}"
    ));
    let mut command = command(&github, "octodemo");
    command
        .env("CONFIG_FILE", config.path())
        .env("REGISTRY_USERNAME", "octocat")
        .env("REGISTRY_PASSWORD", PASSWORD);
    let serving = Serving::start(command);
    let line = loop {
        let line = serving.wait_for("mapp");
        if ["mapping pulled", "cannot check the source"].iter().any(|text| line.contains(text)) {
            break line;
        }
    };
    let exposed = [serving.log(), serving.get("/metrics").await.1, serving.get("/").await.1];
    assert!(exposed.iter().all(|text| !text.contains(PASSWORD)));
    (serving, line)
}

fn basic(next: Option<Fault>) -> Fault {
    Fault::SignIn("Basic realm=\"tests\"".to_owned(), next.map(Box::new))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_sent_to_the_host_that_a_registry_redirects_to() {
    let (registry, storage) = (StandInRegistry::start().await, StandInRegistry::start().await);
    let component = scripted("scripted", "1", "nothing");
    for server in [&registry, &storage] {
        server.mapping("1", &component);
    }
    // Blobs are elsewhere, as in registries that use a storage service.
    registry.fail("", basic(Some(Fault::Redirect(storage.url()))));
    let (serving, line) = checked(&registry).await;
    assert!(line.contains("mapping pulled"), "{line}");
    assert!(registry.requests().iter().any(|request| request.authorization.is_some()));
    assert!(storage.requests().len() > 1);
    assert!(storage.requests().iter().all(|request| request.authorization.is_none()));
    drop(serving);
    // Another host that asks for a password does not get it.
    storage.fail("", basic(None));
    let (_serving, line) = checked(&registry).await;
    assert!(line.contains("reason=\"unauthorized\""), "{line}");
    assert!(storage.requests().iter().all(|request| request.authorization.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_plain_http_on_another_machine_is_not_followed() {
    let registry = StandInRegistry::start().await;
    registry.fail("", Fault::Redirect("http://registry.example.com".to_owned()));
    let (_serving, line) = checked(&registry).await;
    assert!(line.contains("leads to registry.example.com, which is not https"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_sent_to_a_token_server_of_another_domain() {
    let registry = StandInRegistry::start().await;
    let challenge = "Bearer realm=\"https://tokens.example.com/token\",service=\"tests\"";
    registry.fail("", Fault::SignIn(challenge.to_owned(), None));
    let (_serving, line) = checked(&registry).await;
    assert!(line.contains("reason=\"redirect\""), "{line}");
    assert!(line.contains("tokens.example.com, which is not of its own domain"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_redirects_in_circles_is_given_up() {
    let registry = StandInRegistry::start().await;
    registry.fail("", Fault::Redirect(registry.url()));
    let (serving, line) = checked(&registry).await;
    assert!(line.contains("redirects too often"), "{line}");
    assert_eq!(metrics(&serving).await.sum("copilot_exporter_mapping_source_up", ""), 0.0);
}

#[test]
fn settings_that_would_send_a_password_to_the_wrong_place_are_refused() {
    let refused = |yaml: &str, wanted: &str| {
        let config = Config::new(yaml);
        let mut command = exporter();
        command.arg("check-config").arg("--config").arg(config.path());
        command.env("REGISTRY_USERNAME", "octocat").env("REGISTRY_PASSWORD", PASSWORD);
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains(wanted) && !error.contains(PASSWORD), "{error}");
    };
    refused(
        "mapping: {sources: [\"oci://ghcr.io/a/b:1\", \"oci://quay.io/a/b:1\"]}",
        "ghcr.io and quay.io would get the same password",
    );
    refused(
        "mapping: {sources: [\"oci://ghcr.io/a/b:1\"], registry: {plain_http: true}}",
        "plain_http is only for registries on this machine",
    );
    refused("mapping: {sources: [\"oci://ghcr.io/a/b\"]}", "has neither a tag nor a digest");
    refused("mapping: {verify: {key: no/such/file}}", "cannot read it");
}
