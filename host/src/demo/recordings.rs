//! The recordings, moved in time so that the newest recorded day is two days ago.
//!
//! They are files under `tests/fixtures/demo`, of one organization with the usage reports, one
//! whose server still answers the closed metrics API, and an enterprise.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// An organization with 340 seats.
pub const ORGANIZATION: &str = "octodemo";
/// An organization whose server still answers the closed metrics API and has no reports.
pub const LEGACY_ORGANIZATION: &str = "octo-legacy";
/// The enterprise that `octodemo` belongs to, and another organization.
pub const ENTERPRISE: &str = "octo-enterprise";

/// The newest day in the recordings.
pub const RECORDED_DAY: Date = date(2026, 11, 20);
/// Reports lag behind: the newest day is as many days before today (UTC).
const LAG_DAYS: i64 = 2;

/// A recorded document: whose it is, its name, its bodies.
pub struct Recording {
    /// The organization or enterprise.
    pub owner: &'static str,
    /// The document's name, as in the mapping's manifest.
    pub document: &'static str,
    /// Its files.
    pub files: &'static [&'static [u8]],
}

/// Names a recording and embeds its files.
macro_rules! recording {
    ($owner:ident $directory:literal $document:literal: $($file:literal)+) => {
        Recording {
            owner: $owner,
            document: $document,
            files: &[$(include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/demo/", $directory, "/", $file
            ))),+],
        }
    };
}

/// Every recording.
pub static RECORDINGS: &[Recording] = &[
    recording!(ORGANIZATION "octodemo" "organization-28-day": "organization-28-day.json"),
    recording!(ORGANIZATION "octodemo" "organization-1-day": "organization-1-day.ndjson"),
    recording!(ORGANIZATION "octodemo" "users-1-day": "users-1-day.1.ndjson" "users-1-day.2.ndjson"),
    recording!(ORGANIZATION "octodemo" "user-teams-1-day": "user-teams-1-day.ndjson"),
    recording!(ORGANIZATION "octodemo" "billing": "billing.json"),
    recording!(ORGANIZATION "octodemo" "seats": "seats.json"),
    recording!(LEGACY_ORGANIZATION "octo-legacy" "legacy": "legacy.json"),
    recording!(LEGACY_ORGANIZATION "octo-legacy" "billing": "billing.json"),
    recording!(LEGACY_ORGANIZATION "octo-legacy" "seats": "seats.json"),
    recording!(ENTERPRISE "octo-enterprise" "enterprise-28-day": "enterprise-28-day.json"),
    recording!(ENTERPRISE "octo-enterprise" "enterprise-1-day": "enterprise-1-day.ndjson"),
    recording!(ENTERPRISE "octo-enterprise" "users-1-day": "users-1-day.ndjson"),
    recording!(ENTERPRISE "octo-enterprise" "user-teams-1-day": "user-teams-1-day.ndjson"),
    recording!(ENTERPRISE "octo-enterprise" "seats": "seats.json"),
];

/// The day that the newest recorded one is moved to.
pub fn newest_day() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date().saturating_sub(LAG_DAYS.days())
}

/// Moves every day in a recording, so that [`RECORDED_DAY`] becomes `newest`.
pub fn moved_to(newest: Date, recording: &[u8]) -> Vec<u8> {
    let days = i64::from((newest - RECORDED_DAY).get_days());
    let mut moved = recording.to_vec();
    // A day stands at the beginning of a string, alone or as the start of a time.
    for at in memchr::memchr_iter(b'"', recording) {
        let text = recording.get(at + 1..at + 11).and_then(|text| std::str::from_utf8(text).ok());
        let day = text.filter(|text| text.starts_with("20")).and_then(|text| text.parse().ok());
        let to: Option<Date> = day.map(|day: Date| day.saturating_add(days.days()));
        if let (Some(to), Some(slot)) = (to, moved.get_mut(at + 1..at + 11)) {
            slot.copy_from_slice(to.to_string().as_bytes());
        }
    }
    moved
}
