//! What helps against known refusals.

use super::error::WriteError;

/// What helps if a server refuses samples for this reason. `None` if the reason is not known.
pub fn hint(error: &WriteError) -> Option<&'static str> {
    let (status, message) = match error {
        WriteError::Refused { status, message } => (*status, message.to_ascii_lowercase()),
        WriteError::Unconfirmed { written: None, .. } => return Some(VERSION),
        _ => return None,
    };
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if says(&["too far in the past", "err-mimir-too-far-in-past"]) {
        return Some(PAST);
    }
    if says(&["out of bounds", "too old", "out of order", "out-of-order"]) {
        return Some(WINDOW);
    }
    match status {
        300..=399 => Some(REDIRECT),
        401 | 403 => Some(CREDENTIALS),
        404 | 405 => Some(PATH),
        413 => Some(SIZE),
        415 => Some(VERSION),
        _ => None,
    }
}

const WINDOW: &str = "the server does not accept samples of past days: set storage.tsdb.out_of_order_time_window in prometheus.yml (in Mimir and Cortex, the limit out_of_order_time_window) to more than the number of days to write, such as 400d";
const PAST: &str = "the server limits how old samples may be: raise its limit for samples of the past (past_grace_period in Mimir, reject_old_samples_max_age in Cortex)";
const CREDENTIALS: &str =
    "check basic_auth or authorization of the endpoint, and whether its user may write";
const PATH: &str = "check the path of the URL (Prometheus: /api/v1/write, Mimir: /api/v1/push, Thanos: /api/v1/receive), and start Prometheus with --web.enable-remote-write-receiver";
const SIZE: &str = "set queue_config.max_samples_per_send of the endpoint to a smaller number";
const VERSION: &str = "the server does not support version 2.0 of the protocol: set protobuf_message of the endpoint to prometheus.WriteRequest";
const REDIRECT: &str = "set the URL of the endpoint to the one that it redirects to: credentials are not sent to other servers";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_refusal_has_a_hint_with_the_setting_that_helps() {
        for (status, message, expected) in [
            (400, "out of bounds", "storage.tsdb.out_of_order_time_window"),
            (400, "too old sample", "out_of_order_time_window"),
            (400, "Out of order sample from remote write", "out_of_order_time_window"),
            (400, "received a sample whose timestamp is too far in the past", "past_grace_period"),
            (401, "", "basic_auth"),
            (403, "forbidden", "authorization"),
            (
                404,
                "remote write receiver needs to be enabled",
                "--web.enable-remote-write-receiver",
            ),
            (413, "", "max_samples_per_send"),
            (415, "", "prometheus.WriteRequest"),
            (308, "", "redirects"),
        ] {
            let refused = WriteError::Refused { status, message: message.to_owned() };
            let hint = hint(&refused).unwrap_or_default();
            assert!(hint.contains(expected), "{status} {message}: {hint}");
        }
        let unknown = WriteError::Refused { status: 400, message: "invalid label".to_owned() };
        assert_eq!(hint(&unknown), None);
        assert_eq!(hint(&WriteError::Setup("x".to_owned())), None);
    }
}
