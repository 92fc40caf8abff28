use std::sync::Arc;

use super::part::Published;
use super::publisher::Publisher;
use super::status::{Outcome, Status};
use crate::model::metrics::Registry;
use crate::model::{Family, FamilySamples, MappingId, MetricKind, Samples, Scope, Target};

#[tokio::test]
async fn targets_are_in_the_order_of_the_settings_also_after_a_reload() {
    let targets = ["a", "b", "c"].map(|login| Target::new(Scope::Organization, login).unwrap());
    let publisher = Publisher::start(&Registry::default()).unwrap();
    publisher.set_targets(&targets[1..2], None);
    publisher.set_targets(&targets, None);
    let shown = publisher.statuses().into_iter().map(|status| status.target);
    assert_eq!(shown.collect::<Vec<_>>(), targets);
}

/// Stored samples: a family of one value.
fn stored(value: f64) -> Vec<Published> {
    let (name, help) = ("seats".to_owned(), "Seats.".to_owned());
    let (label_names, label_values) = Default::default();
    let (kind, enabled_by, detail) = (MetricKind::Gauge, None, 0);
    let family = Family { name: name.clone(), help, kind, label_names, enabled_by, detail };
    let values = FamilySamples { name, label_values, values: vec![value], timestamps: None };
    let samples = Samples { families: vec![(Arc::new(family), values)], ..Samples::default() };
    let mapping = MappingId { name: "m".into(), version: "1".into(), sha256: "m1".into() };
    let (samples, unmapped) = (Arc::new(samples), Arc::from([]));
    vec![Published { mapping, fingerprint: value.to_string(), samples, unmapped }]
}

#[tokio::test]
async fn the_text_of_a_target_is_written_again_only_when_its_own_samples_change() {
    let [a, b] = ["a", "b"].map(|login| Target::new(Scope::Organization, login).unwrap());
    let publisher = Publisher::start(&Registry::default()).unwrap();
    publisher.set_targets(&[a.clone(), b.clone()], None);
    let text = || publisher.text_of("a", None).unwrap().unwrap();
    publisher.restore(&a, stored(1.0));
    let first = text();
    publisher.restore(&b, stored(2.0));
    assert!(publisher.text_of("b", None).unwrap().unwrap().ends_with(b"seats 2\n"));
    assert_eq!(text().as_ptr(), first.as_ptr());
    publisher.restore(&a, stored(3.0));
    assert!(first.ends_with(b"seats 1\n") && text().ends_with(b"seats 3\n"));
}

#[tokio::test]
async fn an_organization_and_an_enterprise_of_one_name_have_texts_of_their_own_and_a_common_one() {
    let publisher = Publisher::start(&Registry::default()).unwrap();
    let scopes = [Scope::Organization, Scope::Enterprise];
    let targets = scopes.map(|scope| Target::new(scope, "octo").unwrap());
    publisher.set_targets(&targets, None);
    for (target, value) in targets.iter().zip([1.0, 2.0]) {
        publisher.restore(target, stored(value));
    }
    for (scope, expected) in [
        (None, "seats 1\nseats 2\n"),
        (Some("organization"), "# TYPE seats gauge\nseats 1\n"),
        (Some("enterprise"), "# TYPE seats gauge\nseats 2\n"),
    ] {
        let text = publisher.text_of("octo", scope).unwrap().unwrap();
        assert!(text.ends_with(expected.as_bytes()), "{scope:?}: {text:?}");
    }
    assert!(publisher.text_of("octo", Some("team")).is_none());
}
#[tokio::test]
async fn with_replicas_it_is_ready_when_it_has_tried_every_target() {
    let targets = ["a", "b"].map(|login| Target::new(Scope::Organization, login).unwrap());
    let mapping = MappingId { name: "m".into(), version: "1".into(), sha256: "m1".into() };
    let stored = |target: &Target, publisher: &Publisher| {
        let (samples, unmapped) = (Arc::default(), Arc::from([]));
        let (mapping, fingerprint) = (mapping.clone(), "f".to_owned());
        publisher.restore(target, vec![Published { mapping, fingerprint, samples, unmapped }]);
    };
    for requires_all in [false, true] {
        let publisher = Publisher::start(&Registry::default()).unwrap();
        publisher.set_targets(&targets, None);
        if requires_all {
            publisher.require_all_data();
        }
        stored(&targets[0], &publisher);
        publisher.shown().await;
        assert_eq!(publisher.is_ready(), !requires_all);
        let status = Status::Failed(vec!["refused".to_owned()]);
        publisher.set_outcome(&targets[1], Outcome { status, ..Outcome::default() });
        assert!(publisher.is_ready());
    }
}
