//! Contract 0.2: its generated bindings, and the translation to the host's own types.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{InstancePre, ResourceAny};

use self::bindings::MappingPre;
use self::bindings::exports::copilot_metrics_exporter::mapping::mapper as wit;
use super::interface::{Contract, Instance, MappingError};
use super::store::State;
use crate::model;

/// Generated from `wit/0.2/mapping.wit`.
#[allow(missing_docs, unsafe_code, clippy::all, clippy::restriction)]
mod bindings {
    wasmtime::component::bindgen!({ world: "mapping", path: "../wit/0.2" });
}

impl Contract for MappingPre<State> {
    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn Instance>> {
        let mapping = MappingPre::instantiate(self, store)?;
        Ok(Box::new(mapping.copilot_metrics_exporter_mapping_mapper().clone()))
    }
}

/// Checks that a component exports what the contract requires.
pub(super) fn prepare(pre: InstancePre<State>) -> wasmtime::Result<Box<dyn Contract>> {
    Ok(Box::new(MappingPre::new(pre)?))
}

impl Instance for wit::Guest {
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<model::Manifest> {
        self.call_describe(store).map(Into::into)
    }

    fn construct(
        &self,
        store: &mut Store<State>,
        target: &model::Target,
        span: model::Span,
        options: &[model::MappingOption],
    ) -> wasmtime::Result<ResourceAny> {
        let target = wit::Target { scope: target.scope().into(), name: target.name().to_owned() };
        let span = match span {
            model::Span::Latest => wit::Span::Latest,
            model::Span::History => wit::Span::History,
        };
        let options: Vec<_> = options
            .iter()
            .map(|option| wit::OptionValue {
                name: option.name.clone(),
                value: option.value.clone(),
            })
            .collect();
        self.run().call_constructor(store, &target, span, &options)
    }

    fn feed(
        &self,
        store: &mut Store<State>,
        run: ResourceAny,
        header: &model::PartHeader,
        chunk: &[u8],
    ) -> wasmtime::Result<Result<(), MappingError>> {
        let document = wit::Document {
            name: header.name.clone(),
            part: header.part,
            fetched_at: header.fetched_at,
            report_day: header.report_day.map(|day| day.to_string()),
        };
        let fed = self.run().call_feed(store, run, &document, chunk)?;
        Ok(fed.map_err(Into::into))
    }

    fn finish(
        &self,
        store: &mut Store<State>,
        run: ResourceAny,
    ) -> wasmtime::Result<Result<model::SampleSet, MappingError>> {
        let finished = self.run().call_finish(store, run)?;
        Ok(finished.map(Into::into).map_err(Into::into))
    }
}

impl From<model::Scope> for wit::Scope {
    fn from(scope: model::Scope) -> Self {
        match scope {
            model::Scope::Organization => Self::Organization,
            model::Scope::Enterprise => Self::Enterprise,
        }
    }
}

impl From<wit::Scope> for model::Scope {
    fn from(scope: wit::Scope) -> Self {
        match scope {
            wit::Scope::Organization => Self::Organization,
            wit::Scope::Enterprise => Self::Enterprise,
        }
    }
}

impl From<wit::Manifest> for model::Manifest {
    fn from(manifest: wit::Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            documents: manifest.documents.into_iter().map(Into::into).collect(),
            options: manifest.options.into_iter().map(Into::into).collect(),
            families: manifest.families.into_iter().map(|family| Arc::new(family.into())).collect(),
            charts: manifest.charts.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<wit::DocumentSpec> for model::DocumentSpec {
    fn from(spec: wit::DocumentSpec) -> Self {
        Self {
            name: spec.name,
            scope: spec.scope.into(),
            path: spec.path,
            fetch: match spec.fetch {
                wit::FetchKind::Plain => model::FetchKind::Plain,
                wit::FetchKind::Paged => model::FetchKind::Paged,
                wit::FetchKind::Report => model::FetchKind::Report,
            },
            need: match spec.need {
                wit::Need::Required => model::Need::Required,
                wit::Need::Optional => model::Need::Optional,
                wit::Need::Offline => model::Need::Offline,
            },
            fallback_for: spec.fallback_for,
            same_day_as: spec.same_day_as.into_iter().collect(),
            only_with: spec.only_with.into_iter().collect(),
            permission: spec.permission,
        }
    }
}

impl From<wit::OptionSpec> for model::OptionSpec {
    fn from(option: wit::OptionSpec) -> Self {
        Self { name: option.name, help: option.help, default_value: option.default_value }
    }
}

impl From<wit::Family> for model::Family {
    fn from(family: wit::Family) -> Self {
        Self {
            name: family.name,
            help: family.help,
            kind: match family.kind {
                wit::MetricKind::Gauge => model::MetricKind::Gauge,
                wit::MetricKind::Counter => model::MetricKind::Counter,
            },
            label_names: family.label_names,
            enabled_by: family.enabled_by,
            detail: family.detail,
        }
    }
}

impl From<wit::SampleSet> for model::SampleSet {
    fn from(set: wit::SampleSet) -> Self {
        let family = |samples: wit::FamilySamples| model::FamilySamples {
            name: samples.name,
            label_values: samples.label_values,
            values: samples.values,
            timestamps: samples.timestamps,
        };
        let field = |field: wit::UnmappedField| model::UnmappedField {
            document: field.document,
            path: field.path,
            count: field.count,
        };
        Self {
            strings: set.strings,
            families: set.families.into_iter().map(family).collect(),
            unmapped: set.unmapped.into_iter().map(field).collect(),
        }
    }
}

impl From<wit::Error> for MappingError {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Malformed(malformed) => Self::Malformed(model::Malformed {
                document: malformed.document,
                part: malformed.part,
                offset: malformed.offset,
                path: malformed.path,
                reason: malformed.reason,
            }),
            wit::Error::UnknownDocument(name) => Self::UnknownDocument(name),
            wit::Error::InvalidOption(reason) => Self::InvalidOption(reason),
        }
    }
}

impl From<wit::Chart> for model::Chart {
    fn from(chart: wit::Chart) -> Self {
        let series = |series: Vec<wit::ChartSeries>| series.into_iter().map(Into::into).collect();
        Self {
            title: chart.title,
            help: chart.help,
            form: match chart.form {
                wit::ChartForm::Lines(lines) => model::ChartForm::Lines(series(lines)),
                wit::ChartForm::Bars(bars) => model::ChartForm::Bars(series(bars)),
                wit::ChartForm::BarsByLabel(bars) => {
                    model::ChartForm::BarsByLabel(model::LabelBars {
                        label: bars.label,
                        value: bars.value.into(),
                        value_name: bars.value_name,
                        part: bars.part.map(Into::into),
                        part_name: bars.part_name,
                    })
                }
            },
        }
    }
}

impl From<wit::ChartSeries> for model::ChartSeries {
    fn from(series: wit::ChartSeries) -> Self {
        Self {
            name: series.name,
            value: series.value.into(),
            divided_by: series.divided_by.map(Into::into),
        }
    }
}

impl From<wit::Selection> for model::Selection {
    fn from(selection: wit::Selection) -> Self {
        let matcher = |matcher: wit::LabelMatcher| model::LabelMatcher {
            label: matcher.label,
            values: matcher.values,
        };
        Self {
            family: selection.family,
            matchers: selection.matchers.into_iter().map(matcher).collect(),
        }
    }
}
