use copilot_metrics_tests::artifacts::{
    CONFIG, Fault, LAYER, StandInRegistry, digest_of, manifest,
};
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::scripted;
use serde_json::json;

use super::{SEATS, start_with, wait_for_refusal, wait_until_pulled};
use crate::serving::metrics;

/// Serves a good mapping, then what `change` puts in its place, and waits until that is refused.
async fn refused(change: impl Fn(&StandInRegistry), cause: &str, words: &str) -> StandInRegistry {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", &scripted("scripted", "1", "nothing"));
    let (serving, _config) = start_with(&github, &registry, "  max_file_mib: 8");
    wait_until_pulled(&serving).await;
    change(&registry);
    wait_for_refusal(&serving, cause, words).await;
    // It is not tried again.
    let requests = registry.requests().len();
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let further = registry.requests();
    let further = further.iter().skip(requests).filter(|request| request.path.contains("blobs"));
    assert_eq!(further.count(), 0, "no blob is requested again");
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
    registry
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_image_is_refused() {
    let image = |registry: &StandInRegistry| {
        let config = registry.blob("application/vnd.oci.image.config.v1+json", b"{}");
        let layer = registry.blob("application/vnd.oci.image.layer.v1.tar+gzip", b"image");
        registry.manifest("1", &manifest(&config, &layer));
    };
    let registry = refused(image, "artifact", "its config is not of the type").await;
    let layer = digest_of(b"image");
    assert!(registry.requests().iter().all(|request| !request.path.contains(&layer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_several_images_is_refused() {
    let index = |registry: &StandInRegistry| {
        let media_type = "application/vnd.oci.image.index.v1+json";
        registry
            .manifest("1", &json!({"schemaVersion": 2, "mediaType": media_type, "manifests": []}));
    };
    refused(index, "artifact", "it is an index of several images").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_of_1_gb_is_refused_before_it_is_downloaded() {
    let large = |registry: &StandInRegistry| {
        let config = registry.blob(CONFIG, b"{}");
        let mut layer = registry.blob(LAYER, b"large");
        layer["size"] = json!(1_u64 << 30);
        registry.manifest("1", &manifest(&config, &layer));
    };
    let registry = refused(large, "size", "more than the 8388608 bytes").await;
    let layer = digest_of(b"large");
    assert!(registry.requests().iter().all(|request| !request.path.contains(&layer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_larger_than_its_manifest_says_is_given_up() {
    let lying = |registry: &StandInRegistry| {
        registry.fail(&digest_of(b"small"), Fault::Endless);
        registry.mapping("1", b"small");
    };
    refused(lying, "digest", "does not have the digest or size").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_not_what_its_digest_says_is_refused() {
    let other = |registry: &StandInRegistry| {
        registry.tampered("1", b"mapping", b"changed");
    };
    refused(other, "digest", "does not have the digest or size").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_a_mapping_is_refused_like_a_file() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", b"not a component");
    let (serving, _config) = start_with(&github, &registry, "");
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("not a WebAssembly component"), "{line}");
    assert!(line.contains(&registry.reference("1")), "{line}");
    let (_, page) = serving.get("/").await;
    assert!(page.contains(&registry.reference("1")));
}
