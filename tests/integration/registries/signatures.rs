use std::fs;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use copilot_metrics_tests::artifacts::{MANIFEST, StandInRegistry, digest_of, manifest};
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::scripted;
use copilot_metrics_tests::registry::{Registry, key_pair};
use serde_json::json;

use super::sources::push;
use super::{SEATS, start_with, wait_for_refusal, wait_until_pulled};
use crate::serving::{command, metrics};

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_refused_until_cosign_has_signed_it_with_the_right_key() {
    let (github, registry) = (stand_in().await, Registry::start().await);
    let (right, wrong) = (key_pair(), key_pair());
    let digest = push(&registry, "team/seats:1", &scripted("scripted", "1", "nothing"));
    let reference = registry.reference("team/seats:1");
    let key = right.path().join("cosign.pub");
    let config = Config::new(&format!(
        "mapping: {{sources_interval: 1s, sources: [{reference:?}], verify: {{key: {}}}}}",
        key.display()
    ));
    let mut command = command(&github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    registry.sign_in(&mut command);
    let serving = Serving::start(command);
    wait_for_refusal(&serving, "signature", "it has no signature").await;
    registry.sign(wrong.path(), &digest);
    wait_for_refusal(&serving, "signature", "made with another key").await;
    assert_eq!(metrics(&serving).await.series(SEATS).count(), 0);
    // The tag need not move.
    registry.sign(right.path(), &digest);
    serving.wait_for("mapping in use");
    while metrics(&serving).await.sum(SEATS, "") < 340.0 {
        tokio::task::yield_now().await;
    }
    // With another key from now on, it is not in use any more.
    fs::copy(wrong.path().join("cosign.pub"), &key).unwrap();
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0, "it has both signatures");
    fs::copy(key_pair().path().join("cosign.pub"), &key).unwrap();
    assert_eq!(serving.post("/-/reload").await.0, 200);
    serving.wait_for("mapping no longer in use");
    assert_eq!(metrics(&serving).await.series(SEATS).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_as_cosign_3_writes_it_is_a_signature_and_an_attestation_is_not() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    let digest = registry.mapping("1", &scripted("scripted", "1", "nothing"));
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let head = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let der = [&head[..], pair.public_key().as_ref()].concat();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), pem).unwrap();
    // <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>
    let attach = |predicate: &str| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": digest.trim_start_matches("sha256:")}}],
            "predicateType": predicate,
            "predicate": {},
        });
        let (statement, kind) = (statement.to_string(), "application/vnd.in-toto+json");
        let signed = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let bundle_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let bundle = json!({
            "mediaType": bundle_type,
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": {
                "payload": STANDARD.encode(&statement),
                "payloadType": kind,
                "signatures": [{"sig": STANDARD.encode(signature)}],
            },
        });
        let config = registry.blob("application/vnd.oci.empty.v1+json", b"{}");
        let layer = registry.blob(bundle_type, bundle.to_string().as_bytes());
        let referrer = manifest(&config, &layer);
        let text = referrer.to_string();
        registry.manifest("referrer", &referrer);
        let descriptor = json!({
            "mediaType": MANIFEST, "digest": digest_of(text.as_bytes()), "size": text.len(),
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        });
        registry.manifest(&digest.replace(':', "-"), &index);
    };
    attach("https://spdx.dev/Document");
    let verify = format!("  verify: {{key: {}}}", key.path().display());
    let (serving, _config) = start_with(&github, &registry, &verify);
    wait_for_refusal(&serving, "signature", "its signature is not valid").await;
    // What is not signed is not downloaded.
    let layer = digest_of(&scripted("scripted", "1", "nothing"));
    assert!(registry.requests().iter().all(|request| !request.path.contains(&layer)));
    attach("https://sigstore.dev/cosign/sign/v1");
    serving.wait_for("mapping in use");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_mapping_is_only_used_if_it_is_signed_with_the_key_of_now() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", &scripted("scripted", "1", "nothing"));
    let cache = tempfile::tempdir().unwrap();
    let reference = registry.reference("1");
    let start = |verify: &str| {
        let config = Config::new(&format!(
            "mapping: {{sources: [{reference:?}], registry: {{plain_http: true}}{verify}}}"
        ));
        let mut command = command(&github, "octodemo");
        command.env("CONFIG_FILE", config.path()).env("CACHE_DIR", cache.path());
        (Serving::start(command), config)
    };
    let (serving, _config) = start("");
    wait_until_pulled(&serving).await;
    serving.kill();
    let key = key_pair();
    let key = key.path().join("cosign.pub");
    registry.fail("", copilot_metrics_tests::artifacts::Fault::Status(503, String::new()));
    let (serving, _config) = start(&format!(", verify: {{key: {}}}", key.display()));
    serving.wait_for("cannot check the source of a mapping");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert!(!serving.log().contains("mapping in use"));
}
