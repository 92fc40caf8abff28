//! Renders the page.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use askama::Template;
use tokio::time::Instant;

use super::cache::{ChartCache, ChartsState};
use super::headline::{HEADLINES, Headline};
use super::kept::{KeptDays, KeptLists};
use super::overview::{Figure, Row, order};
use super::range::Range;
use super::section::Section;
use super::trend::Trends;
use crate::config::WebPaths;
use crate::model::text::sanitize;
use crate::model::{Document, Documents, Target};
use crate::output::{Publisher, TargetStatus};
use crate::refresh::{TargetView, Targets};
use crate::runner::Runner;
use crate::store::Store;

/// How long a request waits for charts that are not drawn yet.
const CHARTS_WAIT: Duration = Duration::from_secs(5);
/// The same for charts that need kept days.
const DAYS_WAIT: Duration = Duration::from_secs(1);
/// The same for changes from a week earlier, of all targets together.
const TRENDS_WAIT: Duration = Duration::from_secs(1);

/// The project's documentation, if `Cargo.toml` names its repository.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

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

/// The target whose charts are shown, and how.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Selection {
    /// The label `org`.
    pub org: Option<String>,
    /// The label `scope`.
    pub scope: Option<String>,
    /// How many days the charts with lines show: `28d`, `90d` or `1y`, if the store has them. Anything
    /// else is 28 days.
    pub range: Option<String>,
}

impl Selection {
    fn contains(&self, target: &Target) -> bool {
        let [org, scope] = target.labels();
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
    /// The links to the metrics, to Grafana and to the documentation: empty if there is none.
    metrics: &'a str,
    grafana: &'a str,
    repository: &'static str,
    style: &'static str,
    /// Whether the numbers are those of the demo.
    is_demo: bool,
    /// The settings that are missing.
    missing: Option<String>,
    /// The mapping files that are refused, with the reason.
    refused: Vec<(String, String)>,
    headlines: &'static [Headline],
    /// All targets.
    rows: Vec<Row>,
    /// The number of targets that fail.
    failing: usize,
    /// The number of targets whose changes from a week earlier are not known yet.
    pending: usize,
    /// The target whose charts are shown.
    section: Option<Section>,
    /// Its headline numbers.
    tiles: Vec<Tile>,
}

/// A headline number of the target whose charts are shown.
struct Tile {
    name: &'static str,
    figure: Figure,
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
    trends: Trends,
    is_demo: bool,
    paths: WebPaths,
    grafana: Option<String>,
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
        let trends = Trends::new(Arc::clone(&runner));
        let charts = ChartCache::new(runner, Arc::clone(&store));
        let kept = KeptLists::new(store);
        let (is_demo, paths, grafana) = Default::default();
        Self { publisher, targets, kept, charts, trends, is_demo, paths, grafana }
    }

    /// Links to the endpoints at these paths.
    pub fn with_paths(self, paths: WebPaths) -> Self {
        Self { paths, ..self }
    }

    /// Links to Grafana at this URL.
    pub fn with_grafana(self, grafana: Option<String>) -> Self {
        Self { grafana, ..self }
    }

    /// Says whether the numbers are those of the demo.
    pub fn of_demo(self, is_demo: bool) -> Self {
        Self { is_demo, ..self }
    }

    /// Renders the page as HTML: all targets, and the charts of the first one that is selected. Mappings
    /// run only if documents or mappings have changed since the last time.
    pub async fn render(&self, selection: &Selection) -> askama::Result<String> {
        let mut statuses = self.publisher.statuses();
        statuses.sort_by_key(order);
        self.charts.retain(|target| statuses.iter().any(|status| status.target == *target));
        let chosen = statuses.iter().find(|status| selection.contains(&status.target));
        let section = async {
            match chosen {
                Some(status) => Some(self.section(status, selection.range()).await),
                None => None,
            }
        };
        let (section, (rows, pending)) = tokio::join!(section, self.rows(&statuses, chosen));
        let chosen = rows.iter().find(|row| row.is_chosen);
        let tiles =
            HEADLINES.iter().zip(chosen.map(|row| row.figures.as_slice()).unwrap_or_default());
        let tiles =
            tiles.map(|(headline, figure)| Tile { name: headline.name, figure: figure.clone() });
        let template = PageTemplate {
            version: env!("CARGO_PKG_VERSION"),
            metrics: self.paths.metrics_link(),
            grafana: self.grafana.as_deref().unwrap_or_default(),
            repository: REPOSITORY,
            style: STYLE,
            is_demo: self.is_demo,
            missing: self.publisher.missing(),
            refused: self.targets.refused().into_iter().map(refused_file).collect(),
            headlines: &HEADLINES,
            failing: rows.iter().filter(|row| row.is_failing()).count(),
            pending,
            section,
            tiles: tiles.filter(|tile| tile.figure.value.is_some()).collect(),
            rows,
        };
        template.render()
    }

    /// The charts of the only target that is selected, if there is only one, as they are drawn.
    pub(super) async fn charts(&self, selection: &Selection) -> Option<(Target, ChartsState)> {
        let statuses = self.publisher.statuses();
        let mut selected = statuses.iter().filter(|status| selection.contains(&status.target));
        let (Some(status), None) = (selected.next(), selected.next()) else { return None };
        let drawn = self.drawn(status, selection.range()).await;
        Some((status.target.clone(), drawn.charts))
    }

