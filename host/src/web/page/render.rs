//! Renders the page.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use askama::Template;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::cache::{ChartCache, ChartsState};
use super::section::Section;
use crate::model::text::sanitize;
use crate::output::{Publisher, TargetStatus};
use crate::refresh::Targets;
use crate::runner::Runner;

/// How long a request waits for charts that are not drawn yet.
const CHARTS_WAIT: Duration = Duration::from_secs(5);
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

/// The targets to show: those with these labels.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Selection {
    /// The label `org`.
    pub org: Option<String>,
    /// The label `scope`.
    pub scope: Option<String>,
}

impl Selection {
    fn contains(&self, status: &TargetStatus) -> bool {
        let [org, scope] = status.target.labels();
        let matches = |wanted: &Option<String>, label: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == label)
        };
        matches(&self.org, org) && matches(&self.scope, scope)
    }
}

#[derive(Template)]
#[template(path = "page.html")]
struct PageTemplate {
    version: &'static str,
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
}

/// The name of a mapping file and why it is refused: both may contain anything.
fn refused_file((path, reason): (PathBuf, String)) -> (String, String) {
    (sanitize(&path.display().to_string()), sanitize(&reason))
}

/// The page.
pub struct Page {
    publisher: Arc<Publisher>,
    targets: Arc<Targets>,
    charts: ChartCache,
    is_demo: bool,
}

impl Page {
    /// A page that shows what `publisher` and `targets` know, with charts that `runner` makes.
    pub fn new(publisher: Arc<Publisher>, targets: Arc<Targets>, runner: Arc<Runner>) -> Self {
        Self { publisher, targets, charts: ChartCache::new(runner), is_demo: false }
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
        let deadline = Instant::now() + CHARTS_WAIT;
        let selected = statuses.iter().filter(|status| selection.contains(status));
        let sections = selected
            .enumerate()
            .map(|(at, status)| self.section(status, at < MAX_TARGETS_WITH_CHARTS, deadline));
        let sections = join_all(sections).await;
        let template = PageTemplate {
            version: env!("CARGO_PKG_VERSION"),
            style: STYLE,
            is_demo: self.is_demo,
            missing: self.publisher.missing(),
            refused: self.targets.refused().into_iter().map(refused_file).collect(),
            others: statuses.len().saturating_sub(sections.len()),
            sections,
        };
        template.render()
    }

    async fn section(
        &self,
        status: &TargetStatus,
        with_charts: bool,
        deadline: Instant,
    ) -> Section {
        let view = self.targets.get(&status.target);
        let documents = view.as_ref().map(|view| view.wanted()).unwrap_or_default();
        let charts = match &view {
            _ if !with_charts => ChartsState::Elsewhere,
            Some(view) if !documents.is_empty() => self.charts.get(view, deadline).await,
            // After a restart: its documents are known once its mappings are loaded.
            _ if status.has_data => ChartsState::Drawing,
            _ => ChartsState::NoData,
        };
        Section::new(status, &documents, charts)
    }
}
