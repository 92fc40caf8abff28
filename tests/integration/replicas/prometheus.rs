use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use copilot_metrics_tests::relay::Balancer;
use jiff::{Timestamp, ToSpan};

use super::{PATIENCE, PAUSE, Replicas, led};

/// The series that Prometheus adds to each scrape.
const OF_SCRAPE: usize = 5;
/// How often the address is scraped.
const SCRAPES: usize = 6;

/// Waits until this many scrapes have ended.
async fn scraped(prometheus: &Database, number: usize) {
    let query = "count_over_time(up{job='github-copilot'}[1h])";
    for _ in 0..PATIENCE {
        let result = prometheus.query(query).await.unwrap_or_default();
        let count = result.first().and_then(|series| series["value"][1].as_str());
        if count.and_then(|count| count.parse().ok()).unwrap_or(0) >= number {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{}", prometheus.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn scraped_through_one_address_no_series_is_there_twice_and_no_counter_goes_back() {
    let mut replicas = Replicas::start(3, "3600").await;
    replicas.every_target_has_one_leader().await;
    let data = replicas.all_serve_the_same().await;
    let samples = data.lines().filter(|line| !line.starts_with('#')).count();
    let addresses = replicas.running.iter().map(Serving::address);
    let balancer = Balancer::start(addresses.collect()).await;
    let each: Vec<String> =
        replicas.running.iter().map(|replica| format!("'{}'", replica.address())).collect();
    let config = format!(
        "scrape_configs:
- job_name: github-copilot
  metrics_path: /metrics/data
  scrape_interval: 5s
  static_configs: [{{targets: ['{}']}}]
  relabel_configs: [{{target_label: instance, replacement: copilot-metrics-exporter}}]
- job_name: github-copilot-replicas
  metrics_path: /metrics/self
  scrape_interval: 5s
  static_configs: [{{targets: [{}]}}]
",
        balancer.address(),
        each.join(",")
    );
    let prometheus = Prometheus::new(Version::Later).config(&config).run();
    prometheus.ready().await;
    scraped(&prometheus, SCRAPES / 2).await;
    // A leader dies.
    let leaders = replicas.leaders().await;
    let dead = leaders.iter().position(|leads| *leads > 0).unwrap();
    let dead = replicas.running.remove(dead);
    let lost = led(&dead).await;
    balancer.remove(dead.address()).await;
    dead.kill();
    replicas.expire_leases_of(&lost);
    replicas.every_target_has_one_leader().await;
    scraped(&prometheus, SCRAPES).await;
    for (query, expected) in [
        // Every scrape had the whole data, and nothing else.
        ("min_over_time(up{job='github-copilot'}[1h])", 1),
        ("min_over_time(scrape_samples_scraped{job='github-copilot'}[1h])", samples),
        ("max_over_time(scrape_samples_scraped{job='github-copilot'}[1h])", samples),
        ("count({job='github-copilot'})", samples + OF_SCRAPE),
        ("count(count by (instance) ({job='github-copilot'}))", 1),
    ] {
        assert_eq!(prometheus.value(query).await, expected.to_string(), "{query}");
    }
    let (start, end) = (Timestamp::now() - 1.hour(), Timestamp::now());
    let scraped = prometheus.samples("{job='github-copilot',__name__!~'scrape_.*'}", start, end);
    let scraped = scraped.await;
    assert_eq!(scraped.len(), samples + 1);
    for series in &scraped {
        // The value of one replica is that of another one, and is in every scrape.
        let (_, value) = series.samples[0];
        let is_same = series.samples.iter().all(|(_, other)| *other == value);
        assert!(is_same && series.samples.len() >= SCRAPES, "{series:?}");
    }
    let counters = "{job='github-copilot-replicas',__name__=~'.*_(total|count|bucket)'}";
    let counters = prometheus.samples(counters, start, end).await;
    assert!(!counters.is_empty());
    for series in &counters {
        assert!(series.samples.is_sorted_by(|(_, one), (_, next)| one <= next), "{series:?}");
    }
}