    /// A row for each target, and the number of those whose changes are not known yet.
    async fn rows(
        &self,
        statuses: &[TargetStatus],
        chosen: Option<&TargetStatus>,
    ) -> (Vec<Row>, usize) {
        let views: Vec<_> =
            statuses.iter().map(|status| self.targets.get(&status.target)).collect();
        let known: Vec<_> =
            views.iter().flatten().filter(|view| !view.documents.is_empty()).cloned().collect();
        let trends = self.trends.get(&known, Instant::now() + TRENDS_WAIT).await;
        let mut names: HashMap<&str, usize> = HashMap::new();
        for status in statuses {
            *names.entry(status.target.name()).or_default() += 1;
        }
        let rows = statuses.iter().zip(&views).map(|(status, view)| {
            let trend = trends.get(&status.target).map(|trend| &**trend);
            let is_chosen = chosen.is_some_and(|chosen| chosen.target == status.target);
            let is_shared = names.get(status.target.name()).is_some_and(|count| *count > 1);
            let link_scope = is_shared.then(|| status.target.scope().label());
            Row { is_chosen, link_scope, ..Row::new(status, view.as_deref(), trend) }
        });
        (rows.collect(), known.len().saturating_sub(trends.len()))
    }

    /// The section of a target.
    async fn section(&self, status: &TargetStatus, range: Range) -> Section {
        let Drawn { documents, ranges, range, charts } = self.drawn(status, range).await;
        Section::new(status, &documents, charts).with_ranges(ranges, range)
    }

    /// The charts of a target with the days of a range, if it is available.
    async fn drawn(&self, status: &TargetStatus, range: Range) -> Drawn {
        let view = self.targets.get(&status.target);
        let documents = view.as_ref().map(|view| view.wanted()).unwrap_or_default();
        let view = view.filter(|_| !documents.is_empty());
        let Some(view) = view else {
            // After a restart: its documents are known once its mappings are loaded.
            let charts = if status.has_data { ChartsState::Drawing } else { ChartsState::NoData };
            return Drawn { documents, ranges: Vec::new(), range, charts };
        };
        let kept = self.kept.get(&view.target).await;
        let ranges = ranges(&view, &kept);
        let range = if ranges.contains(&range) { range } else { Range::default() };
        let wait = if range.needs_kept_days() { DAYS_WAIT } else { CHARTS_WAIT };
        let charts = self.charts.get(&view, (range, kept), Instant::now() + wait).await;
        Drawn { documents, ranges, range, charts }
    }
}

/// The charts of a target, and what they are made of.
struct Drawn {
    /// The documents that its mappings want.
    documents: Documents,
    /// The ranges that the charts may show.
    ranges: Vec<Range>,
    /// The one that they show.
    range: Range,
    charts: ChartsState,
}

/// The ranges that the charts of a target may show.
fn ranges(view: &TargetView, kept: &KeptDays) -> Vec<Range> {
    let newest = Document::newest_day(view.documents.values());
    Range::available(newest, &kept.days.days().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;
    use crate::model::metrics::Registry;
    use crate::output::{Outcome, Status};
    use crate::runner;
    use crate::store::Memory;

    /// The page of targets named octo-0 and so on, of which one has failed.
    async fn html_of(targets: usize, failed: usize, selection: &Selection) -> String {
        let registry = Registry::default();
        let publisher = Publisher::start(&registry).unwrap();
        let target = |number| Target::new(Scope::Organization, &format!("octo-{number}")).unwrap();
        let all: Vec<Target> = (0..targets).map(target).collect();
        publisher.set_targets(&all, None);
        let status = Status::Failed(vec!["seats: 403".to_owned()]);
        publisher.set_outcome(&target(failed), Outcome { status, ..Outcome::default() });
        let runner = Arc::new(Runner::new(runner::Metrics::new(&registry).unwrap()));
        let page = Page::new(publisher, Arc::default(), runner, Arc::new(Memory::default()));
        page.render(selection).await.unwrap()
    }

    #[tokio::test]
    async fn every_target_has_a_row_and_the_page_is_about_the_failing_one() {
        for targets in [1, 3, 50, 500] {
            let html = html_of(targets, targets - 1, &Selection::default()).await;
            assert_eq!(html.matches("<th scope=\"row\"><a").count(), targets);
            let heading = format!("<h2 id=\"target-name\">octo-{} ", targets - 1);
            assert_eq!(html.matches("<h2 id=\"target-name\">").count(), 1);
            assert!(html.contains(&heading) && html.contains("seats: 403"), "{html}");
            assert!(html.contains(&format!("<small>{targets}, 1 failing</small>")), "{html}");
            // That leaves half of 200 kB for the charts and the numbers.
            assert!(html.len() < 10_000 + targets * 180, "{}", html.len());
        }
    }

    #[tokio::test]
    async fn an_organization_and_an_enterprise_of_one_name_have_links_of_their_own() {
        let registry = Registry::default();
        let publisher = Publisher::start(&registry).unwrap();
        let target = |scope, name| Target::new(scope, name).unwrap();
        let (octo, labs) = ("octo", target(Scope::Organization, "labs"));
        let both = [Scope::Organization, Scope::Enterprise].map(|scope| target(scope, octo));
        publisher.set_targets(&[both.as_slice(), &[labs]].concat(), None);
        let runner = Arc::new(Runner::new(runner::Metrics::new(&registry).unwrap()));
        let page = Page::new(publisher, Arc::default(), runner, Arc::new(Memory::default()));
        let html = page.render(&Selection::default()).await.unwrap();
        for link in ["octo&amp;scope=organization", "octo&amp;scope=enterprise", "labs"] {
            assert!(html.contains(&format!("href=\"?org={link}#target\"")), "{html}");
        }
    }

    #[tokio::test]
    async fn another_target_can_be_chosen() {
        let selection = Selection { org: Some("octo-1".to_owned()), ..Selection::default() };
        let html = html_of(3, 2, &selection).await;
        assert!(html.contains("<h2 id=\"target-name\">octo-1 "), "{html}");
        assert!(!html.contains("seats: 403"), "{html}");
    }
}
