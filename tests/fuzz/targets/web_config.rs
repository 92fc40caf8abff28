//! The web config file: settings that work, or an error on one line that names the file and quotes no
//! secret.

#![no_main]

use std::sync::LazyLock;

use copilot_metrics_exporter::config::web::WebConfig;
use copilot_metrics_exporter::web::fuzzing::admitted;
use copilot_metrics_fuzz::ConfigFile;
use libfuzzer_sys::fuzz_target;

/// Part of a secret.
const SECRET: &str = "hunter2hunter2";

static FILE: LazyLock<ConfigFile> = LazyLock::new(ConfigFile::new);

fn read(text: &str) -> Result<WebConfig, String> {
    let path = FILE.write(text);
    WebConfig::read(path).map_err(|error| {
        let error = error.to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(!error.contains('\n'), "{error}");
        error
    })
}

fuzz_target!(|text: &str| {
    if let Ok(config) = read(text) {
        for hash in config.users.values() {
            // The hash can be compared with a password.
            assert!(hash.expose().parse::<bcrypt::HashParts>().is_ok());
        }
        let burst = config.rate.map_or(3, |rate| rate.burst.get().min(3) as usize);
        assert!(admitted(config, 3) >= burst);
    }
    let secret = serde_json::to_string(&format!("{text}{SECRET}")).unwrap();
    for config in [
        format!("basic_auth_users: {{me: {secret}}}"),
        format!("tls_server_config: {{cert: {secret}, key: {secret}}}"),
    ] {
        if let Err(error) = read(&config) {
            assert!(!error.contains(SECRET), "{error}");
        }
    }
});
