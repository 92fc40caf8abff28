//! Renders the page.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use askama::Template;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::cache::{ChartCache, ChartsState};
use super::kept::{KeptDays, KeptLists};
use super::range::Range;
use super::section::Section;
use crate::config::WebPaths;
use crate::model::Document;
use crate::model::text::sanitize;
use crate::output::{Publisher, TargetStatus};
use crate::refresh::{TargetView, Targets};
use crate::runner::Runner;
use crate::store::Store;

/// How long a request waits for charts that are not drawn yet.
const CHARTS_WAIT: Duration = Duration::from_secs(5);
/// The same for charts that need kept days.
const DAYS_WAIT: Duration = Duration::from_secs(1);
/// The number of targets with charts on one page.
const MAX_TARGETS_WITH_CHARTS: usize = 8;

/// The style sheet. It is part of the page, so that a browser fetches nothing else.
const STYLE: &str = include_str!("../../../templates/page.css");

/// The header `Content-Security-Policy`: the page has its own style, and nothing else.
pub static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
});

/// The targets to show: those with these labels, and how.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Selection {
    /// The label `org`.
    pub org: Option<String>,
    /// The label `scope`.
    pub scope: Option<String>,
    /// How many days the charts with lines show: `28d`, `90d` or `1y`, if the store has them. Anything
    /// else is 28 days. It applies to the page of a single target only.
    pub range: Option<String>,
}

impl Selection {
    fn contains(&self, status: &TargetStatus) -> bool {
        let [org, scope] = status.target.labels();
        let matches = |wanted: &Option<String>, label: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == label)
        };
        matches(&self.org, org) && matches(&self.scope, scope)
    }

    fn range(&self) -> Range {
        self.range.as_deref().and_then(Range::parse).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "page.html")]
struct PageTemplate<'a> {
    version: &'static str,
    /// The link to the metrics.
    metrics: &'a str,
    style: &'static str,
    /// Whether the numbers are those of the demo.
    is_demo: bool,
    /// The settings that are missing.
    missing: Option<String>,
    /// The mapping files that are refused, with the reason.
    refused: Vec<(String, String)>,
    sections: Vec<Section>,
    /// The number of targets that are not on this page.
    others: usize,
    /// Whether charts are being computed, so that the page should be loaded again.
    is_computing: bool,
}

/// The name of a mapping file and why it is refused: both may contain anything.
fn refused_file((path, reason): (PathBuf, String)) -> (String, String) {
    (sanitize(&path.display().to_string()), sanitize(&reason))
}

/// The page.
pub struct Page {
    publisher: Arc<Publisher>,
    targets: Arc<Targets>,
    kept: KeptLists,
    charts: ChartCache,
    is_demo: bool,
    paths: WebPaths,
}

impl Page {
    /// A page that shows what `publisher` and `targets` know, with charts that `runner` makes, also of the
    /// days in `store`.
    pub fn new(
        publisher: Arc<Publisher>,
        targets: Arc<Targets>,
        runner: Arc<Runner>,
        store: Arc<dyn Store>,
    ) -> Self {
        let charts = ChartCache::new(runner, Arc::clone(&store));
        let (kept, paths) = (KeptLists::new(store), WebPaths::default());
        Self { publisher, targets, kept, charts, is_demo: false, paths }
    }

    /// Links to the endpoints at these paths.
    pub fn with_paths(self, paths: WebPaths) -> Self {
        Self { paths, ..self }
    }

    /// Says whether the numbers are those of the demo.
    pub fn of_demo(self, is_demo: bool) -> Self {
        Self { is_demo, ..self }
    }

    /// Renders the page as HTML. Mappings run only if documents or mappings have changed since the
    /// charts were drawn.
    pub async fn render(&self, selection: &Selection) -> askama::Result<String> {
        let statuses = self.publisher.statuses();
        self.charts.retain(|target| statuses.iter().any(|status| status.target == *target));
        let selected = statuses.iter().filter(|status| selection.contains(status));
        let selected: Vec<_> = selected.collect();
        let range = if selected.len() == 1 { selection.range() } else { Range::default() };
        let sections = selected.into_iter().enumerate().map(|(at, status)| {
            self.section(status, (at < MAX_TARGETS_WITH_CHARTS).then_some(range))
        });
        let sections = join_all(sections).await;
        let template = PageTemplate {
            version: env!("CARGO_PKG_VERSION"),
            metrics: self.paths.metrics_link(),
            style: STYLE,
            is_demo: self.is_demo,
            missing: self.publisher.missing(),
            refused: self.targets.refused().into_iter().map(refused_file).collect(),
            others: statuses.len().saturating_sub(sections.len()),
            is_computing: sections.iter().any(Section::is_computing),
            sections,
        };
        template.render()
    }

    /// The section of a target, with the charts of a range if one is given.
    async fn section(&self, status: &TargetStatus, range: Option<Range>) -> Section {
        let view = self.targets.get(&status.target);
        let documents = view.as_ref().map(|view| view.wanted()).unwrap_or_default();
        let charts = match (&view, range) {
            (_, None) => ChartsState::Elsewhere,
            (Some(view), Some(range)) if !documents.is_empty() => {
                let kept = self.kept.get(&view.target).await;
                let ranges = ranges(view, &kept);
                let range = if ranges.contains(&range) { range } else { Range::default() };
                let wait = if range.needs_kept_days() { DAYS_WAIT } else { CHARTS_WAIT };
                let charts = self.charts.get(view, (range, kept), Instant::now() + wait).await;
                return Section::new(status, &documents, charts).with_ranges(ranges, range);
            }
            // After a restart: its documents are known once its mappings are loaded.
            _ if status.has_data => ChartsState::Drawing,
            _ => ChartsState::NoData,
        };
        Section::new(status, &documents, charts)
    }
}

/// The ranges that the charts of a target may show.
fn ranges(view: &TargetView, kept: &KeptDays) -> Vec<Range> {
    let newest = Document::newest_day(view.documents.values());
    Range::available(newest, &kept.days.days().collect())
}
