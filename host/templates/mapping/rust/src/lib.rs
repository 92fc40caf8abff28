//! The mapping: one document (billing), one family, one sample for each state of a seat.

wit_bindgen::generate!({ world: "mapping", path: "wit" });

use std::cell::{Cell, RefCell};

use exports::copilot_metrics_exporter::mapping::mapper::*;

const DOCUMENT: &str = "billing";
const FAMILY: &str = "{{family}}";
/// The values of the label `state`, each with the field that has the number of seats.
const STATES: [(&str, &str); 2] =
    [("active", "active_this_cycle"), ("inactive", "inactive_this_cycle")];
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

struct Component;

#[cfg(target_family = "wasm")]
export!(Component);

/// A run: the name of the target, and the billing document received so far.
struct Run {
    org: String,
    span: Span,
    fetched_at: Cell<i64>,
    body: RefCell<Vec<u8>>,
}

impl Guest for Component {
    type Run = Run;

    fn describe() -> Manifest {
        Manifest {
            name: "{{name}}".into(),
            version: "0.1.0".into(),
            documents: vec![DocumentSpec {
                name: DOCUMENT.into(),
                scope: Scope::Organization,
                // The default mapping uses the same document: it is fetched once for both.
                path: "/orgs/{org}/copilot/billing".into(),
                fetch: FetchKind::Plain,
                need: Need::Optional,
                fallback_for: None,
                same_day_as: None,
                only_with: None,
                permission: None,
            }],
            options: vec![],
            families: vec![Family {
                name: FAMILY.into(),
                help: "Number of billed Copilot seats by state: \
                       active or inactive in this billing cycle."
                    .into(),
                kind: MetricKind::Gauge,
                label_names: vec!["org".into(), "state".into()],
                enabled_by: None,
                detail: 0,
            }],
            charts: vec![],
        }
    }
}

impl GuestRun for Run {
    fn new(target: Target, span: Span, _options: Vec<OptionValue>) -> Self {
        Run { org: target.name, span, fetched_at: Cell::default(), body: RefCell::default() }
    }

    fn feed(&self, document: Document, chunk: Vec<u8>) -> Result<(), Error> {
        // A chunk may end anywhere, even within a character: parse when the document is complete.
        self.fetched_at.set(document.fetched_at);
        self.body.borrow_mut().extend(chunk);
        Ok(())
    }

    fn finish(&self) -> Result<SampleSet, Error> {
        let body = self.body.borrow();
        // Any document may be missing: GitHub may refuse it.
        if body.is_empty() {
            return Ok(SampleSet { strings: vec![], families: vec![], unmapped: vec![] });
        }
        let billing: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| malformed(error.to_string()))?;
        let mut samples = FamilySamples {
            name: FAMILY.into(),
            label_values: vec![],
            values: vec![],
            timestamps: self.is_history().then(Vec::new),
        };
        let mut strings = vec![self.org.clone()];
        for (state, field) in STATES {
            let seats = billing["seat_breakdown"][field].as_f64();
            samples.values.push(seats.ok_or_else(|| malformed(format!("{field} is missing")))?);
            // Two indexes into `strings`: the organization and the state.
            samples.label_values.extend([0, strings.len() as u32]);
            strings.push(state.into());
            if let Some(timestamps) = &mut samples.timestamps {
                timestamps.push(self.day());
            }
        }
        Ok(SampleSet { strings, families: vec![samples], unmapped: vec![] })
    }
}

impl Run {
    fn is_history(&self) -> bool {
        self.span == Span::History
    }

    /// The start of the day that the document is about: here, of the day it was fetched.
    fn day(&self) -> i64 {
        self.fetched_at.get().div_euclid(SECONDS_PER_DAY) * SECONDS_PER_DAY * 1000
    }
}

/// The error for a document that is not what it should be: the exporter keeps the last good one.
fn malformed(reason: String) -> Error {
    Error::Malformed(Malformed {
        document: DOCUMENT.into(),
        part: 0,
        offset: 0,
        path: Some("seat_breakdown".into()),
        reason,
    })
}
