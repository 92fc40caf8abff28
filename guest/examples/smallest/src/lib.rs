//! The smallest complete mapping: one document, one family, one sample.

wit_bindgen::generate!({ world: "mapping", path: "wit" });

use std::cell::RefCell;

use exports::copilot_metrics_exporter::mapping::mapper::*;

struct Component;

#[cfg(target_family = "wasm")]
export!(Component);

/// A run: the organization's name, and the bytes of its billing document received so far.
struct Run {
    org: String,
    billing: RefCell<Vec<u8>>,
}

impl Guest for Component {
    type Run = Run;

    fn describe() -> Manifest {
        Manifest {
            name: "smallest".into(),
            version: "0.1.0".into(),
            documents: vec![DocumentSpec {
                name: "billing".into(),
                scope: Scope::Organization,
                path: "/orgs/{org}/copilot/billing".into(),
                fetch: FetchKind::Plain,
                need: Need::Required,
                fallback_for: None,
                same_day_as: None,
                only_with: None,
                permission: None,
            }],
            options: vec![],
            families: vec![Family {
                name: "smallest_seats".into(),
                help: "Number of billed seats.".into(),
                kind: MetricKind::Gauge,
                label_names: vec!["org".into()],
                enabled_by: None,
                detail: 0,
            }],
            charts: vec![],
        }
    }
}

impl GuestRun for Run {
    fn new(target: Target, _: Span, _: Vec<OptionValue>) -> Self {
        Run { org: target.name, billing: RefCell::default() }
    }

    fn feed(&self, _: Document, chunk: Vec<u8>) -> Result<(), Error> {
        self.billing.borrow_mut().extend(chunk);
        Ok(())
    }

    fn finish(&self) -> Result<SampleSet, Error> {
        let malformed = |reason: String| {
            Error::Malformed(Malformed {
                document: "billing".into(),
                part: 0,
                offset: 0,
                path: None,
                reason,
            })
        };
        let billing: serde_json::Value = serde_json::from_slice(&self.billing.borrow())
            .map_err(|error| malformed(error.to_string()))?;
        let seats = billing["seat_breakdown"]["total"]
            .as_f64()
            .ok_or_else(|| malformed("seat_breakdown.total is missing".into()))?;
        Ok(SampleSet {
            strings: vec![self.org.clone()],
            families: vec![FamilySamples {
                name: "smallest_seats".into(),
                // The only sample has one label, `org`, whose value is string 0.
                label_values: vec![0],
                values: vec![seats],
                timestamps: None,
            }],
            unmapped: vec![],
        })
    }
}
