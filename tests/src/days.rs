//! Days that do not end while a test runs.

use std::time::Duration;

use jiff::Timestamp;

/// At midnight UTC there is another newest day, and at noon another daily sample of today.
const HALF_A_DAY: i64 = 12 * 3600;
/// How long tests with days take at most on a busy machine, in seconds.
const LONGEST_TEST: i64 = 300;

/// How long a test with days should wait before it starts: until midnight or noon is over if that is near.
pub fn pause() -> Duration {
    let left = HALF_A_DAY - Timestamp::now().as_second().rem_euclid(HALF_A_DAY);
    let pause = if left <= LONGEST_TEST { left + 1 } else { 0 };
    Duration::from_secs(pause.unsigned_abs())
}
