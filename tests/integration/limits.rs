use std::io::{self, Read};
use std::time::Duration;

use copilot_metrics_exporter::pipeline::{MapError, Mapped, map};
use copilot_metrics_exporter::wasm::wit::{Document, Scope, Span, Target};
use copilot_metrics_exporter::wasm::{
    DEFAULT_MAPPING, Engine, Limits, Mapping, RunError, TrapCause,
};
use copilot_metrics_tests::fixtures::{FETCHED_AT_SECONDS, read, write_users_report};

/// Maps a document with the default mapping under these limits.
fn mapped(limits: Limits, name: &str, body: impl Read) -> Result<Mapped, MapError> {
    let engine = Engine::new(limits).unwrap();
    let mapping = Mapping::load(&engine, DEFAULT_MAPPING).unwrap();
    let target = Target { scope: Scope::Organization, name: "acme".to_owned() };
    let document = Document { name: name.to_owned(), part: 0, fetched_at: FETCHED_AT_SECONDS };
    map(&mapping, &target, Span::History, &[], [(document, body)])
}

/// Why the mapping was ended.
fn cause(mapped: Result<Mapped, MapError>) -> TrapCause {
    match mapped {
        Err(MapError::Run(RunError::Trapped { cause, .. })) => cause,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not ended"),
    }
}

#[test]
fn a_mapping_that_wants_too_much_memory_is_ended() {
    let limits = Limits { memory_bytes: 2 << 20, ..Limits::default() };
    let mut report = Vec::new();
    write_users_report(&mut report, 40 << 20).unwrap();
    assert_eq!(cause(mapped(limits, "users-28-day", report.as_slice())), TrapCause::Memory);
}

#[test]
fn a_mapping_that_takes_too_long_is_ended() {
    /// A body without an end.
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b' ');
            Ok(buffer.len())
        }
    }
    let limits = Limits { run_time: Duration::from_secs(1), ..Limits::default() };
    assert_eq!(cause(mapped(limits, "users-28-day", Endless)), TrapCause::Time);
}

#[test]
fn a_mapping_that_answers_too_much_is_ended() {
    let report = read("demo/octodemo/organization-28-day.json");
    let limits = Limits { result_bytes: 500_000, ..Limits::default() };
    assert_eq!(cause(mapped(limits, "organization-28-day", report.as_slice())), TrapCause::Memory);
    let limits = Limits { series: 100, ..Limits::default() };
    let error = mapped(limits, "organization-28-day", report.as_slice()).err().unwrap();
    assert!(error.to_string().ends_with("are more than the limit of 100"), "{error}");
}

#[test]
fn a_row_of_a_large_enterprise_fits_the_default_limits() {
    let mut report = Vec::new();
    write_users_report(&mut report, 64 << 20).unwrap();
    assert!(mapped(Limits::default(), "users-28-day", report.as_slice()).is_ok());
}
