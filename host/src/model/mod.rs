//! Plain types that every module shares: no I/O of their own.
//!
//! [`Target`]: what is exported. [`DocumentSpec`] and [`Document`]: what a mapping asks for and what
//! GitHub sent. [`Manifest`]: what a mapping says about itself. [`SampleSet`]: what it returned.
//! [`Secret`]: text that must not be printed. [`day`]: days and when they are final. [`metrics`]: the registry of the exporter's own metrics. [`version`]: which exporter this is.

mod chart;
pub mod day;
pub mod digest;
mod document;
mod exact;
mod limits;
mod manifest;
pub mod mask;
pub mod metrics;
pub mod names;
pub mod noon;
mod samples;
mod secret;
mod target;
pub mod text;
pub mod version;

pub use chart::{Chart, ChartForm, ChartSeries, LabelBars, LabelMatcher, Selection};
pub use document::{Document, DocumentSpec, Documents, FetchKind, Need, Part, Validator};
pub use limits::Limits;
pub use manifest::{Family, Manifest, MetricKind, OptionSpec};
pub use samples::{
    FamilySamples, Malformed, MappingId, PartHeader, SampleSet, Samples, Span, UnmappedField,
};
pub use secret::Secret;
pub use target::{MappingOption, Scope, Target};
