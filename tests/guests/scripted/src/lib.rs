//! A mapping for tests. It behaves well, or badly in the way that the script in its bytes says. The
//! tests write the script into the built component, so that one build serves them all.

wit_bindgen::generate!({ world: "mapping", path: "../../../wit/0.2" });

mod behaviors;
mod outside;
mod script;

use std::cell::{Cell, RefCell};

use exports::copilot_metrics_exporter::mapping::mapper::*;

use behaviors::Behavior;
use script::Script;

struct Component;

#[cfg(target_family = "wasm")]
export!(Component);

/// A run: the organization's name, the days, and the billing document received so far: when it was
/// fetched, and its bytes.
struct Run {
    org: String,
    span: Span,
    fetched_at: Cell<i64>,
    billing: RefCell<Vec<u8>>,
}

/// The number of samples that are labeled with the version of the mapping.
const STAMPS: u32 = 500;

fn family(name: &str, label_names: &[&str]) -> Family {
    Family {
        name: name.into(),
        help: "A family for tests.".into(),
        kind: MetricKind::Gauge,
        label_names: label_names.iter().map(|&name| name.into()).collect(),
        enabled_by: None,
        detail: 0,
    }
}

impl Guest for Component {
    type Run = Run;

    fn describe() -> Manifest {
        let script = Script::read();
        script.behavior.before("describe");
        let document = DocumentSpec {
            name: "billing".into(),
            scope: Scope::Organization,
            path: "/orgs/{org}/copilot/billing".into(),
            fetch: FetchKind::Plain,
            need: Need::Optional,
            fallback_for: None,
            same_day_as: None,
            only_with: None,
            permission: None,
        };
        let mut manifest = Manifest {
            name: script.name.into(),
            version: script.version.into(),
            documents: vec![document],
            options: vec![],
            families: vec![
                family("scripted_seats", &["org"]),
                family("scripted_stamp", &["org", "number", "version"]),
            ],
            charts: vec![],
        };
        script.behavior.spoil_manifest(&mut manifest);
        manifest
    }
}

impl GuestRun for Run {
    fn new(target: Target, span: Span, _: Vec<OptionValue>) -> Self {
        let behavior = Script::read().behavior;
        behavior.before("constructor");
        if span == Span::History {
            behavior.before("history");
        }
        Run { org: target.name, span, fetched_at: Cell::default(), billing: RefCell::default() }
    }

    fn feed(&self, document: Document, chunk: Vec<u8>) -> Result<(), Error> {
        Script::read().behavior.before("feed");
        if document.name == "billing" {
            self.fetched_at.set(document.fetched_at);
            self.billing.borrow_mut().extend(chunk);
        }
        Ok(())
    }

    fn finish(&self) -> Result<SampleSet, Error> {
        let script = Script::read();
        script.behavior.before("finish");
        let billing = String::from_utf8_lossy(&self.billing.borrow()).into_owned();
        if billing.contains("trap now") && script.behavior == Behavior::TrapWhenTold {
            panic!("told to trap");
        }
        if billing.contains("spin now") && script.behavior == Behavior::LoopWhenTold {
            while std::hint::black_box(true) {}
        }
        // Sufficient for the recordings.
        let seats = billing.split("\"total\":").nth(1).unwrap_or("0");
        let seats = seats.trim().split([',', '}']).next().unwrap_or("0");
        let mut strings = vec![self.org.clone(), script.version.to_owned()];
        let mut stamps = Vec::new();
        for number in 0..STAMPS {
            strings.push(number.to_string());
            stamps.extend([0, number + 2, 1]);
        }
        let mut set = SampleSet {
            strings,
            families: vec![
                FamilySamples {
                    name: "scripted_seats".into(),
                    label_values: vec![0],
                    values: vec![seats.trim().parse().unwrap_or(0.0)],
                    timestamps: None,
                },
                FamilySamples {
                    name: "scripted_stamp".into(),
                    label_values: stamps,
                    values: vec![1.0; STAMPS as usize],
                    timestamps: None,
                },
            ],
            unmapped: vec![],
        };
        if self.span == Span::History {
            let day = self.fetched_at.get().div_euclid(86_400) * 86_400_000;
            for family in &mut set.families {
                family.timestamps = Some(vec![day; family.values.len()]);
            }
        }
        script.behavior.spoil_samples(&mut set);
        Ok(set)
    }
}
