use std::fs;
use std::io::Write;

use copilot_metrics_tests::command::{printed, run};
use copilot_metrics_tests::fixtures::path;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{map, rejected};

/// Every document of an organization.
const DOCUMENTS: [&str; 9] = [
    "organization-28-day",
    "organization-1-day",
    "user-teams-1-day",
    "users-1-day",
    "users-28-day",
    "repos-1-day",
    "billing",
    "seats",
    "legacy",
];

#[test]
fn the_envelope_with_the_links_is_named_and_its_links_are_not_shown() {
    let envelope = br#"{"download_links":["https://reports.example/day.json?sig=secret"],"report_start_day":"2026-10-24","report_end_day":"2026-11-20"}"#;
    for document in DOCUMENTS {
        let texts = ["byte 0", "this is the envelope with the download links, not the report"];
        rejected(document, envelope, &texts);
        assert!(!map(document, envelope).2.contains("sig="));
    }
}

#[test]
fn an_error_message_of_github_is_named_and_quoted() {
    let error = br#"{"message":"Must have admin rights to Repository.","documentation_url":"https://docs.github.com/rest","status":"403"}"#;
    let text = "this is GitHub's error message: \"Must have admin rights to Repository.\"";
    for document in DOCUMENTS {
        rejected(document, error, &["byte 0", text]);
    }
}

#[test]
fn a_web_page_is_named() {
    for document in DOCUMENTS {
        for page in ["<!DOCTYPE html>\n<title>Sign in to GitHub</title>", "\n <html></html>"] {
            let at = format!("byte {}", page.find('<').unwrap());
            rejected(document, page.as_bytes(), &[&at, "this is a web page, not JSON"]);
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn files_compressed_with_gzip_give_the_same_samples() {
    let directory = tempfile::tempdir().unwrap();
    let mapped = |file: &std::path::Path| {
        let document = format!("users-28-day={}", file.display());
        printed(["map", "--org", "acme", "--fetched-at", "2026-11-22T06:00:00Z", &document])
    };
    let plain = path("small/users-28-day.ndjson");
    let bytes = fs::read(&plain).unwrap();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    // A whole file, and one that was compressed in two pieces; the name does not matter.
    for zipped in [gzip(&bytes), [gzip(first), gzip(second)].concat()] {
        let file = directory.path().join("recorded.json");
        fs::write(&file, &zipped).unwrap();
        assert_eq!(mapped(&file), mapped(&plain));
    }
}

#[test]
fn a_gzip_file_that_is_cut_off_is_named() {
    let zipped = gzip(&fs::read(path("small/users-28-day.ndjson")).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cut.gz");
    fs::write(&file, &zipped[..zipped.len() / 2]).unwrap();
    let output = run(["map", "--org", "acme", &format!("users-28-day={}", file.display())]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65), "{error}");
    assert!(error.contains("users-28-day") && error.lines().count() == 1, "{error}");
}
