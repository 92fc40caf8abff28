//! Who is to blame when a run fails: the document, the mapping or the machine.

use super::execute::MapError;
use crate::wasm::RunError;

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// What GitHub sent. It never counts against a mapping.
    Document,
    /// The mapping: it trapped, exceeded a limit or returned invalid samples. If that happens
    /// repeatedly, it is rolled back.
    Mapping,
    /// The settings or this machine: a rejected option, a body that can't be read.
    Machine,
}

/// Why a run as a whole failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What happened.
    pub reason: String,
    /// Who is to blame.
    pub blame: Blame,
    /// The cause as a label.
    pub cause: &'static str,
}

impl Failure {
    /// The failure that an error means.
    pub(super) fn new(error: &MapError) -> Self {
        Self { reason: error.to_string(), blame: blame(error), cause: error.cause() }
    }
}

/// Who is to blame for an error.
pub(super) fn blame(error: &MapError) -> Blame {
    match error {
        MapError::Run(RunError::Malformed(_)) => Blame::Document,
        MapError::Run(RunError::Trapped { .. }) | MapError::Samples(_) => Blame::Mapping,
        MapError::Run(RunError::Refused(_))
        | MapError::Read(..)
        | MapError::Aborted(_)
        | MapError::OutOfTime(_) => Blame::Machine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Malformed;
    use crate::runner::SamplesError;
    use crate::wasm::TrapCause;

    #[test]
    fn a_malformed_document_never_counts_against_the_mapping() {
        let malformed = Malformed {
            document: "seats".to_owned(),
            part: 0,
            offset: 0,
            path: None,
            reason: "not JSON".to_owned(),
        };
        assert_eq!(blame(&MapError::Run(RunError::Malformed(malformed))), Blame::Document);
    }

    #[test]
    fn traps_and_invalid_samples_count_against_the_mapping_and_nothing_else_does() {
        for cause in [TrapCause::Time, TrapCause::Memory, TrapCause::Panic] {
            let trapped = RunError::Trapped { cause, detail: String::new() };
            assert_eq!(blame(&MapError::Run(trapped)), Blame::Mapping);
        }
        let invalid = SamplesError::Undeclared("x".to_owned());
        assert_eq!(blame(&MapError::Samples(invalid)), Blame::Mapping);
        let refused = RunError::Refused("option".to_owned());
        assert_eq!(blame(&MapError::Run(refused)), Blame::Machine);
        let unreadable = MapError::Read("seats".to_owned(), std::io::Error::other("disk"));
        assert_eq!(blame(&unreadable), Blame::Machine);
        assert_eq!(blame(&MapError::OutOfTime(60)), Blame::Machine);
    }
}
