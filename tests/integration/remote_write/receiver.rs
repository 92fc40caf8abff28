//! Retries, refusals, redirects and headers.

use std::time::Duration;

use copilot_metrics_exporter::remote_write::{Deadline, WriteError, Written, hint, v1, v2};
use copilot_metrics_tests::receiver::{Received, Receiver, Reply};
use copilot_metrics_tests::transcript::{keep_secret, record};
use prost::Message;

use super::{MARKER, Tested, patient, samples};

fn decompressed(received: &Received) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(&received.body).unwrap()
}

#[tokio::test]
async fn a_request_has_the_headers_and_the_message_of_version_1() {
    let receiver = Receiver::start([]).await;
    let url = receiver.url("/api/v1/push?tenant=a");
    let tested = Tested::new(&url, "headers: {X-Scope-OrgID: octo}", &[]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.5, 7)]));
    let written = tested.endpoint.write(&requests, patient()).await.unwrap();
    assert_eq!(written, Written { requests: 1, samples: 1 });
    let [received] = receiver.received().try_into().unwrap();
    assert_eq!(received.path, "/api/v1/push?tenant=a");
    assert_eq!(received.header("content-type"), "application/x-protobuf");
    assert_eq!(received.header("content-encoding"), "snappy");
    assert_eq!(received.header("x-prometheus-remote-write-version"), "0.1.0");
    assert_eq!(received.header("x-scope-orgid"), "octo");
    assert!(received.header("user-agent").starts_with("copilot-metrics-exporter/"));
    assert_eq!(received.header("authorization"), "");
    let message = v1::WriteRequest::decode(&*decompressed(&received)).unwrap();
    assert_eq!(message.timeseries.len(), 1);
    assert_eq!(message.timeseries[0].samples, [v1::Sample { value: 1.5, timestamp: 7 }]);
}

#[tokio::test]
async fn version_2_is_written_if_the_server_confirms_every_sample() {
    const WRITTEN: &str = "x-prometheus-remote-write-samples-written";
    let replies = [
        Reply::new(204, "").with(WRITTEN, "2"),
        Reply::new(204, "").with(WRITTEN, "1"),
        Reply::new(204, ""),
        Reply::new(415, "unsupported"),
    ];
    let receiver = Receiver::start(replies).await;
    let keys = "protobuf_message: io.prometheus.write.v2.Request";
    let tested = Tested::new(&receiver.url("/w"), keys, &[]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7), ("daily_a", "y", 2.0, 7)]));
    let written = tested.endpoint.write(&requests, patient()).await.unwrap();
    assert_eq!(written.samples, 2);
    let received = &receiver.received()[0];
    let content_type = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    assert_eq!(received.header("content-type"), content_type);
    assert_eq!(received.header("x-prometheus-remote-write-version"), "2.0.0");
    let message = v2::Request::decode(&*decompressed(received)).unwrap();
    assert_eq!(message.timeseries.len(), 2);

    let fewer = tested.endpoint.write(&requests, patient()).await.unwrap_err();
    assert_eq!(fewer.to_string(), "the server confirmed 1 of 2 samples");
    let unconfirmed = tested.endpoint.write(&requests, patient()).await.unwrap_err();
    let refused = tested.endpoint.write(&requests, patient()).await.unwrap_err();
    for error in [unconfirmed, refused] {
        assert!(hint(&error).unwrap().contains("prometheus.WriteRequest"), "{error}");
    }
    assert_eq!(
        tested.metric("copilot_exporter_remote_write_samples_total{endpoint=\"tested\"}"),
        Some(2.0)
    );
}

#[tokio::test]
async fn transient_failures_are_retried_until_the_request_is_accepted() {
    let replies = [Reply::new(503, "starting"), Reply::new(429, "slow down"), Reply::new(500, "")];
    let receiver = Receiver::start(replies).await;
    let tested = Tested::new(&receiver.url("/w"), "", &[]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    tested.endpoint.write(&requests, patient()).await.unwrap();
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|request| request.body == received[0].body));
    for (code, count) in [("503", 1.0), ("429", 1.0), ("500", 1.0), ("204", 1.0)] {
        let series = format!(
            "copilot_exporter_remote_write_requests_total{{code=\"{code}\",endpoint=\"tested\"}}"
        );
        assert_eq!(tested.metric(&series), Some(count), "{code}");
    }
    assert_eq!(
        tested.metric(
            "copilot_exporter_remote_write_request_duration_seconds_count{endpoint=\"tested\"}"
        ),
        Some(4.0)
    );
}

