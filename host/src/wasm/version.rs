//! The versions of the contract (`wit/`).

/// The interface that a mapping exports, without its version.
pub const INTERFACE: &str = "copilot-metrics-exporter:mapping/mapper";

/// A version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 0.1.0 and compatible versions.
    V0_1,
    /// 0.2.0 and compatible versions.
    V0_2,
}

impl Version {
    /// The version to build mappings for.
    pub const NEWEST: &str = "0.2.0";

    /// The version of a name such as `…/mapper@0.1.0`, if this host supports it. By the rules of
    /// semantic versioning, 0.1.1 only adds to 0.1.0.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().ok());
        match (numbers.next()??, numbers.next()??) {
            (0, 1) => Some(Self::V0_1),
            (0, 2) => Some(Self::V0_2),
            _ => None,
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V0_1 => "0.1.0",
            Self::V0_2 => "0.2.0",
        })
    }
}
