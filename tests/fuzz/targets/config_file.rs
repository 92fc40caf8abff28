//! The config file: settings, or an error on one line without tokens. `§` stands for a token.

#![no_main]

use std::sync::LazyLock;

use copilot_metrics_exporter::config::{ServeArgs, Settings};
use copilot_metrics_fuzz::ConfigFile;
use libfuzzer_sys::fuzz_target;

/// Part of a token.
const SECRET: &str = "hunter2hunter2";

static FILE: LazyLock<ConfigFile> = LazyLock::new(ConfigFile::new);

fuzz_target!(|text: &str| {
    let path = FILE.write(&text.replace('§', &format!("ghp_{SECRET}")));
    let args = ServeArgs {
        config: Some(path.display().to_string()),
        token: Some("secret".into()),
        ..ServeArgs::default()
    };
    match Settings::new(&args) {
        Ok(settings) => {
            for target in &settings.targets {
                assert!(!target.ttl.is_zero() && !target.target.name().is_empty());
            }
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!error.contains('\n'), "{error}");
            assert!(text.contains(SECRET) || !error.contains(SECRET), "{error}");
        }
    }
});
