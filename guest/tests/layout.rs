//! The source files of the mapping import each other in one direction only.

// Tests may fail loudly, and so may their helpers.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// A module's path, such as `["documents", "users"]`.
type Module = Vec<String>;

/// Adds the source files below `directory` by module, without their unit tests.
fn read(directory: &Path, module: &[String], files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(directory).unwrap().collect::<io::Result<Vec<_>>>().unwrap() {
        let name = entry.file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs").to_owned();
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &[module, &[name]].concat(), files);
        } else if stem != "testing" {
            let text = fs::read_to_string(entry.path()).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            let is_parent = matches!(stem.as_str(), "lib" | "mod");
            let path = if is_parent { module.to_vec() } else { [module, &[stem]].concat() };
            files.insert(path, product);
        }
    }
}

/// The paths of the `use` declarations in `text`, relative to the crate. Nested braces don't occur.
fn imports(module: &[String], text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let declarations = text.split("use ").skip(1).filter_map(|rest| rest.split(';').next());
    for declaration in declarations {
        let (start, items) = declaration.split_once('{').unwrap_or((declaration, ""));
        for item in items.trim_end_matches('}').split(',') {
            let path = format!("{}{}", start.trim(), item.trim());
            let mut parts = path.split("::").map(str::to_owned);
            let base = match parts.next().as_deref() {
                Some("crate") => Module::new(),
                Some("super") => module.split_last().unwrap().1.to_vec(),
                Some("self") => module.to_vec(),
                _ => continue,
            };
            found.push(base.into_iter().chain(parts).collect());
        }
    }
    found
}

/// Follows the imports of `module` and fails if they lead back to a module in `path`.
fn visit(
    module: &Module,
    graph: &BTreeMap<Module, BTreeSet<Module>>,
    path: &mut Vec<Module>,
    done: &mut BTreeSet<Module>,
) {
    assert!(!path.contains(module), "{path:?} import each other in a circle: {module:?}");
    if done.insert(module.clone()) {
        path.push(module.clone());
        graph[module].iter().for_each(|imported| visit(imported, graph, path, done));
        path.pop();
    }
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    let mut files = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut files);
    let mut graph: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, text) in &files {
        let imported = imports(module, text).into_iter().filter_map(|path| {
            // The longest start of the path that is a file; the rest is an item in it.
            let starts = (1..=path.len()).rev().map(|length| path[..length].to_vec());
            starts.into_iter().find(|start| files.contains_key(start) && start != module)
        });
        graph.insert(module.clone(), imported.collect());
    }
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > files.len(), "{graph:?}");
    let mut done = BTreeSet::new();
    for module in files.keys() {
        visit(module, &graph, &mut Vec::new(), &mut done);
    }
}
