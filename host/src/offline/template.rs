//! The files of a new mapping, by language: those in `host/templates/mapping`, with its name filled in.

use clap::ValueEnum;
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

use super::contract::ContractVersion;

/// The languages with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    #[value(alias = "javascript")]
    Js,
    /// Python.
    Python,
    /// Go.
    Go,
}

/// A template of a file.
struct Template {
    /// Its path in the directory of the mapping.
    path: &'static str,
    text: &'static str,
}

macro_rules! templates {
    ($($path:literal: $file:literal),+ $(,)?) => {
        &[$(Template {
            path: $path,
            text: include_str!(concat!("../../templates/mapping/", $file)),
        }),+]
    };
}

/// The files of every mapping, in addition to the contract.
const COMMON: &[Template] = templates! {
    "Makefile": "common/Makefile",
    "README.md": "common/README.md",
    ".github/workflows/ci.yml": "common/ci.yml",
    "tests/octo-org/case.yaml": "common/case.yaml",
    "tests/octo-org/documents/billing.json": "common/billing.json",
    "tests/octo-org/latest.prom": "common/latest.prom",
    "tests/octo-org/history.prom": "common/history.prom",
};

/// How the mapping of any language is tested: a recipe of its Makefile.
const TEST: &str = include_str!("../../templates/mapping/common/test.mk");

/// What differs between languages.
struct Parts {
    files: &'static [Template],
    /// The rules of the Makefile.
    build: &'static str,
    /// The steps that install the tools in CI.
    setup: &'static str,
    /// The rows of the table of files in the README.
    table: &'static str,
    /// The tools to install.
    tools: &'static str,
    /// The file to begin with.
    source: &'static str,
}

/// The parts that every language has under the same names.
macro_rules! parts {
    ($language:literal, $tools:literal, $source:literal, $files:expr) => {
        Parts {
            files: $files,
            build: include_str!(concat!("../../templates/mapping/", $language, "/build.mk")),
            setup: include_str!(concat!("../../templates/mapping/", $language, "/setup.yml")),
            table: include_str!(concat!("../../templates/mapping/", $language, "/files.md")),
            tools: $tools,
            source: $source,
        }
    };
}

const RUST: Parts = parts!(
    "rust",
    "[rustup](https://rustup.rs)",
    "`src/lib.rs`",
    templates! {
        "Cargo.toml": "rust/Cargo.toml",
        ".gitignore": "rust/gitignore",
        "src/lib.rs": "rust/src/lib.rs",
        "rust-toolchain.toml": "../../../rust-toolchain.toml",
    }
);

const JS: Parts = parts!(
    "js",
    "[Node.js](https://nodejs.org) 20 or newer",
    "`mapping.js`",
    templates! {
        "package.json": "js/package.json",
        "package-lock.json": "js/package-lock.json",
        ".gitignore": "js/gitignore",
        "build.js": "js/build.js",
        "mapping.js": "js/mapping.js",
    }
);

const PYTHON: Parts = parts!(
    "python",
    "[Python](https://www.python.org) 3.10 or newer",
    "`src/mapper.py`",
    templates! {
        "requirements.txt": "python/requirements.txt",
        ".gitignore": "python/gitignore",
        "src/manifest.py": "python/src/manifest.py",
        "src/mapper.py": "python/src/mapper.py",
    }
);

const GO: Parts = parts!(
    "go",
    "[Go](https://go.dev) 1.27 and [wasm-tools](https://github.com/bytecodealliance/wasm-tools)",
    "`export_copilot_metrics_exporter_mapping_mapper/mapping.go`",
    templates! {
        "go.mod": "go/go.mod",
        ".gitignore": "go/gitignore",
        "export_copilot_metrics_exporter_mapping_mapper/mapping.go":
            "go/export_copilot_metrics_exporter_mapping_mapper/mapping.go",
        "export_copilot_metrics_exporter_mapping_mapper/wit_bindings.go":
            "go/export_copilot_metrics_exporter_mapping_mapper/wit_bindings.go",
        "export_copilot_metrics_exporter_mapping_mapper/empty.s":
            "go/export_copilot_metrics_exporter_mapping_mapper/empty.s",
        "copilot_metrics_exporter_mapping_mapper/wit_bindings.go":
            "go/copilot_metrics_exporter_mapping_mapper/wit_bindings.go",
        "copilot_metrics_exporter_mapping_mapper/empty.s":
            "go/copilot_metrics_exporter_mapping_mapper/empty.s",
        "wit_exports.go": "go/wit_exports.go",
        "internal/pkg/LICENSE": "go/internal/pkg/LICENSE",
        "internal/pkg/go.mod": "go/internal/pkg/go.mod",
        "internal/pkg/wit/runtime/empty.s": "go/internal/pkg/wit/runtime/empty.s",
        "internal/pkg/wit/runtime/runtime.go": "go/internal/pkg/wit/runtime/runtime.go",
        "internal/pkg/wit/types/option.go": "go/internal/pkg/wit/types/option.go",
        "internal/pkg/wit/types/result.go": "go/internal/pkg/wit/types/result.go",
        "internal/pkg/wit/types/unit.go": "go/internal/pkg/wit/types/unit.go",
    }
);

/// A file of a new mapping.
pub(super) struct NewFile {
    /// Its path in the directory of the mapping.
    pub(super) path: &'static str,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

/// The files of a new mapping with this name and family.
pub(super) fn files(language: Language, name: &str, family: &str) -> Vec<NewFile> {
    let parts = match language {
        Language::Rust => RUST,
        Language::Js => JS,
        Language::Python => PYTHON,
        Language::Go => GO,
    };
    let fill = |text: &str| {
        // The parts have a newline at their end, and so has the line with their placeholder.
        [
            ("{{build}}", parts.build.trim_end_matches('\n')),
            ("{{test}}", TEST.trim_end_matches('\n')),
            ("{{setup}}", parts.setup.trim_end_matches('\n')),
            ("{{files}}", parts.table.trim_end_matches('\n')),
            ("{{tools}}", parts.tools),
            ("{{source}}", parts.source),
            ("{{name}}", name),
            ("{{family}}", family),
        ]
        .iter()
        .fold(text.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
    };
    let templates = COMMON.iter().chain(parts.files);
    let filled =
        templates.map(|Template { path, text }| NewFile { path, bytes: fill(text).into_bytes() });
    let contract = ContractVersion::V0_2.text().as_bytes().to_vec();
    let mut files: Vec<NewFile> =
        filled.chain([NewFile { path: "wit/mapping.wit", bytes: contract }]).collect();
    if language == Language::Go {
        let bytes = WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER.to_vec();
        files.push(NewFile { path: "wasi_snapshot_preview1.wasm", bytes });
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled() {
        for language in Language::value_variants() {
            let files = files(*language, "acme-seats", "acme_seats");
            assert!(files.len() > 10);
            for NewFile { path, bytes } in files {
                let Ok(text) = String::from_utf8(bytes) else {
                    assert_eq!(path, "wasi_snapshot_preview1.wasm");
                    continue;
                };
                for name in ["build", "test", "setup", "files", "tools", "source", "name", "family"]
                {
                    assert!(!text.contains(&format!("{{{{{name}}}}}")), "{language:?}: {path}");
                }
                assert!(text.ends_with('\n'), "{language:?}: {path}");
            }
        }
    }
}
