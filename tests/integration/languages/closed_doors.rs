use std::fs;
use std::path::Path;

use copilot_metrics_exporter::model::{Scope, Span, Target};
use copilot_metrics_exporter::wasm::{Engine, Limits, Mapping};
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::guide::run;

use super::{GO, JS, PYTHON};

/// A mapping that tries the doors, ready to run.
fn load(path: &Path) -> Mapping {
    let engine = Engine::new(Limits::default()).unwrap();
    Mapping::load_blocking(&engine, fs::read(path).unwrap()).unwrap()
}

/// What a run for a target of this name returns: the strings, or the error.
fn strings(mapping: &Mapping, does: &str) -> Result<Vec<String>, String> {
    let target = Target::new(Scope::Organization, does).unwrap();
    let mut run = mapping.start(&target, Span::Latest, &[]).map_err(|error| error.to_string())?;
    run.finish().map(|samples| samples.strings).map_err(|error| error.to_string())
}

#[test]
fn a_plain_python_mapping_finds_every_door_closed_and_its_traceback_is_in_the_error() {
    let directory = PYTHON.directory();
    let directory = directory.as_deref().unwrap();
    let doors = root().join("tests/guests/closed-doors/mapper.py");
    let build = format!(
        "rm -rf ../doors && mkdir ../doors && cp src/manifest.py {} ../doors && \
         .venv/bin/componentize-py --quiet --wit-path wit --world mapping componentize \
         --python-path ../doors --output ../doors.wasm manifest",
        doors.display()
    );
    run(directory, &build);
    let mapping = load(&directory.join("../doors.wasm"));
    let seen = strings(&mapping, "looks").unwrap();
    let closed: Vec<_> = seen.iter().filter(|seen| seen.ends_with(": closed")).collect();
    assert_eq!(closed.len(), 9, "{seen:?}");
    for fixed in ["environment: 0", "wall clock: 0.0", "monotonic clock: 1.0", "today: 1970-01-01"]
    {
        assert!(seen.iter().any(|seen| seen == fixed), "{fixed}: {seen:?}");
    }
    assert_eq!(seen.len(), 16);
    // Random numbers and the order of sets, too.
    assert_eq!(strings(&mapping, "looks").unwrap(), seen);

    let error = strings(&mapping, "raises").unwrap_err();
    assert!(error.contains("Traceback (most recent call last):"), "{error}");
    assert!(error.contains("RuntimeError: the day 2026-13-01 is not valid, with ***"), "{error}");
    let error = strings(&mapping, "sleeps").unwrap_err();
    assert!(error.contains("it waits for a timer, which mappings must not do"), "{error}");
    let error = strings(&mapping, "exits").unwrap_err();
    // The interpreter ends before the exception is shown, and then uses a stream that it does not have.
    assert!(error.starts_with("the mapping failed: "), "{error}");
    let error = strings(&mapping, "exits-at-once").unwrap_err();
    assert!(error.contains("it exited with status 1, which mappings must not do"), "{error}");
}

#[test]
fn a_plain_javascript_mapping_has_fixed_clocks_and_random_numbers_and_its_exceptions_are_shown() {
    let directory = JS.directory();
    let directory = directory.as_deref().unwrap();
    let doors = root().join("tests/guests/closed-doors/mapping.js");
    run(directory, &format!("node build.js {} ../doors.wasm", doors.display()));
    let mapping = load(&directory.join("../doors.wasm"));
    let seen = strings(&mapping, "looks").unwrap();
    for fixed in ["date: 1970-01-01T00:00:00.000Z", "now: 0"] {
        assert!(seen.iter().any(|seen| seen == fixed), "{fixed}: {seen:?}");
    }
    assert_eq!(strings(&mapping, "looks").unwrap(), seen);
    let error = strings(&mapping, "raises").unwrap_err();
    assert!(error.contains("RangeError: the day 2026-13-01 is not valid"), "{error}");
    let error = strings(&mapping, "says").unwrap_err();
    assert!(error.contains("said with ***"), "{error}");
}

#[test]
fn a_plain_go_mapping_finds_every_door_closed_collects_garbage_and_its_panics_are_shown() {
    let directory = GO.directory();
    let directory = directory.as_deref().unwrap();
    let doors = root().join("tests/guests/closed-doors/mapping.go");
    let build = format!(
        "rm -rf ../doors && cp -r . ../doors && cp {} ../doors/{} && make -C ../doors",
        doors.display(),
        GO.manifest
    );
    run(directory, &build);
    let mapping = load(&directory.join("../doors/acme-seats.wasm"));
    let seen = strings(&mapping, "looks").unwrap();
    assert_eq!(seen.iter().filter(|seen| seen.ends_with(": closed")).count(), 6, "{seen:?}");
    for fixed in ["environment: 0", "wall clock: 0"] {
        assert!(seen.iter().any(|seen| seen == fixed), "{fixed}: {seen:?}");
    }
    assert_eq!(strings(&mapping, "looks").unwrap(), seen);
    assert_eq!(strings(&mapping, "allocates").unwrap(), ["allocated: 1048576000"]);
    let error = strings(&mapping, "raises").unwrap_err();
    assert!(error.contains("panic: the day 2026-13-01 is not valid, with ***"), "{error}");
    let error = strings(&mapping, "sleeps").unwrap_err();
    assert!(error.contains("it waits for a timer, which mappings must not do"), "{error}");
    let error = strings(&mapping, "exits").unwrap_err();
    assert!(error.contains("it exited with status 1, which mappings must not do"), "{error}");
}
