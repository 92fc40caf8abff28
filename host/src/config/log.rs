//! The settings of the log.

use clap::ValueEnum;

use super::error::SettingError;
use super::flags::{ServeArgs, given, parse_flag};
use super::values::Choice;

/// How to write the log.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Log {
    /// The lowest level to write.
    pub level: LogLevel,
    /// The format.
    pub format: LogFormat,
}

/// The levels of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub enum LogLevel {
    /// Failures that need attention.
    Error,
    /// Also failures that will be retried.
    Warn,
    /// Also one line per refresh of a target.
    #[default]
    Info,
    /// Also one line per document.
    Debug,
}

/// The formats of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// Text to read.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Log {
    /// Parses the flags.
    pub fn new(args: &ServeArgs) -> Result<Self, SettingError> {
        let mut log = Self::default();
        if let Some(text) = given(&args.log_level) {
            log.level = parse_flag::<Choice<LogLevel>>("--log.level (LOG_LEVEL)", text)?;
        }
        if let Some(text) = given(&args.log_format) {
            log.format = parse_flag::<Choice<LogFormat>>("--log.format (LOG_FORMAT)", text)?;
        }
        Ok(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_text_from_level_info_unless_set_otherwise() {
        let log = |level: &str, format: &str| {
            let (log_level, log_format) = (Some(level.to_owned()), Some(format.to_owned()));
            Log::new(&ServeArgs { log_level, log_format, ..ServeArgs::default() })
        };
        assert_eq!(log("", "").unwrap(), Log { level: LogLevel::Info, format: LogFormat::Text });
        let loud = Log { level: LogLevel::Debug, format: LogFormat::Json };
        assert_eq!(log("DEBUG", "json").unwrap(), loud);
        let error = "--log.level (LOG_LEVEL): \"loud\" is not one of error, warn, info, debug";
        assert_eq!(log("loud", "").unwrap_err().to_string(), error);
    }
}