#[tokio::test]
async fn retry_after_is_honored_and_a_wait_beyond_the_deadline_is_given_up_at_once() {
    for retry_after in ["3600", "Tue, 31 Dec 2199 23:59:59 GMT"] {
        let reply = Reply::new(429, "slow down").with("retry-after", retry_after);
        let receiver = Receiver::start([reply]).await;
        let tested = Tested::new(&receiver.url("/w"), "", &[]);
        let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
        let error = tested.endpoint.write(&requests, patient()).await.unwrap_err();
        assert!(error.can_pass());
        assert_eq!(error.to_string(), "gave up after 1 attempts: status 429: slow down");
        assert_eq!(receiver.received().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_at_the_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let tested = Tested::new(&format!("http://{address}/w?token=hunter2hunter2"), "", &[]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    let deadline = Deadline::after(Duration::from_secs(2));
    let error = tested.endpoint.write(&requests, deadline).await.unwrap_err();
    assert!(error.can_pass());
    let text = error.to_string();
    assert!(text.contains(&format!("no complete response from {address}: ")), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let series = "copilot_exporter_remote_write_requests_total{code=\"request_exception\",endpoint=\"tested\"}";
    assert!(tested.metric(series).unwrap() >= 2.0);
}

#[tokio::test]
async fn a_refusal_is_final_and_says_what_the_server_says_without_secrets() {
    let password = "a-password-for-remote-write";
    keep_secret(password);
    let echo = format!(
        "out of bounds, {password}\u{1b}[1m, Basic bWU6YS1wYXNzd29yZC1mb3ItcmVtb3RlLXdyaXRl\nmore"
    );
    let receiver = Receiver::start([Reply::new(400, &echo)]).await;
    let keys = format!("basic_auth: {{username: me, password: {password}}}");
    let tested = Tested::new(&receiver.url("/w"), &keys, &[]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7), (MARKER, "x", 2.0, 7)]));
    assert_eq!(requests.len(), 2);
    let error = tested.endpoint.write(&requests, patient()).await.unwrap_err();
    record(&error.to_string());
    record(&format!("{error:?} {:?}", tested.endpoint.settings()));
    let WriteError::Refused { status: 400, message } = &error else { panic!("{error:?}") };
    assert_eq!(message, "out of bounds, ***[1m, Basic ***");
    assert!(hint(&error).unwrap().contains("storage.tsdb.out_of_order_time_window"));
    assert!(!error.can_pass());
    // So what marks the day as complete was not sent.
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_server_only() {
    let other = Receiver::start([]).await;
    let replies = [
        Reply::new(307, "").with("location", "/new"),
        Reply::new(204, ""),
        Reply::new(308, "").with("location", other.url("/w")),
        Reply::new(302, "").with("location", "/new"),
    ];
    let receiver = Receiver::start(replies).await;
    let keys = "authorization: {credentials: a-token-for-remote-write}";
    let tested = Tested::new(&receiver.url("/w"), keys, &[]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    tested.endpoint.write(&requests, patient()).await.unwrap();
    let received = receiver.received();
    assert_eq!(received[1].path, "/new");
    assert_eq!(received[1].body, received[0].body);
    assert_eq!(received[1].header("authorization"), "Bearer a-token-for-remote-write");
    for status in [308, 302] {
        let error = tested.endpoint.write(&requests, patient()).await.unwrap_err();
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(hint(&error).unwrap().contains("redirects"));
    }
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn a_query_that_is_refused_says_why() {
    let error = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let replies = [Reply::new(400, error), Reply::new(200, "<html>"), Reply::new(503, "starting")];
    let receiver = Receiver::start(replies).await;
    let keys =
        format!("query_url: {}\n  headers: {{X-Scope-OrgID: octo}}", receiver.url("/mimir/"));
    let tested = Tested::new(&receiver.url("/w"), &keys, &[]);
    for expected in [
        "the query failed: status 400: parse error",
        "the response to the query is not usable: not the expected JSON (line 1, column 1)",
        "the query failed: status 503: starting",
    ] {
        let error = tested.endpoint.raw("{a=\"b\"}", 0, 1).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let received = &receiver.received()[0];
    assert_eq!(received.path, "/mimir/api/v1/query");
    assert_eq!(received.header("x-scope-orgid"), "octo");
    let without = Tested::new(&receiver.url("/w"), "", &[]);
    assert_eq!(
        without.endpoint.raw("a", 0, 1).await.unwrap_err().to_string(),
        "query_url is not set"
    );
}
