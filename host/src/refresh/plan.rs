//! Says how many requests are planned per hour with each credential, and if that is more than GitHub allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::budget::{Budget, Demand, Limit, LimitKey, Shortage, budgets, by_limit};
use super::shared::Shared;
use super::target::TargetTask;
use crate::model::day::today;
use crate::model::{DocumentSpec, FetchKind, Need};

/// How long changes are collected: at the start, many targets end their refreshes one after the other.
const PAUSE: Duration = Duration::from_secs(1);

impl TargetTask {
    /// What is requested for the target, once it is known which mappings are in use.
    pub(super) fn demand(&self) -> Option<Demand> {
        if !self.has_mappings() {
            return None;
        }
        let (labels, limit) = self.client.rate_limit();
        // Until the App has signed in, its installations are told apart by their targets.
        let is_alone = self.client.has_own_limit() && labels.installation.is_empty();
        let target = if is_alone { self.target().to_string() } else { String::new() };
        let (credential, api, installation) = (labels.credential, labels.api, labels.installation);
        let key = LimitKey { credential, api, installation, target };
        let mut demand = Demand { key, limit, ..Demand::default() };
        let is_fetched = |spec: &&DocumentSpec| spec.need != Need::Offline && self.is_needed(spec);
        let (today, is_durable) = (today(), self.shared.store.is_durable());
        for spec in self.specs.iter().filter(is_fetched) {
            let stored = self.versions.newest().get(&spec.name);
            demand.add(spec, stored, self.settings.ttl_of(&spec.name), today);
            if is_durable {
                demand.add_revisions(spec, today);
            }
            let is_unknown = spec.fetch == FetchKind::Paged
                && stored.is_none()
                && self.schedule.outcome(&spec.name).is_none();
            demand.unknown_lists += usize::from(is_unknown);
        }
        Some(demand)
    }
}

/// What the log has said about a credential.
#[derive(PartialEq)]
struct Said {
    targets: usize,
    limit: Limit,
    is_complete: bool,
    is_short: bool,
}

/// Says what is planned when it is known which documents are wanted, and whenever that changes, until
/// cancelled.
pub(super) async fn keep_plan(shared: Arc<Shared>) {
    shared.targets.all_mappings_loaded().await;
    let mut changes = shared.targets.changes();
    let mut said = HashMap::new();
    loop {
        let views = shared.targets.all();
        let demands: Vec<&Demand> = views.iter().filter_map(|view| view.demand.as_ref()).collect();
        // While the settings are being applied, some are missing.
        if demands.len() == shared.publisher.statuses().len() {
            shared.metrics.set_planned(&by_limit(demands.iter().copied()));
            let budgets = budgets(demands);
            said.retain(|known: &(String, String), _| {
                budgets.iter().any(|of| (&of.credential, &of.api) == (&known.0, &known.1))
            });
            for budget in &budgets {
                say(budget, &mut said);
            }
        }
        drop(views);
        if changes.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        changes.mark_unchanged();
    }
}

/// Logs a budget if there is news.
fn say(budget: &Budget, said: &mut HashMap<(String, String), Said>) {
    let (limit, busiest) = budget.tightest;
    // What GitHub documents may be less than it allows.
    let shortage = budget.shortage.filter(|_| matches!(limit, Limit::Reported(_)));
    let (targets, is_complete) = (budget.targets, budget.unknown_lists == 0);
    let news = Said { targets, limit, is_complete, is_short: shortage.is_some() };
    let key = (budget.credential.clone(), budget.api.clone());
    let before = said.get(&key);
    if before == Some(&news) {
        return;
    }
    let was_short = before.is_some_and(|before| before.is_short);
    let (credential, api) = (&budget.credential, &budget.api);
    let requests_per_hour = budget.requests.ceil() as u64;
    let (limit, is_documented) = match limit {
        Limit::Reported(limit) => (Some(limit), false),
        Limit::Documented(limit) => (Some(limit), true),
        Limit::Unknown => (None, false),
    };
    // Fields without a value are not logged.
    let assumed = is_documented.then_some("until GitHub reports its limit");
    let installations = (budget.limits > 1).then_some(budget.limits);
    let busiest = (budget.limits > 1).then_some(busiest.ceil() as u64);
    let unknown = (!is_complete).then_some(budget.unknown_lists);
    info!(
        credential,
        %api,
        targets,
        requests_per_hour,
        limit,
        assumed,
        installations,
        busiest_installation = busiest,
        lists_of_unknown_size = unknown,
        "planned requests to GitHub"
    );
    if let Some(shortage) = shortage.filter(|_| !was_short) {
        let advice = advice(&shortage);
        warn!(credential, %api, requests_per_hour, limit, "the TTLs can't be kept: {advice}");
    }
    said.insert(key, news);
}

/// What to do about a shortage.
fn advice(shortage: &Shortage) -> String {
    let longer = match shortage.ttl {
        Some(ttl) => format!("raise CACHE_TTL_SECONDS to at least {}", ttl.as_secs()),
        // Rounded up.
        None => {
            format!("multiply the TTLs by at least {:.1}", (shortage.factor * 10.0).ceil() / 10.0)
        }
    };
    match shortage.credentials {
        Some(credentials) => {
            format!(
                "{longer}, or divide the targets among {credentials} credentials of different accounts"
            )
        }
        None => longer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_the_ttl_that_can_be_kept() {
        let ttl = Some(Duration::from_secs(5760));
        let shortage = Shortage { factor: 1.6, ttl, credentials: Some(2) };
        assert_eq!(
            advice(&shortage),
            "raise CACHE_TTL_SECONDS to at least 5760, or divide the targets among 2 credentials of different accounts"
        );
        let shortage = Shortage { factor: 1.123, ttl: None, credentials: None };
        assert_eq!(advice(&shortage), "multiply the TTLs by at least 1.2");
    }
}
