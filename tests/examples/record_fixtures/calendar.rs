//! The days of the simulation, as days since 1970-01-01.

/// The newest recorded day, 2026-11-20 (a Friday), in days since 1970-01-01.
pub const NEWEST: i64 = 20_777;
/// The last Sunday before it: weekends of the demo show its users.
pub const WEEKEND: i64 = NEWEST - 5;
/// How many days are simulated: the 28 recorded days and the 27 before them, which the first window of
/// 28 days needs.
pub const SIMULATED: i64 = 55;

/// The index of a day among the simulated days.
pub fn simulated(day: i64) -> usize {
    (SIMULATED - 1 - (NEWEST - day)) as usize
}

/// A day as `YYYY-MM-DD`.
pub fn date(day: i64) -> String {
    let day = day + 719_468;
    let (era, in_era) = (day / 146_097, day % 146_097);
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let next = month / 10;
    let month = month + 3 - 12 * next;
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}
