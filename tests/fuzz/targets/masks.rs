//! The masks of secrets in messages: no secret is left, whatever is around it. `§` stands for the secret.

#![no_main]

use copilot_metrics_exporter::model::mask::{mask, mask_tokens};
use libfuzzer_sys::fuzz_target;

/// The part of each secret that must not be left.
const SECRET: &str = "hunter2hunter2hunter2";

fuzz_target!(|text: &str| {
    if text.contains(SECRET) {
        return;
    }
    let check = |secret: &str, known: Option<&str>| {
        let masked = mask(&text.replace('§', secret), known);
        assert!(!masked.contains(SECRET), "{masked:?}");
    };
    check(SECRET, Some(SECRET));
    check(&format!("Bearer {SECRET}"), None);
    check(&format!("ghp_{SECRET}"), None);
    check(&format!("eyJhbGciOi.eyJpYXQi.{SECRET}"), None);
    check(&format!("https://files.example/a?se=(1,2)&sig={SECRET}"), None);
    let masked = mask_tokens(&text.replace('§', &format!("github_pat_{SECRET}")));
    assert!(!masked.contains(SECRET), "{masked:?}");
});
