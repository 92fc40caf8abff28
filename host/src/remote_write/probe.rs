//! Asks an endpoint what it accepts. There is no write request without consequences, so only what the server
//! says about itself is read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::endpoint::Endpoint;
use super::error::QueryError;
use super::failure::Failure;
use super::http::{Http, HttpRequest};

/// The largest response that is read.
const MAX_RESPONSE_BYTES: usize = 16 << 20;
/// Prometheus' retention if nothing is set.
const DEFAULT_RETENTION: Duration = Duration::from_secs(15 * 24 * 3600);

/// Flags of Prometheus.
const RETENTION_TIME: &str = "storage.tsdb.retention.time";
const RETENTION_SIZE: &str = "storage.tsdb.retention.size";

/// What an endpoint accepts, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Takes {
    /// How old samples may be. Zero: only samples that are newer than those of the last hour or so.
    pub window: Option<Duration>,
    /// How long samples are kept.
    pub retention: Option<Duration>,
    /// What the server is.
    pub product: Product,
}

/// A server that supports remote write.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Product {
    /// Prometheus.
    Prometheus,
    /// VictoriaMetrics.
    VictoriaMetrics,
    /// Grafana Mimir.
    Mimir,
    /// Another one, or one that does not say what it is.
    #[default]
    Unknown,
}

impl Endpoint {
    /// What the endpoint accepts. What it does not say is `None`; it is an error only if there is no
    /// `query_url`, or no response from it at all.
    pub async fn probe(&self) -> Result<Takes, QueryError> {
        let http = self.queries.as_ref().ok_or(QueryError::NotConfigured)?;
        let timeout = self.settings.remote_timeout;
        let flags: Option<Flags> = json(http, "/api/v1/status/flags", timeout).await?;
        if let Some(flags) = flags.filter(is_of_prometheus) {
            let config: Option<ConfigAnswer> = json(http, "/api/v1/status/config", timeout).await?;
            let config = config.and_then(|answer| serde_saphyr::from_str(&answer.yaml).ok());
            return Ok(of_prometheus(config.as_ref(), &flags));
        }
        if let Some(takes) =
            get(http, "/metrics", timeout).await?.and_then(|text| of_metrics(&text))
        {
            return Ok(takes);
        }
        let build: Option<Build> = json(http, "/api/v1/status/buildinfo", timeout).await?;
        let is_mimir = build.is_some_and(|build| build.application.contains("Mimir"));
        let product = if is_mimir { Product::Mimir } else { Product::Unknown };
        Ok(Takes { product, ..Takes::default() })
    }
}

