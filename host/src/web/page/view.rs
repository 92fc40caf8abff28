//! What the page says of each target.

use std::sync::{Arc, LazyLock};

use askama::Template;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::numbers::{ago, minute};
use crate::model::Documents;
use crate::model::digest::sha256;
use crate::output::publisher::{Account, Status};
use crate::model::Target;
use crate::model::text::sanitize;

/// How the page looks. There is nothing else that a browser has to fetch or to run.
const STYLE: &str = include_str!("../../templates/page.css");

/// What a browser may do with the page: nothing but to show it in its own style.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
});

/// Pictures that are drawn.
#[derive(Default)]
pub(super) struct Pictures {
    /// HTML.
    pub html: String,
    /// The last day that they show.
    pub newest: Option<Date>,
    /// Which mappings failed, and why.
    pub failures: Vec<String>,
}

/// Whether there are pictures.
pub(super) enum State {
    /// Here they are.
    Drawn(Arc<Pictures>),
    /// They take longer than anybody wants to wait.
    Drawing,
    /// There are no documents.
    NoData,
    /// The page has enough of them.
    NotHere,
}

/// A document that is here.
struct DocumentView {
    name: String,
    fetched: String,
    age: String,
    day: String,
}

/// A target on the page.
pub(super) struct TargetView {
    id: String,
    org: String,
    scope: &'static str,
    /// For the style sheet.
    class: &'static str,
    state: &'static str,
    fresh: String,
    report: String,
    next: Option<String>,
    problems: Vec<String>,
    left_out: Vec<String>,
    not_drawn: Vec<String>,
    mappings: Vec<String>,
    documents: Vec<DocumentView>,
    pictures: State,
}

/// The id of a target on the page: the same for as long as it is the same target.
pub(super) fn id_of(target: &Target) -> String {
    let digest = sha256([target.github(), target.scope().label(), target.name()]);
    format!("t{}", digest.chars().take(8).collect::<String>())
}

/// A time, and how long ago it was.
fn since(time: Timestamp) -> String {
    format!("{} ({} ago)", minute(time), age(time))
}

fn age(time: Timestamp) -> String {
    ago(Timestamp::now().duration_since(time).try_into().unwrap_or_default())
}

impl TargetView {
    pub(super) fn new(account: &Account, documents: &Documents, pictures: State) -> Self {
        let outcome = &account.outcome;
        let (class, state, problems) = match (&outcome.status, account.has_data) {
            (Status::Fresh, _) => ("fresh", "up to date", Vec::new()),
            (Status::Starting, true) => {
                ("starting", "the first refresh is under way; what is here is served", Vec::new())
            }
            (Status::Starting, false) => ("starting", "the first refresh is under way", Vec::new()),
            (Status::Failed(problems), true) => {
                ("failed", "failing; the last good data is served", problems.clone())
            }
            (Status::Failed(problems), false) => {
                ("failed", "failing; there is no data yet", problems.clone())
            }
        };
        let drawn = match &pictures {
            State::Drawn(pictures) => Some(pictures),
            _ => None,
        };
        let day = documents.values().filter_map(|document| document.report_day).max();
        let day = day.or_else(|| drawn.as_ref()?.newest);
        let documents = documents.iter().map(|(name, document)| DocumentView {
            name: name.clone(),
            fetched: minute(document.fetched_at),
            age: age(document.fetched_at),
            day: document.report_day.map(|day| day.to_string()).unwrap_or_default(),
        });
        let mappings = account.mappings.iter().map(|mapping| {
            let (manifest, sha256) = (mapping.manifest(), mapping.sha256());
            let sha256 = sha256.get(..12).unwrap_or(sha256);
            format!("{} {} (sha256 {sha256}…)", sanitize(&manifest.name), sanitize(&manifest.version))
        });
        Self {
            id: id_of(&account.target),
            org: account.target.name().to_owned(),
            scope: account.target.scope().label(),
            class,
            state,
            fresh: outcome.succeeded_at.map_or_else(|| "not yet".to_owned(), since),
            report: day.map_or_else(|| "none yet".to_owned(), report_day),
            next: outcome.next.map(minute),
            problems,
            left_out: outcome.left_out.clone(),
            not_drawn: drawn.map(|drawn| drawn.failures.clone()).unwrap_or_default(),
            mappings: mappings.collect(),
            documents: documents.collect(),
            pictures,
        }
    }
}

/// The day, and how long ago it ended.
fn report_day(day: Date) -> String {
    let ended = day.saturating_add(1.day()).to_zoned(TimeZone::UTC).map(|end| end.timestamp());
    match ended {
        Ok(ended) if ended < Timestamp::now() => format!("{day} (ended {} ago)", age(ended)),
        _ => day.to_string(),
    }
}

#[derive(Template)]
#[template(path = "page.html")]
struct PageTemplate {
    version: &'static str,
    style: &'static str,
    missing: Option<String>,
    targets: Vec<TargetView>,
    /// How many targets are not on this page.
    others: usize,
}

/// Writes the page. `all`: how many targets there are.
pub(super) fn page(
    targets: Vec<TargetView>,
    all: usize,
    missing: Option<String>,
) -> askama::Result<String> {
    let (version, style) = (env!("CARGO_PKG_VERSION"), STYLE);
    let others = all.saturating_sub(targets.len());
    PageTemplate { version, style, missing, targets, others }.render()
}
