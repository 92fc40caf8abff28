//! What became of a case.

/// The result of a case.
#[derive(Debug, Default)]
pub(super) struct CaseResult {
    /// Its name.
    pub name: String,
    /// How long its runs took.
    pub seconds: f64,
    /// What is wrong. It passed if nothing is.
    pub problems: Vec<Problem>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

impl CaseResult {
    /// Whether it passed.
    pub(super) fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A problem.
#[derive(Debug)]
pub(super) struct Problem {
    /// One line.
    pub summary: String,
    /// The difference, if there is one.
    pub details: String,
}

impl Problem {
    /// A problem that its summary describes.
    pub(super) fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), details: String::new() }
    }
}
