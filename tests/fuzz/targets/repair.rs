//! The repair of single values of a row: a row that is JSON stays as it is, a repaired one needs no other
//! repair, and positions in it lead back into the row, in the same order.

#![no_main]

use copilot_metrics_guest::fuzzing::{position_before_repair, repair};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|row: &[u8]| {
    let Some(repaired) = repair(row) else { return };
    assert!(serde_json::from_slice::<Value>(row).is_err(), "{repaired:?}");
    assert_eq!(repair(repaired.as_bytes()), None, "{repaired:?}");
    let positions = (0..=repaired.len()).step_by(1 + repaired.len() / 20);
    let before: Vec<_> = positions.map(|at| position_before_repair(row, at)).collect();
    assert!(before.is_sorted() && before.iter().all(|at| *at <= row.len()), "{before:?}");
    assert_eq!(position_before_repair(row, repaired.len()), row.len());
});
