use std::sync::Arc;

use super::part::Published;
use super::publisher::Publisher;
use super::status::{Outcome, Status};
use crate::model::metrics::Registry;
use crate::model::{MappingId, Scope, Target};

#[tokio::test]
async fn targets_are_in_the_order_of_the_settings_also_after_a_reload() {
    let targets = ["a", "b", "c"].map(|login| Target::new(Scope::Organization, login).unwrap());
    let publisher = Publisher::start(&Registry::default()).unwrap();
    publisher.set_targets(&targets[1..2], None);
    publisher.set_targets(&targets, None);
    let shown = publisher.statuses().into_iter().map(|status| status.target);
    assert_eq!(shown.collect::<Vec<_>>(), targets);
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
