//! Makes metrics, and removes the series of what is no longer there.

use std::cell::RefCell;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::proto::{Gauge as GaugeValue, LabelPair, Metric};
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};

/// What a metric is, for the documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// The text of its `# HELP` line.
    pub help: String,
}

/// Makes metrics and registers them.
#[derive(Default)]
pub(super) struct Maker {
    pub registry: Registry,
    pub described: RefCell<Vec<Described>>,
}

impl Maker {
    pub fn register<C: Collector + Clone + 'static>(
        &self,
        collector: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let collector = collector?;
        self.register_boxed(Box::new(collector.clone()))?;
        Ok(collector)
    }

    pub fn register_boxed(&self, collector: Box<dyn Collector>) -> prometheus::Result<()> {
        self.described.borrow_mut().extend(collector.desc().into_iter().map(|desc| Described {
            name: desc.fq_name.clone(),
            labels: desc.variable_labels.clone(),
            help: desc.help.clone(),
        }));
        self.registry.register(collector)
    }

    pub fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.register(IntCounter::new(name, help))
    }

    pub fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub fn int_gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntGaugeVec> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub fn gauge(&self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.register(Gauge::new(name, help))
    }

    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<HistogramVec> {
        self.register(HistogramVec::new(seconds(name, help), labels))
    }
}

/// A histogram of times, from those of a small answer to those of a thousand pages.
pub(super) fn seconds(name: &str, help: &str) -> HistogramOpts {
    let buckets = vec![0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
    HistogramOpts::new(name, help).buckets(buckets)
}

/// A gauge that is written anew for each exposition.
pub(super) fn gauge_of(names: &[&str], values: &[&str], value: f64) -> Metric {
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

/// Removes every series that has all of these labels.
pub(super) fn forget<B: MetricVecBuilder>(vector: &MetricVec<B>, labels: &[(&str, &str)]) {
    forget_if(vector, |value| labels.iter().all(|(name, wanted)| value(name) == *wanted));
}

/// Removes every series that has all of these labels, but those of these mappings.
pub(super) fn forget_others<B: MetricVecBuilder>(
    vector: &MetricVec<B>,
    labels: &[(&str, &str)],
    mappings: &[&str],
) {
    forget_if(vector, |value| {
        labels.iter().all(|(name, wanted)| value(name) == *wanted)
            && !mappings.contains(&value("mapping"))
    });
}

/// Removes the series whose labels are such.
fn forget_if<B: MetricVecBuilder>(
    vector: &MetricVec<B>,
    is: impl for<'a> Fn(&dyn Fn(&str) -> &'a str) -> bool,
) {
    let names = vector.desc().first().map(|desc| desc.variable_labels.clone()).unwrap_or_default();
    for metric in vector.collect().iter().flat_map(|family| family.get_metric()) {
        let value = |name: &str| {
            let mut labels = metric.get_label().iter();
            labels.find(|label| label.name() == name).map_or("", |label| label.value())
        };
        if is(&value) {
            let values: Vec<&str> = names.iter().map(|name| value(name)).collect();
            // It fails only where there is no such series.
            vector.remove_label_values(&values).ok();
        }
    }
}
