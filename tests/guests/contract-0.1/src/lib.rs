//! A mapping built for version 0.1 of the contract, as users of the first release have them. It must still
//! load, run and be swapped. It exports the number of billed seats.

wit_bindgen::generate!({ world: "mapping", path: "../../../wit/0.1" });

use std::cell::RefCell;

use exports::copilot_metrics_exporter::mapping::mapper::*;

/// The family and its document.
const SEATS: &str = "legacy_contract_seats";
const BILLING: &str = "billing";

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
            name: "contract-0-1".into(),
            version: "0.1.0".into(),
            documents: vec![DocumentSpec {
                name: BILLING.into(),
                scope: Scope::Organization,
                path: "/orgs/{org}/copilot/billing".into(),
                fetch: FetchKind::Plain,
                need: Need::Optional,
                fallback_for: None,
                same_day_as: None,
            }],
            options: vec![],
            families: vec![Family {
                name: SEATS.into(),
                help: "Billed Copilot seats.".into(),
                kind: MetricKind::Gauge,
                label_names: vec!["org".into()],
            }],
        }
    }
}

impl GuestRun for Run {
    fn new(target: Target, _: Span, _: Vec<OptionValue>) -> Self {
        Run { org: target.name, billing: RefCell::default() }
    }

    fn feed(&self, document: Document, chunk: Vec<u8>) -> Result<(), Error> {
        if document.name != BILLING {
            return Err(Error::UnknownDocument(document.name));
        }
        self.billing.borrow_mut().extend(chunk);
        Ok(())
    }

    fn finish(&self) -> Result<SampleSet, Error> {
        let billing = self.billing.borrow();
        if billing.is_empty() {
            return Ok(SampleSet { strings: vec![], families: vec![], unmapped: vec![] });
        }
        let seats = total(&String::from_utf8_lossy(&billing)).ok_or_else(|| {
            Error::Malformed(Malformed {
                document: BILLING.into(),
                part: 0,
                offset: 0,
                path: Some("seat_breakdown.total".into()),
                reason: "not a number".into(),
            })
        })?;
        Ok(SampleSet {
            strings: vec![self.org.clone()],
            families: vec![FamilySamples {
                name: SEATS.into(),
                label_values: vec![0],
                values: vec![seats],
                timestamps: None,
            }],
            unmapped: vec![],
        })
    }
}

/// The number after the key `total`. This is sufficient for a test, without compiling a JSON parser.
fn total(billing: &str) -> Option<f64> {
    let (_, rest) = billing.split_once("\"total\":")?;
    rest.split([',', '}']).next()?.trim().parse().ok()
}
