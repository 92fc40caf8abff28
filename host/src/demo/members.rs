//! Reports with a row for each member, such as a user: the further back a day lies, the fewer they have.

use jiff::civil::Date;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::share::{Share, scale};
use super::year::{Activity, fortnight};

/// A report whose lines are rows.
#[derive(Clone, Copy)]
pub(super) struct Report<'a> {
    /// The field with the name of the member that each row is about, if they are about one each.
    pub(super) member: Option<&'a str>,
    /// The integers in them that are not counts (see [`scale`]).
    pub(super) fixed: &'a [String],
}

impl Report<'_> {
    /// The rows of a day with this much activity. The members who have not joined by then or are on
    /// vacation are left out, and the others have the numbers that were recorded. Their names decide: a
    /// member who has joined is in all later reports, of every document, except during vacations. In
    /// reports that are not about members, the counts are lower.
    pub(super) fn rows_of(self, rows: Vec<u8>, day: Date, activity: Activity) -> Option<Vec<u8>> {
        if activity == Activity::AS_RECORDED {
            return Some(rows);
        }
        let share = if self.member.is_some() { activity.reported } else { activity.total() };
        let mut kept = Vec::with_capacity(rows.len());
        for line in rows.split_inclusive(|byte| *byte == b'\n') {
            let mut row: Value = serde_json::from_slice(line).ok()?;
            let name = self.member.and_then(|field| row.get(field)?.as_str());
            if name.is_some_and(|name| !is_active(name, day, activity)) {
                continue;
            }
            if share == Share::WHOLE {
                kept.extend_from_slice(line);
            } else {
                scale(&mut row, share, self.fixed);
                kept.extend_from_slice(format!("{row}\n").as_bytes());
            }
        }
        Some(kept)
    }
}

/// Whether a member has joined by a day and is not on vacation.
fn is_active(name: &str, day: Date, activity: Activity) -> bool {
    activity.joined.includes(hash(&[name, "joined"]))
        && activity.present.includes(hash(&[name, "present", &fortnight(day).to_string()]))
}

/// Evenly distributed, and the same on every machine.
fn hash(parts: &[&str]) -> u64 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    let digest = digest.finalize();
    digest.iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const DAY: Date = date(2026, 7, 20);

    fn percent(joined: u32, present: u32, reported: u32) -> Activity {
        let [joined, present, reported] = [joined, present, reported].map(Share::percent);
        Activity { joined, present, reported }
    }

    /// The rows of a report with 1,000 members who did one hundred things each.
    fn rows(member: Option<&str>, day: Date, activity: Activity) -> Vec<String> {
        let row = |id| format!("{{\"id\":{id},\"login\":\"user-{id}\",\"n\":100}}\n");
        let rows: String = (0..1000).map(row).collect();
        let report = Report { member, fixed: &["id".to_owned()] };
        let rows = report.rows_of(rows.into_bytes(), day, activity).unwrap();
        String::from_utf8(rows).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn members_who_have_joined_stay() {
        let mut before = Vec::new();
        for joined in (0..=100).step_by(10) {
            let now = rows(Some("login"), DAY, percent(joined, 100, 100));
            assert!(now.len().abs_diff(joined as usize * 10) < 50, "{joined} %: {}", now.len());
            assert!(before.iter().all(|row| now.contains(row)));
            before = now;
        }
        assert_eq!(before.len(), 1000);
    }

    #[test]
    fn other_members_are_on_vacation_in_another_fortnight() {
        let present = |day| rows(Some("login"), day, percent(100, 80, 100));
        let (first, second) = (present(DAY), present(date(2026, 8, 10)));
        assert!(first.len() < 850 && second.len() < 850);
        assert!(first.iter().any(|row| !second.contains(row)));
        assert_eq!(present(DAY), first);
    }

    #[test]
    fn what_has_not_been_reported_yet_is_missing_from_the_counts() {
        let rows = |member| rows(member, DAY, percent(100, 100, 97));
        for rows in [rows(Some("login")), rows(None)] {
            assert_eq!(rows.len(), 1000);
            assert_eq!(rows[999], "{\"id\":999,\"login\":\"user-999\",\"n\":97}");
        }
    }

    #[test]
    fn reports_that_are_not_about_members_keep_their_rows_and_have_lower_counts() {
        let none = rows(Some("another"), DAY, percent(40, 50, 100));
        assert_eq!(
            (none.len(), none[0].as_str()),
            (1000, "{\"id\":0,\"login\":\"user-0\",\"n\":100}")
        );
        let rows = rows(None, DAY, percent(40, 50, 100));
        assert_eq!(
            (rows.len(), rows[7].as_str()),
            (1000, "{\"id\":7,\"login\":\"user-7\",\"n\":20}")
        );
    }
}
