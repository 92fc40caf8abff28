//! Runs mappings: the only code that does. Refresh, rollout, page and the offline commands call it.
//!
//! [`execute`] is a single run: bodies in, valid samples out. [`Runner::run`] adds what a run over
//! stored documents needs: it leaves out or replaces malformed documents and says who is to blame.
//! [`fingerprint`] tells whether a run would return the same samples as before.

mod blame;
mod execute;
mod fingerprint;
mod metrics;
mod run;
mod series;
mod validate;

pub use blame::{Blame, Failure};
pub use execute::{MapError, RunResult, execute};
pub use fingerprint::fingerprint;
pub use metrics::Metrics;
pub use run::{Budget, MalformedDocument, Request, RunOutcome, Runner};
pub use validate::SamplesError;
