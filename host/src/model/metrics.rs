//! The registry of the exporter's own metrics. Each module that moves a metric defines it itself, on
//! a registry that it is handed.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::proto::{Gauge as GaugeValue, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, TextEncoder,
};

/// The labels of a target's metrics.
pub const TARGET: [&str; 2] = ["org", "scope"];

/// What a metric is, for the documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// The text of its `# HELP` line.
    pub help: String,
}

/// A registry of metrics. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Registry {
    registry: prometheus::Registry,
    descriptions: Arc<Mutex<Vec<Description>>>,
}

impl Registry {
    /// The metrics in the text format.
    pub fn encode(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.gather())
    }

    /// The metrics, sorted by name.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// The series with all of these labels, in the text format.
    pub fn encode_where(&self, labels: &[(&str, &str)]) -> prometheus::Result<String> {
        let has_label = |metric: &Metric, (name, value): &(&str, &str)| {
            metric.get_label().iter().any(|pair| pair.name() == *name && pair.value() == *value)
        };
        let has_labels = |metric: &Metric| labels.iter().all(|label| has_label(metric, label));
        let mut families = self.registry.gather();
        for family in &mut families {
            let metrics = family.take_metric().into_iter().filter(has_labels).collect();
            family.set_metric(metrics);
        }
        families.retain(|family| !family.get_metric().is_empty());
        TextEncoder::new().encode_to_string(&families)
    }

    /// Every metric, whether it has a value yet or not.
    pub fn descriptions(&self) -> Vec<Description> {
        self.descriptions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Describes a metric that is not in the registry.
    pub fn describe(&self, name: &str, labels: &[&str], help: &str) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let description = Description { name: name.to_owned(), labels, help: help.to_owned() };
        self.descriptions.lock().unwrap_or_else(PoisonError::into_inner).push(description);
    }

    /// Registers a collector. It fails if another one has a metric of the same name.
    pub fn register_boxed(&self, collector: Box<dyn Collector>) -> prometheus::Result<()> {
        for desc in collector.desc() {
            let labels: Vec<&str> = desc.variable_labels.iter().map(String::as_str).collect();
            self.describe(&desc.fq_name, &labels, &desc.help);
        }
        self.registry.register(collector)
    }

    fn register<C: Collector + Clone + 'static>(
        &self,
        collector: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let collector = collector?;
        self.register_boxed(Box::new(collector.clone()))?;
        Ok(collector)
    }

    /// A counter.
    pub fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.register(IntCounter::new(name, help))
    }

    /// Counters with labels.
    pub fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// A gauge.
    pub fn gauge(&self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.register(Gauge::new(name, help))
    }

    /// Gauges with labels.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
        self.register(GaugeVec::new(Opts::new(name, help), labels))
    }

    /// A gauge of whole numbers.
    pub fn int_gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.register(IntGauge::new(name, help))
    }

    /// Gauges of whole numbers with labels.
    pub fn int_gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntGaugeVec> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// Histograms of durations with labels: from a small response to a thousand pages.
    pub fn durations(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<HistogramVec> {
        let buckets = vec![0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
        self.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels))
    }
}

/// A family of gauges that is written afresh for each exposition.
pub fn gauge_family(name: &str, help: &str, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(metrics);
    family
}

/// A sample of such a family.
pub fn gauge_sample(names: &[&str], values: &[&str], value: f64) -> Metric {
    let labels = names.iter().zip(values).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    let mut metric = Metric::from_label(labels.collect());
    let mut gauge = GaugeValue::default();
    gauge.set_value(value);
    metric.set_gauge(gauge);
    metric
}

/// The current time in seconds since 1970.
pub fn now_seconds() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64 / 1000.0
}

/// Removes every series that has all of these labels.
pub fn remove_series<B: MetricVecBuilder>(vector: &MetricVec<B>, labels: &[(&str, &str)]) {
    remove_series_if(vector, |value| labels.iter().all(|(name, wanted)| value(name) == *wanted));
}

/// Removes the series whose labels satisfy a condition, which is given the value of each label.
pub fn remove_series_if<B: MetricVecBuilder>(
    vector: &MetricVec<B>,
    is_obsolete: impl for<'a> Fn(&dyn Fn(&str) -> &'a str) -> bool,
) {
    let names = vector.desc().first().map(|desc| desc.variable_labels.clone()).unwrap_or_default();
    for metric in vector.collect().iter().flat_map(|family| family.get_metric()) {
        let value = |name: &str| {
            let mut labels = metric.get_label().iter();
            labels.find(|label| label.name() == name).map_or("", |label| label.value())
        };
        if is_obsolete(&value) {
            let values: Vec<&str> = names.iter().map(|name| value(name)).collect();
            // It fails only if the series has been removed already.
            vector.remove_label_values(&values).ok();
        }
    }
}
