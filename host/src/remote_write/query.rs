//! Asks the query API of an endpoint for raw samples.
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;

use super::endpoint::Endpoint;
use super::error::QueryError;
use super::http::HttpRequest;

/// The largest response that is read, uncompressed.
const MAX_RESPONSE_BYTES: usize = 256 << 20;

/// A series that an endpoint has.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The labels by name, including `__name__`.
    pub labels: BTreeMap<String, String>,
    /// Timestamps in milliseconds since 1970 and values, in the order of time.
    pub samples: Vec<(i64, f64)>,
}

impl Endpoint {
    /// The samples of a selector from `start` to `end`, both included, in milliseconds since 1970, as they
    /// are stored.
    pub async fn raw(
        &self,
        selector: &str,
        start: i64,
        end: i64,
    ) -> Result<Vec<Series>, QueryError> {
        let http = self.queries.as_ref().ok_or(QueryError::NotConfigured)?;
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        let request = HttpRequest {
            method: Method::POST,
            path: "/api/v1/query",
            headers,
            body: parameters(selector, start, end).into(),
            timeout: self.settings.remote_timeout,
        };
        let body = http.send(request).await?.read(MAX_RESPONSE_BYTES).await?;
        let body = body.ok_or(QueryError::TooLarge { limit: MAX_RESPONSE_BYTES })?;
        let parsed = tokio::task::spawn_blocking(move || parse(&body, start, end)).await;
        parsed.map_err(|error| QueryError::Malformed(error.to_string()))?
    }
}

/// The parameters of a query whose range contains the given one.
///
/// The start of a range is excluded by Prometheus 3 and VictoriaMetrics, and included by Prometheus 2, so it
/// is one millisecond earlier. The time of the query is a whole second: some servers lose milliseconds of
/// it. What is outside is left out of the result.
fn parameters(selector: &str, start: i64, end: i64) -> String {
    let seconds = end.div_euclid(1000).saturating_add(1);
    let range = seconds.saturating_mul(1000).saturating_sub(start).saturating_add(1).max(1);
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", &format!("{selector}[{range}ms]"))
        .append_pair("time", &seconds.to_string())
        // VictoriaMetrics would shift the time of a query about the last seconds.
        .append_pair("nocache", "1")
        .finish()
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    result_type: String,
    result: Vec<Matrix>,
}

#[derive(Deserialize)]
struct Matrix {
    metric: BTreeMap<String, String>,
    /// Missing if the series has only histograms.
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// Parses a response, and leaves out what is not in the range.
fn parse(body: &Bytes, start: i64, end: i64) -> Result<Vec<Series>, QueryError> {
    // serde's error may quote the response.
    let wrong = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        QueryError::Malformed(format!("not the expected JSON (line {line}, column {column})"))
    };
    let Answer { data } = serde_json::from_slice(body).map_err(wrong)?;
    if data.result_type != "matrix" && !data.result.is_empty() {
        return Err(QueryError::Malformed("it has no raw samples".to_owned()));
    }
    let mut found = Vec::with_capacity(data.result.len());
    for Matrix { metric, values } in data.result {
        let mut samples = Vec::with_capacity(values.len());
        for (seconds, value) in values {
            // Milliseconds have three decimals, which a number of this size represents exactly enough.
            let time = (seconds * 1000.0).round() as i64;
            let value = value.parse().map_err(|_| {
                QueryError::Malformed("a value is not a floating-point number".to_owned())
            })?;
            if (start..=end).contains(&time) {
                samples.push((time, value));
            }
        }
        if !samples.is_empty() {
            samples.sort_by_key(|(time, _)| *time);
            found.push(Series { labels: metric, samples });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_query_contains_both_bounds_whether_its_start_is_open_or_closed() {
        let texts = |start, end| {
            let text = parameters("{a=\"&\"}", start, end);
            let pairs = url::form_urlencoded::parse(text.as_bytes()).into_owned();
            pairs.map(|(_, value)| value).collect::<Vec<_>>()
        };
        // From 1.000 to 2.999: up to 3, from 0.999.
        assert_eq!(texts(1000, 2999), ["{a=\"&\"}[2001ms]", "3", "1"]);
        assert_eq!(texts(1001, 1001), ["{a=\"&\"}[1000ms]", "2", "1"]);
    }

    #[test]
    fn timestamps_are_exact_and_special_values_are_read() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"a","l":"x"},"values":[
                [1763639994.239,"9"],[1763639994.24,"1e+21"],[1763639994.241,"NaN"],[1763639995,"+Inf"],
                [1763639995.001,"-Inf"],[1763639995.002,"7"]]},
            {"metric":{"__name__":"h"},"histograms":[]}]}}"#;
        let body = Bytes::from_static(body);
        let found = parse(&body, 1_763_639_994_240, 1_763_639_995_001).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].labels.get("l").unwrap(), "x");
        let times: Vec<_> = found[0].samples.iter().map(|(time, _)| time % 10_000).collect();
        assert_eq!(times, [4240, 4241, 5000, 5001]);
        let values: Vec<_> = found[0].samples.iter().map(|(_, value)| value.to_string()).collect();
        assert_eq!(values, ["1000000000000000000000", "NaN", "inf", "-inf"]);
    }

    #[test]
    fn every_millisecond_of_a_day_is_read_exactly() {
        for time in (1_763_596_800_000_i64..1_763_683_200_000).step_by(997) {
            let text = format!("{}.{:03}", time / 1000, time % 1000);
            let seconds: f64 = serde_json::from_str(&text).unwrap();
            assert_eq!((seconds * 1000.0).round() as i64, time);
        }
    }

    #[test]
    fn a_response_that_is_not_usable_is_an_error_that_does_not_quote_it() {
        for body in [
            "<html>hunter2</html>",
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"hunter2"}}]}}"#,
            r#"{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"hunter2"]]}]}}"#,
        ] {
            let error = parse(&Bytes::from(body), 0, 9999).unwrap_err().to_string();
            assert!(error.starts_with("the response to the query is not usable"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
