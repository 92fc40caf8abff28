use std::fs;
use std::process::Command;

use copilot_metrics_tests::command::{exporter, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::guests::{Mappings, scripted};

/// The command of an exporter for an organization, started or only checked.
fn command(check: bool) -> Command {
    let mut command = exporter();
    if check {
        command.arg("check-config");
    }
    command.env("GHC_TOKEN", "ghp_0123456789").env("ORG", "octo-org");
    command.env("LISTEN_ADDRESS", "127.0.0.1:0").env("GITHUB_API_URL", "http://127.0.0.1:1");
    command
}

/// Checking and starting both reject the settings, with a line about the same that contains every text.
fn rejected(set: impl Fn(&mut Command), texts: &[&str]) {
    let [checked, started] = [true, false].map(|check| {
        let mut command = command(check);
        set(&mut command);
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(!printed.contains("valid"), "{printed}");
        error.lines().last().unwrap_or_default().to_owned()
    });
    // The setting and its value; the system's words for the problem may differ.
    let place = |line: &str| line.splitn(4, ": ").take(3).collect::<Vec<_>>().join(": ");
    assert_eq!(place(&checked), place(&started));
    for text in texts {
        assert!(checked.contains(text), "{checked:?} does not contain {text:?}");
    }
}

/// What `check-config` prints when the settings are valid: its output and its warnings.
fn accepted(set: impl Fn(&mut Command)) -> (String, String) {
    let mut command = command(true);
    set(&mut command);
    let output = output(command);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{error}");
    (String::from_utf8(output.stdout).unwrap(), error)
}

#[test]
fn a_cache_directory_that_cannot_be_used_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a-file");
    fs::write(&file, "text").unwrap();
    for path in [file.clone(), file.join("below")] {
        rejected(
            |command| _ = command.env("CACHE_DIR", &path),
            &["--cache-dir (CACHE_DIR)", "a-file", "a directory that this process can write to"],
        );
    }
    // One that a start would create is valid, and is not created.
    let new = directory.path().join("new/cache");
    accepted(|command| _ = command.env("CACHE_DIR", &new));
    assert!(!directory.path().join("new").exists());
}

#[test]
fn a_token_in_quotes_or_with_a_byte_order_mark_is_found_and_not_shown() {
    let config = Config::new("");
    for (token, problem) in [
        ("\"ghp_hunter2\"", "it is in quotes"),
        ("'ghp_hunter2'", "it is in quotes"),
        ("\u{feff}ghp_hunter2", "byte order mark"),
        ("ghp_hunter2 ghp_hunter2", "whitespace"),
    ] {
        rejected(|command| _ = command.env("GHC_TOKEN", token), &["GHC_TOKEN", problem]);
        config.write("token", token);
        let file = config.file("token");
        let with_file = |command: &mut Command| {
            command.env_remove("GHC_TOKEN").env("GHC_TOKEN_FILE", &file);
        };
        rejected(with_file, &["GHC_TOKEN_FILE", problem]);
        let mut checked = command(true);
        checked.env("GHC_TOKEN", token);
        let error = String::from_utf8(output(checked).stderr).unwrap();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn every_file_that_a_start_reads_is_read() {
    let config = Config::new("github: {ca_file: ca.pem}");
    rejected(|command| _ = command.env("CONFIG_FILE", config.path()), &["ca_file", "ca.pem"]);
    let web = Config::new("tls_server_config: {cert_file: server.crt, key_file: server.key}");
    rejected(|command| _ = command.env("WEB_CONFIG_FILE", web.path()), &["server.crt"]);
    let missing = config.file("no-token");
    let with_file = |command: &mut Command| {
        command.env_remove("GHC_TOKEN").env("GHC_TOKEN_FILE", &missing);
    };
    rejected(with_file, &["GHC_TOKEN_FILE", "no-token"]);
    let key = |command: &mut Command| {
        command.env_remove("GHC_TOKEN").env("GITHUB_APP_ID", "1");
        command.env("GITHUB_APP_PRIVATE_KEY_FILE", &missing);
    };
    rejected(key, &["GITHUB_APP_PRIVATE_KEY_FILE", "no-token"]);
}

#[test]
fn a_mapping_directory_that_does_not_exist_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("mappings");
    let (report, warnings) = accepted(|command| _ = command.env("MAPPING_DIR", &missing));
    assert!(report.contains("the settings are valid"), "{report}");
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    let warning = format!("warning: the mapping directory {} does not exist", missing.display());
    assert!(warnings.contains(&warning), "{warnings}");
}

#[test]
fn mapping_files_that_a_start_would_refuse_are_warnings_with_the_reason() {
    let mappings = Mappings::default();
    mappings.put("text.wasm", b"not a mapping");
    mappings.put("good.wasm", &scripted("scripted", "1", "nothing"));
    let (report, warnings) = accepted(|command| _ = command.env("MAPPING_DIR", mappings.path()));
    assert!(report.contains("the settings are valid"), "{report}");
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    for text in ["text.wasm is refused: ", "not a WebAssembly component"] {
        assert!(warnings.contains(text), "{warnings}");
    }
}

#[test]
fn settings_without_a_target_or_token_are_not_called_valid() {
    for (variable, missing) in [("ORG", "set ORG or ENTERPRISE"), ("GHC_TOKEN", "set GHC_TOKEN")] {
        let (report, _) = accepted(|command| _ = command.env_remove(variable));
        assert!(report.contains(&format!("nothing would be exported: {missing}")), "{report}");
        assert!(!report.contains("valid"), "{report}");
    }
}

#[test]
fn a_github_token_in_the_variable_of_other_tools_is_pointed_out() {
    let (report, _) = accepted(|command| {
        command.env_remove("GHC_TOKEN").env("GITHUB_TOKEN", "ghp_hunter2");
    });
    assert!(report.contains("GITHUB_TOKEN is set, but is not read"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn the_demo_together_with_a_target_is_rejected() {
    rejected(
        |command| _ = command.arg("--demo"),
        &["--org (ORG)", "the demo would be served instead"],
    );
}
