use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use copilot_metrics_tests::fixtures::root;

/// The modules of the host from the bottom up: each may use those above it in this list.
const LAYERS: [&str; 21] = [
    "body",
    "model",
    "log",
    "config",
    "github",
    "store",
    "wasm",
    "oci",
    "mappings",
    "runner",
    "output",
    "remote_write",
    "history",
    "backfill",
    "refresh",
    "push",
    "web",
    "offline",
    "demo",
    "cli",
    "app",
];

/// An import of a module of the crate.
struct Import {
    file: PathBuf,
    line: usize,
    from: String,
    to: String,
}

/// The Rust files below a directory.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => found.extend(rust_files(&path)),
            false if path.extension().is_some_and(|extension| extension == "rs") => {
                found.push(path)
            }
            false => {}
        }
    }
    found
}

/// The modules that a line refers to as `crate::…`, alone or in a list: `use crate::{github, store}`.
fn modules_of(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                modules.extend(list.split(',').map(|item| word(item.trim())));
            }
            None => modules.push(word(rest)),
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

/// Every import between two modules of the host, with its place.
fn imports() -> Vec<Import> {
    let source = root().join("host/src");
    let mut imports = Vec::new();
    for file in rust_files(&source) {
        let path = file.strip_prefix(&source).unwrap().to_owned();
        let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let from = first.trim_end_matches(".rs").to_owned();
        // The root declares the modules, and the binary uses them from outside.
        if matches!(from.as_str(), "lib" | "main") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for to in modules_of(line).into_iter().filter(|to| *to != from) {
                let (file, from) = (path.clone(), from.clone());
                imports.push(Import { file, line: number + 1, from, to });
            }
        }
    }
    imports
}

fn layer(module: &str) -> usize {
    let at = LAYERS.iter().position(|layer| *layer == module);
    at.unwrap_or_else(|| panic!("{module} is not in the table of modules"))
}

#[test]
fn every_module_uses_only_those_below_it() {
    let imports = imports();
    assert!(imports.len() > 100, "{} imports were found", imports.len());
    let wrong: Vec<String> = imports
        .iter()
        .filter(|import| layer(&import.to) > layer(&import.from))
        .map(|Import { file, line, from, to }| {
            format!("host/src/{}:{line}: {from} uses {to}", file.display())
        })
        .collect();
    assert!(wrong.is_empty(), "imports against the order of the layers:\n{}", wrong.join("\n"));
    let found: BTreeSet<&str> = imports.iter().map(|import| import.from.as_str()).collect();
    assert!(found.len() > 10, "{found:?}");
}

#[test]
fn the_generated_types_of_the_contract_stay_in_wasm() {
    let source = root().join("host/src");
    for file in rust_files(&source) {
        let path = file.strip_prefix(&source).unwrap().display().to_string();
        let text = fs::read_to_string(&file).unwrap();
        let is_version = path.starts_with("wasm/v0_");
        for forbidden in ["bindgen!", "mapping::mapper", "wit::"] {
            assert!(is_version || !text.contains(forbidden), "host/src/{path} has {forbidden}");
        }
    }
}

#[test]
fn files_next_to_each_other_do_not_import_each_other_in_a_circle() {
    for crate_source in ["host/src", "guest/src"] {
        let files = rust_files(&root().join(crate_source));
        let directories: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        for directory in directories {
            let imports = imports_within(directory, &files);
            for start in imports.keys() {
                let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
                while let Some(current) = open.pop() {
                    for to in imports.get(current).into_iter().flatten() {
                        let path = directory.display();
                        assert_ne!(to, start, "{path}: {start} imports itself by way of {current}");
                        if seen.insert(to) {
                            open.push(to);
                        }
                    }
                }
            }
        }
    }
}

/// The files of a directory by name, each with those next to it that it refers to as `super::name` or
/// `super::{name, …}`.
fn imports_within(directory: &Path, files: &[PathBuf]) -> BTreeMap<String, BTreeSet<String>> {
    let name = |file: &Path| file.file_stem().unwrap().to_str().unwrap().to_owned();
    let is_next_to = |file: &&PathBuf| {
        file.parent() == Some(directory) && !file.ends_with("mod.rs") && !file.ends_with("lib.rs")
    };
    let here: Vec<&PathBuf> = files.iter().filter(is_next_to).collect();
    let imports = here.iter().map(|file| {
        let text = fs::read_to_string(file).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        let refers = |other: &str| {
            ["super::", "self::super::"].iter().any(|prefix| {
                product.contains(&format!("{prefix}{other}::"))
                    || product.contains(&format!("{prefix}{other};"))
            }) || product.split("super::{").skip(1).any(|list| {
                let list = list.split('}').next().unwrap_or_default();
                list.split(',').any(|item| item.trim() == other)
            })
        };
        let others = here.iter().filter(|other| other != &file).map(|other| name(other));
        (name(file), others.filter(|other| refers(other)).collect())
    });
    imports.collect()
}

#[test]
fn an_import_against_the_order_is_found_in_every_form() {
    assert_eq!(modules_of("use crate::web::App;"), ["web"]);
    assert_eq!(modules_of("use crate::{github, mappings};"), ["github", "mappings"]);
    assert_eq!(modules_of("    pub(crate) fn f(x: crate::store::Key) {}"), ["store"]);
    assert!(modules_of("// use crate::web::App;").is_empty());
    assert!(layer("web") > layer("refresh") && layer("model") < layer("config"));
}
