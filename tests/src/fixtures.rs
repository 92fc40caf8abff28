//! The recordings, and generated bodies.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The time at which the recordings count as fetched.
pub const FETCHED_AT: &str = "2026-11-22T06:00:00Z";
/// [`FETCHED_AT`] in seconds since 1970.
pub const FETCHED_AT_SECONDS: i64 = 1_795_327_200;

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file below `tests/fixtures`.
pub fn path(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// Its bytes.
pub fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A set of recorded documents of one target.
pub struct Recorded {
    /// `organization` or `enterprise`.
    pub scope: &'static str,
    /// The target's name.
    pub name: &'static str,
    /// The directory below `tests/fixtures`.
    pub directory: &'static str,
    /// The documents' names and files, in the order of the mapping's manifest.
    pub documents: &'static [(&'static str, &'static str)],
}

impl Recorded {
    /// The arguments of `map` for these documents.
    pub fn map_arguments(&self) -> Vec<String> {
        let flag = if self.scope == "enterprise" { "--enterprise" } else { "--org" };
        let fixed = ["map", flag, self.name, "--fetched-at", FETCHED_AT];
        let files = self.documents.iter().map(|(document, file)| {
            format!("{document}={}", path(self.directory).join(file).display())
        });
        fixed.into_iter().map(str::to_owned).chain(files).collect()
    }
}

/// A large organization with every kind of document.
pub const OCTODEMO: Recorded = Recorded {
    scope: "organization",
    name: "octodemo",
    directory: "demo/octodemo",
    documents: &[
        ("organization-28-day", "organization-28-day.json"),
        ("organization-1-day", "organization-1-day.ndjson"),
        ("user-teams-1-day", "user-teams-1-day.ndjson"),
        ("users-1-day", "users-1-day.1.ndjson"),
        ("users-1-day", "users-1-day.2.ndjson"),
        ("billing", "billing.json"),
        ("seats", "seats.json"),
    ],
};

/// The enterprise it belongs to.
pub const OCTO_ENTERPRISE: Recorded = Recorded {
    scope: "enterprise",
    name: "octo-enterprise",
    directory: "demo/octo-enterprise",
    documents: &[
        ("enterprise-28-day", "enterprise-28-day.json"),
        ("enterprise-1-day", "enterprise-1-day.ndjson"),
        ("user-teams-1-day", "user-teams-1-day.ndjson"),
        ("users-1-day", "users-1-day.ndjson"),
        ("seats", "seats.json"),
    ],
};

/// An organization whose server still answers the closed API.
pub const OCTO_LEGACY: Recorded = Recorded {
    scope: "organization",
    name: "octo-legacy",
    directory: "demo/octo-legacy",
    documents: &[("billing", "billing.json"), ("seats", "seats.json"), ("legacy", "legacy.json")],
};

/// Small documents with every field and every irregularity, for calculation by hand.
pub const SMALL: Recorded = Recorded {
    scope: "organization",
    name: "acme",
    directory: "small",
    documents: &[
        ("organization-28-day", "organization-28-day.json"),
        ("organization-1-day", "organization-1-day.ndjson"),
        ("user-teams-1-day", "user-teams-1-day.ndjson"),
        ("users-1-day", "users-1-day.1.ndjson"),
        ("users-1-day", "users-1-day.2.ndjson"),
        ("users-28-day", "users-28-day.ndjson"),
        ("billing", "billing.json"),
        ("seats", "seats.1.json"),
        ("seats", "seats.2.json"),
        ("ai-credit-usage-day", "ai-credit-usage-day.json"),
        ("ai-credit-usage-month", "ai-credit-usage-month.json"),
        ("budgets", "budgets.json"),
    ],
};

/// The repositories of the small organization.
pub const SMALL_REPOSITORIES: Recorded = Recorded {
    scope: "organization",
    name: "acme",
    directory: "small",
    documents: &[("repos-1-day", "repos-1-day.ndjson")],
};

/// The small enterprise.
pub const SMALL_ENTERPRISE: Recorded = Recorded {
    scope: "enterprise",
    name: "acme-inc",
    directory: "small",
    documents: &[
        ("enterprise-28-day", "enterprise-28-day.json"),
        ("enterprise-1-day", "enterprise-1-day.ndjson"),
        ("seats", "enterprise-seats.json"),
        ("ai-credit-usage-day", "enterprise-ai-credit-usage-day.json"),
        ("ai-credit-usage-month", "enterprise-ai-credit-usage-month.json"),
        ("ai-credit-usage-month-unassigned", "enterprise-ai-credit-usage-unassigned.json"),
        ("billing-usage-month", "enterprise-billing-usage.json"),
        ("budgets", "enterprise-budgets.json"),
        ("cost-centers", "cost-centers.json"),
    ],
};

/// The small body of the closed API.
pub const SMALL_LEGACY: Recorded = Recorded {
    scope: "organization",
    name: "acme",
    directory: "small",
    documents: &[("legacy", "legacy.json")],
};

/// A week, for generated reports.
pub const WEEK: [&str; 7] = [
    "2026-10-24",
    "2026-10-25",
    "2026-10-26",
    "2026-10-27",
    "2026-10-28",
    "2026-10-29",
    "2026-10-30",
];

/// Writes a users report of at least `bytes` bytes: the recorded rows repeatedly, each time for the next of
/// the days and for other users, until there are `users` of them; then for the same ones again. Returns the
/// number of bytes written.
pub fn write_users_report(
    out: &mut impl Write,
    bytes: u64,
    days: &[&str],
    users: usize,
) -> io::Result<u64> {
    let recorded =
        [read("demo/octodemo/users-1-day.1.ndjson"), read("demo/octodemo/users-1-day.2.ndjson")];
    let recorded = String::from_utf8(recorded.concat()).map_err(io::Error::other)?;
    let mut written = 0;
    let rounds = users.div_ceil(recorded.lines().count().max(1));
    for (number, day) in (1..=rounds).cycle().zip(days.iter().cycle()) {
        for row in recorded.lines() {
            if written >= bytes {
                return Ok(written);
            }
            let row = row
                .replace("\"day\":\"2026-11-20\"", &format!("\"day\":\"{day}\""))
                .replace("\"user_id\":", &format!("\"user_id\":{number}"));
            out.write_all(row.as_bytes())?;
            out.write_all(b"\n")?;
            written += row.len() as u64 + 1;
        }
    }
    Ok(written)
}
