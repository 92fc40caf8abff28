//! The numbers that rows of users and aggregate rows have in common.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::people::Cell;

/// The fields of the seven measures.
#[rustfmt::skip]
const M7: [&str; 7] = [
    "user_initiated_interaction_count", "code_generation_activity_count", "code_acceptance_activity_count",
    "loc_suggested_to_add_sum", "loc_suggested_to_delete_sum", "loc_added_sum", "loc_deleted_sum",
];

/// The name of a field and its value.
type Name = (&'static str, &'static str);

/// A `totals_by_…` array: the sums of the cells that have the same names.
fn breakdown<const N: usize>(cells: &[&Cell], names: impl Fn(&Cell) -> [Name; N]) -> Value {
    let mut groups: BTreeMap<[Name; N], Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        groups.entry(names(cell)).or_default().push(cell);
    }
    let element = |(names, cells): ([Name; N], Vec<&Cell>)| {
        let mut element = json!({});
        for (field, name) in names {
            element[field] = json!(name);
        }
        // Breakdowns by language have no interactions.
        put_m7(&mut element, &cells, usize::from(names[0].0 == "language"));
        element
    };
    groups.into_iter().map(element).collect()
}

/// Adds the sums of the measures, without the first `skipped`.
fn put_m7(row: &mut Value, cells: &[&Cell], skipped: usize) {
    for (i, field) in M7.iter().enumerate().skip(skipped) {
        row[field] = json!(cells.iter().map(|cell| cell.m7[i]).sum::<u64>());
    }
}

/// Adds the seven totals and the five breakdowns.
pub fn put_activity(row: &mut Value, cells: &[&Cell]) {
    let ide = |c: &Cell| ("ide", c.ide.unwrap_or_default());
    let feature = |c: &Cell| ("feature", c.feature);
    let language = |c: &Cell| ("language", c.language);
    let model = |c: &Cell| ("model", c.model);
    let mut in_ide = cells.to_vec();
    in_ide.retain(|cell| cell.ide.is_some());
    put_m7(row, cells, 0);
    row["totals_by_ide"] = breakdown(&in_ide, |c| [ide(c)]);
    row["totals_by_feature"] = breakdown(cells, |c| [feature(c)]);
    row["totals_by_language_feature"] = breakdown(cells, |c| [language(c), feature(c)]);
    row["totals_by_language_model"] = breakdown(cells, |c| [language(c), model(c)]);
    row["totals_by_model_feature"] = breakdown(cells, |c| [model(c), feature(c)]);
}

/// The totals of the CLI or of the app.
pub fn tool(cells: &[&Cell], feature: &str) -> Value {
    let cells = || cells.iter().filter(|cell| cell.feature == feature);
    let sum = |part: fn(&[u64; 7]) -> u64| cells().map(|cell| part(&cell.m7)).sum::<u64>();
    let requests = sum(|m7| 4 * m7[0] + m7[1]);
    let output = sum(|m7| 2100 * m7[0] + 37 * m7[5]);
    let prompt = sum(|m7| 310_007 * m7[1] + m7[6]);
    json!({"session_count": sum(|m7| m7[0].div_ceil(7)), "request_count": requests, "prompt_count": sum(|m7| m7[0]),
        "token_usage": {"output_tokens_sum": output, "prompt_tokens_sum": prompt,
            "avg_tokens_per_request": ratio(output + prompt, requests)}})
}

/// The ratio, rounded to two decimals; 0 if `count` is 0.
pub fn ratio(sum: u64, count: u64) -> f64 {
    (100.0 * sum as f64 / count.max(1) as f64).round() / 100.0
}