/// The text at a path. `None` if the server refuses the request.
async fn get(
    http: &Http,
    path: &'static str,
    timeout: Duration,
) -> Result<Option<String>, QueryError> {
    match http.send(HttpRequest::get(path, timeout)).await {
        Ok(reply) => {
            let body = reply.read(MAX_RESPONSE_BYTES).await?;
            Ok(body.and_then(|body| String::from_utf8(body.into()).ok()))
        }
        Err(Failure::Status(_)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// The `data` of a response of Prometheus' API. `None` if the server has nothing like it.
async fn json<T: DeserializeOwned>(
    http: &Http,
    path: &'static str,
    timeout: Duration,
) -> Result<Option<T>, QueryError> {
    #[derive(Deserialize)]
    struct Answer<T> {
        data: T,
    }
    let text = get(http, path, timeout).await?;
    let answer = text.and_then(|text| serde_json::from_str::<Answer<T>>(&text).ok());
    Ok(answer.map(|answer| answer.data))
}

/// The configuration of a server, as text.
#[derive(Deserialize)]
struct ConfigAnswer {
    yaml: String,
}

/// What a server is.
#[derive(Deserialize)]
struct Build {
    #[serde(default)]
    application: String,
}

/// The flags of a server.
type Flags = BTreeMap<String, String>;

/// The part of Prometheus' configuration that matters.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ServerConfig {
    storage: Option<Storage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Storage {
    tsdb: Option<Tsdb>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tsdb {
    out_of_order_time_window: Option<String>,
    retention: Option<Retention>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Retention {
    time: Option<String>,
}

/// Whether flags are those of Prometheus. Thanos has others, and VictoriaMetrics also returns a configuration,
/// which is that of its scrapes.
fn is_of_prometheus(flags: &Flags) -> bool {
    flags.contains_key(RETENTION_TIME)
}

/// What Prometheus accepts. Without its configuration, the window is not known.
fn of_prometheus(config: Option<&ServerConfig>, flags: &Flags) -> Takes {
    let storage = config.and_then(|config| config.storage.as_ref());
    let tsdb = storage.and_then(|storage| storage.tsdb.as_ref());
    let window = config.and_then(|_| {
        let window = tsdb.and_then(|tsdb| tsdb.out_of_order_time_window.as_deref());
        window.map_or(Some(Duration::ZERO), duration)
    });
    let in_file = tsdb.and_then(|tsdb| tsdb.retention.as_ref()?.time.as_deref());
    let in_file = in_file.and_then(duration).filter(|time| !time.is_zero());
    let flag = |name: &str| flags.get(name).map(String::as_str);
    let has_size = flag(RETENTION_SIZE).is_some_and(|size| !is_zero_size(size));
    let of_flags = match flag(RETENTION_TIME).and_then(duration) {
        Some(Duration::ZERO) if has_size => None,
        Some(Duration::ZERO) => Some(DEFAULT_RETENTION),
        time => time,
    };
    Takes { window, retention: in_file.or(of_flags), product: Product::Prometheus }
}

fn is_zero_size(size: &str) -> bool {
    size.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse() == Ok(0)
}

/// Reads the metrics of VictoriaMetrics, which accepts samples that are as old as its retention. `None` if
/// they are those of another server.
fn of_metrics(text: &str) -> Option<Takes> {
    // The version itself is empty in the packages of some distributions.
    let is_victoria = text.lines().any(|line| line.starts_with("vm_app_version{"));
    if !is_victoria {
        return None;
    }
    let flag = text
        .lines()
        .find(|line| line.starts_with("flag{") && line.contains("name=\"retentionPeriod\""));
    let value = flag.and_then(|line| line.split("value=\"").nth(1)?.split('"').next());
    let retention = value.and_then(|value| match value.parse::<u32>() {
        // A number without a unit is one of months.
        Ok(months) => Some(Duration::from_secs(u64::from(months) * 31 * 24 * 3600)),
        Err(_) => duration(value),
    });
    Some(Takes { window: retention, retention, product: Product::VictoriaMetrics })
}

/// A duration as Prometheus writes it, such as `30d`, `1h30m` or `0s`.
/// <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#configuration-file>
fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let ms: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 24 * 3_600_000,
            "w" => 7 * 24 * 3_600_000,
            "y" => 365 * 24 * 3_600_000,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(ms)?;
        total = total.checked_add(Duration::from_millis(part))?;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn durations_are_read_as_prometheus_writes_them() {
        assert_eq!(duration("30d"), Some(30 * DAY));
        assert_eq!(duration("1w1d"), Some(8 * DAY));
        assert_eq!(duration("1h30m500ms"), Some(Duration::from_millis(5_400_500)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for wrong in ["", "30", "d", "1x", "-1d", "99999999999999999999y"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    fn prometheus(yaml: &str, time: &str, size: &str) -> Takes {
        let flags = [(RETENTION_TIME, time), (RETENTION_SIZE, size)];
        let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config: Option<ServerConfig> = serde_saphyr::from_str(yaml).ok();
        of_prometheus(config.as_ref(), &Flags::from(flags))
    }

    #[test]
    fn the_window_and_the_retention_of_prometheus_are_read() {
        let takes = |window, retention| Takes { window, retention, product: Product::Prometheus };
        let zero = Some(Duration::ZERO);
        let window =
            "global: {scrape_interval: 1m}\nstorage:\n  tsdb:\n    out_of_order_time_window: 30d\n";
        assert_eq!(prometheus(window, "2y", "0B"), takes(Some(30 * DAY), Some(730 * DAY)));
        assert_eq!(prometheus("global: {}", "0s", "0B"), takes(zero, Some(15 * DAY)));
        // Only the size is limited.
        assert_eq!(prometheus("global: {}", "0s", "5GB"), takes(zero, None));
        let in_file = "global: {}\nstorage: {tsdb: {retention: {time: 60d}}}";
        assert_eq!(prometheus(in_file, "0s", "0B"), takes(zero, Some(60 * DAY)));
        assert_eq!(prometheus("[]", "1d", "0B"), takes(None, Some(DAY)));
        let thanos = Flags::from([("query.replica-label".to_owned(), String::new())]);
        assert!(!is_of_prometheus(&thanos));
    }

    #[test]
    fn the_retention_of_victoriametrics_is_read() {
        let metrics = |value: &str| {
            of_metrics(&format!(
                "flag{{name=\"retentionPeriod\", value=\"{value}\", is_set=\"true\"}} 1\nvm_app_version{{version=\"\", short_version=\"\"}} 1\n"
            ))
        };
        let takes = |retention: Duration| {
            let product = Product::VictoriaMetrics;
            Some(Takes { window: Some(retention), retention: Some(retention), product })
        };
        assert_eq!(metrics("2y"), takes(730 * DAY));
        assert_eq!(metrics("1"), takes(31 * DAY));
        // A cluster's server for queries has no retention of its own.
        let product = Product::VictoriaMetrics;
        let of_cluster = Takes { product, ..Takes::default() };
        assert_eq!(of_metrics("vm_app_version{version=\"vmselect\"} 1\n"), Some(of_cluster));
        assert_eq!(of_metrics("go_info 1\n"), None);
    }
}
