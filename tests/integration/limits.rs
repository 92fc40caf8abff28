use std::io::{self, Read};
use std::time::Duration;

use copilot_metrics_exporter::model::{Limits, PartHeader, Scope, Span, Target};
use copilot_metrics_exporter::runner::{MapError, RunResult, execute};
use copilot_metrics_exporter::wasm::{DEFAULT_MAPPING, Engine, Mapping, RunError, TrapCause};
use copilot_metrics_tests::fixtures::{FETCHED_AT_SECONDS, WEEK, read, write_users_report};

/// Maps a document with the default mapping under these limits.
fn mapped(limits: Limits, name: &str, body: impl Read) -> Result<RunResult, MapError> {
    let engine = Engine::new(limits).unwrap();
    let mapping = Mapping::load_blocking(&engine, DEFAULT_MAPPING).unwrap();
    let target = Target::new(Scope::Organization, "acme").unwrap();
    let header = PartHeader::new(name, 0, FETCHED_AT_SECONDS);
    execute(&mapping, &target, Span::History, &[], [(header, body)], None)
}

/// The reason why the mapping was stopped.
fn cause(mapped: Result<RunResult, MapError>) -> TrapCause {
    match mapped {
        Err(MapError::Run(RunError::Trapped { cause, .. })) => cause,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not stopped"),
    }
}

#[test]
fn a_mapping_that_exceeds_its_memory_is_stopped() {
    let limits = Limits { memory_bytes: 2 << 20, ..Limits::default() };
    let mut report = Vec::new();
    write_users_report(&mut report, 40 << 20, &WEEK, usize::MAX).unwrap();
    assert_eq!(cause(mapped(limits, "users-28-day", report.as_slice())), TrapCause::Memory);
}

#[test]
fn a_mapping_that_exceeds_its_time_is_stopped() {
    /// An endless body.
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
fn a_mapping_that_returns_too_much_is_stopped() {
    let report = read("demo/octodemo/organization-28-day.json");
    let limits = Limits { result_bytes: 500_000, ..Limits::default() };
    assert_eq!(cause(mapped(limits, "organization-28-day", report.as_slice())), TrapCause::Memory);
    let limits = Limits { series: 100, ..Limits::default() };
    let error = mapped(limits, "organization-28-day", report.as_slice()).err().unwrap();
    assert!(
        error
            .to_string()
            .ends_with("samples of 28 days exceed the limit of 100 for each day (mapping.series)"),
        "{error}"
    );
}

#[test]
fn a_row_of_a_large_enterprise_fits_the_default_limits() {
    let mut report = Vec::new();
    write_users_report(&mut report, 64 << 20, &WEEK, usize::MAX).unwrap();
    assert!(mapped(Limits::default(), "users-28-day", report.as_slice()).is_ok());
}
