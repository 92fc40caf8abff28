//! Whether to serve the demo.

use std::path::Path;

use clap::ValueEnum;

use super::error::SettingError;
use super::flags::{ServeArgs, given, parse_flag};
use super::settings::exports_nothing;
use super::values::Choice;

/// When to serve the demo.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub enum Demo {
    /// In any case, except that targets must not be set too.
    Always,
    /// If nothing is set that could be served.
    Auto,
    /// Not at all.
    #[default]
    Never,
}

/// Whether to serve the recordings instead of anything real.
pub fn wants_demo(args: &ServeArgs) -> Result<bool, SettingError> {
    let demo = given(&args.demo).map(|text| parse_flag::<Choice<Demo>>("--demo (DEMO)", text));
    let texts = [&args.token_file, &args.app_id, &args.org, &args.enterprise];
    let is_in_config = || given(&args.config).is_some_and(|path| !exports_nothing(Path::new(path)));
    let token = args.token.as_ref().is_some_and(|token| !token.expose().trim().is_empty());
    let demo = demo.transpose()?.unwrap_or_default();
    let exports = [("--org (ORG)", &args.org), ("--enterprise (ENTERPRISE)", &args.enterprise)];
    let exported = exports.into_iter().find(|(_, text)| given(text).is_some());
    if let (Demo::Always, Some((setting, _))) = (demo, exported) {
        let problem = "the demo would be served instead: set one of the two, or --demo=auto";
        return Err(SettingError::new(setting, problem));
    }
    Ok(match demo {
        Demo::Always => true,
        Demo::Auto => {
            let is_set = token || texts.into_iter().any(|text| given(text).is_some());
            !is_set && !is_in_config()
        }
        Demo::Never => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_serves_the_demo_only_if_nothing_else_is_set() {
        let args = |demo: &str, org: &str| ServeArgs {
            demo: Some(demo.to_owned()),
            org: Some(org.to_owned()),
            token: Some(" ".into()),
            ..ServeArgs::default()
        };
        assert_eq!(wants_demo(&ServeArgs::default()), Ok(false));
        assert_eq!(wants_demo(&args("", "")), Ok(false));
        assert_eq!(wants_demo(&args("auto", " ")), Ok(true));
        assert_eq!(wants_demo(&args("auto", "octo-org")), Ok(false));
        assert_eq!(wants_demo(&args("always", "")), Ok(true));
        let error = wants_demo(&args("always", "octo-org")).unwrap_err();
        assert_eq!(error.setting, "--org (ORG)");
        assert!(wants_demo(&args("maybe", "")).is_err());
    }

    #[test]
    fn a_config_file_without_targets_and_credentials_leaves_auto_the_demo() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        let wants = |yaml: &str| {
            std::fs::write(&path, yaml).unwrap();
            let config = Some(path.to_str().unwrap().to_owned());
            wants_demo(&ServeArgs { demo: Some("auto".to_owned()), config, ..ServeArgs::default() })
        };
        assert_eq!(wants("remote_write: [{url: http://prometheus:9090/api/v1/write}]"), Ok(true));
        assert_eq!(wants("targets: [{organization: octo-org}]"), Ok(false));
        assert_eq!(wants("targets: ["), Ok(false));
    }
}
