//! How many requests per hour are planned, and whether GitHub allows them. Pure: documents, TTLs and the day are
//! handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::github::{RESERVE, planned_requests};
use crate::history::REVISION_INTERVAL;
use crate::model::day::FINAL_AFTER_DAYS;
use crate::model::{Document, DocumentSpec};

const HOUR_SECONDS: f64 = 3600.0;

/// What GitHub documents for a token. An App has at least as many requests per hour, and up to 15,000 in GitHub
/// Enterprise Cloud.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
const DOCUMENTED: i64 = 5000;

/// Whose rate limit requests count toward: the labels of the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LimitKey {
    /// The credential's name.
    pub credential: String,
    /// The API's host.
    pub api: String,
    /// The App's installation, if it is known. Otherwise empty.
    pub installation: String,
    /// The target, if it has its own limit and the installation is not known yet. Otherwise empty.
    pub target: String,
}

/// What is requested for a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// Whose rate limit it counts toward.
    pub key: LimitKey,
    /// The requests per hour that GitHub has reported as the limit.
    pub limit: Option<i64>,
    /// Requests per hour because of TTLs, including those of `bulk`.
    pub refreshes: f64,
    /// Requests per hour for pages of long lists.
    pub bulk: f64,
    /// Requests per hour that don't depend on a TTL: recent days are fetched again.
    pub revisions: f64,
    /// The lists that have not been fetched yet, so that each counts as one page.
    pub unknown_lists: usize,
    /// The TTL of all its documents. `None`: there are several.
    pub ttl: Option<Duration>,
}

impl Demand {
    /// Adds a document that is fetched again after its TTL. `stored` is its stored version, if there is one.
    pub fn add(
        &mut self,
        spec: &DocumentSpec,
        stored: Option<&Document>,
        ttl: Duration,
        today: Date,
    ) {
        let per_hour = HOUR_SECONDS / ttl.as_secs_f64().max(1.0);
        let requests = planned_requests(spec, stored, today);
        let is_first = self.refreshes == 0.0;
        self.refreshes += requests.all as f64 * per_hour;
        self.bulk += requests.bulk as f64 * per_hour;
        self.ttl =
            if is_first { Some(ttl) } else { self.ttl.filter(|of_others| *of_others == ttl) };
    }

    /// Adds the requests for the days of a document before the newest one that GitHub may still revise, as
    /// they are sent if days are kept. There are most of them if yesterday is the newest day.
    pub fn add_revisions(&mut self, spec: &DocumentSpec, today: Date) {
        if !spec.is_of_day() {
            return;
        }
        // Neither today nor yesterday.
        let ages = 2..i64::from(FINAL_AFTER_DAYS);
        let days = ages.map(|age| today.saturating_sub(age.days()));
        let days = days.filter(|day| spec.has_day(*day, today)).count();
        self.revisions += days as f64 * HOUR_SECONDS / REVISION_INTERVAL.as_secs_f64();
    }
}

/// The limit that requests are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// As GitHub has reported.
    Reported(i64),
    /// As GitHub documents: no response has reported it yet.
    Documented(i64),
    /// A GitHub Enterprise Server, which has no limit unless it is set.
    Unknown,
}

/// What would be needed to keep the TTLs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortage {
    /// The factor by which all TTLs are too short.
    pub factor: f64,
    /// The shortest TTL that can be kept, if all documents have the same.
    pub ttl: Option<Duration>,
    /// The number of credentials that would be enough. `None`: more credentials don't help, since a single
    /// target needs more than one has.
    pub credentials: Option<u64>,
}

/// The requests of all targets with the same credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The credential's name.
    pub credential: String,
    /// The API's host.
    pub api: String,
    /// The number of targets.
    pub targets: usize,
    /// The number of limits: one for each installation of an App.
    pub limits: usize,
    /// Requests per hour in total.
    pub requests: f64,
    /// The lists that have not been fetched yet.
    pub unknown_lists: usize,
    /// The limit that is nearest to its end, and the requests per hour that count toward it.
    pub tightest: (Limit, f64),
    /// What is missing there, if the limit is too low.
    pub shortage: Option<Shortage>,
}

/// The requests that count toward one limit.
#[derive(Default)]
struct Share {
    refreshes: f64,
    bulk: f64,
    revisions: f64,
    /// The largest requests of a single target.
    largest: f64,
    limit: Option<i64>,
    ttls: BTreeSet<Option<Duration>>,
}

impl Share {
    fn add(&mut self, demand: &Demand) {
        self.refreshes += demand.refreshes;
        self.bulk += demand.bulk;
        self.revisions += demand.revisions;
        self.largest = self.largest.max(used(demand.refreshes, demand.bulk, demand.revisions));
        self.limit = self.limit.or(demand.limit);
        self.ttls.insert(demand.ttl);
    }

    fn limit(&self, api: &str) -> Limit {
        match self.limit {
            Some(limit) => Limit::Reported(limit),
            None if is_cloud(api) => Limit::Documented(DOCUMENTED),
            None => Limit::Unknown,
        }
    }

    /// The part of a limit that is used. It is too low if this is more than 1.
    fn part_of(&self, limit: Limit) -> f64 {
        let limit = match limit {
            Limit::Reported(limit) | Limit::Documented(limit) => limit.max(1) as f64,
            Limit::Unknown => return 0.0,
        };
        used(self.refreshes, self.bulk, self.revisions) / limit
    }

    fn shortage(&self, limit: Limit) -> Option<Shortage> {
        let part = self.part_of(limit);
        let (Limit::Reported(limit) | Limit::Documented(limit)) = limit else { return None };
        if part <= 1.0 {
            return None;
        }
        let limit = limit.max(1) as f64;
        // Only what depends on TTLs becomes less with longer ones.
        let left = (limit - self.revisions).max(1.0);
        let factor = (self.refreshes / left).max(self.bulk / (limit * for_bulk())).max(1.0);
        let mut ttls = self.ttls.iter();
        let ttl = match (ttls.next(), ttls.next()) {
            (Some(Some(ttl)), None) => Some(*ttl),
            _ => None,
        };
        let ttl = ttl.map(|ttl| Duration::from_secs((ttl.as_secs_f64() * factor).ceil() as u64));
        let credentials = (self.largest <= limit).then_some(part.ceil() as u64);
        Some(Shortage { factor, ttl, credentials })
    }
}

/// The part of a limit that long lists may use.
fn for_bulk() -> f64 {
    1.0 - 1.0 / RESERVE as f64
}

/// The limit that requests need: long lists leave a part of it unused.
fn used(refreshes: f64, bulk: f64, revisions: f64) -> f64 {
    (refreshes + revisions).max(bulk / for_bulk())
}

/// Whether a host is github.com's or of GitHub Enterprise Cloud.
fn is_cloud(api: &str) -> bool {
    api == "api.github.com" || api.ends_with(".ghe.com")
}

/// The requests per hour that count toward each limit.
pub fn by_limit<'a>(demands: impl IntoIterator<Item = &'a Demand>) -> BTreeMap<LimitKey, f64> {
    let mut requests = BTreeMap::new();
    for demand in demands {
        *requests.entry(demand.key.clone()).or_default() += demand.refreshes + demand.revisions;
    }
    requests
}

/// What is planned with each credential.
pub fn budgets<'a>(demands: impl IntoIterator<Item = &'a Demand>) -> Vec<Budget> {
    let mut credentials: BTreeMap<_, Vec<&Demand>> = BTreeMap::new();
    for demand in demands {
        let LimitKey { credential, api, .. } = &demand.key;
        credentials.entry((credential.as_str(), api.as_str())).or_default().push(demand);
    }
    credentials.into_iter().map(|((credential, api), of)| budget(credential, api, &of)).collect()
}

fn budget(credential: &str, api: &str, demands: &[&Demand]) -> Budget {
    let mut shares: BTreeMap<&LimitKey, Share> = BTreeMap::new();
    for demand in demands {
        shares.entry(&demand.key).or_default().add(demand);
    }
    let part = |share: &&Share| share.part_of(share.limit(api));
    let tightest = shares.values().max_by(|one, other| part(one).total_cmp(&part(other)));
    let limit = tightest.map_or(Limit::Unknown, |share| share.limit(api));
    Budget {
        credential: credential.to_owned(),
        api: api.to_owned(),
        targets: demands.len(),
        limits: shares.len(),
        requests: demands.iter().map(|of| of.refreshes + of.revisions).sum(),
        unknown_lists: demands.iter().map(|of| of.unknown_lists).sum(),
        tightest: (limit, tightest.map_or(0.0, |share| share.refreshes + share.revisions)),
        shortage: tightest.and_then(|share| share.shortage(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn demand(refreshes: f64) -> Demand {
        let key = LimitKey {
            credential: "default".to_owned(),
            api: "api.github.com".to_owned(),
            ..LimitKey::default()
        };
        Demand { key, refreshes, ttl: Some(HOUR), ..Demand::default() }
    }

    fn only(demands: &[Demand]) -> Budget {
        let mut budgets = budgets(demands);
        assert_eq!(budgets.len(), 1);
        budgets.remove(0)
    }

    #[test]
    fn targets_with_the_same_credential_share_its_limit() {
        let targets = vec![demand(16.0); 500];
        let budget = only(&targets);
        assert_eq!((budget.targets, budget.limits, budget.requests), (500, 1, 8000.0));
        assert_eq!(budget.tightest, (Limit::Documented(5000), 8000.0));
        let shortage = budget.shortage.unwrap();
        assert_eq!(shortage.ttl, Some(Duration::from_secs(5760)));
        assert_eq!(shortage.credentials, Some(2));
        // The reported limit takes precedence.
        let reported = |limit| {
            let of = |demand: &Demand| Demand { limit: Some(limit), ..demand.clone() };
            only(&targets.iter().map(of).collect::<Vec<_>>())
        };
        assert_eq!(reported(15_000).tightest.0, Limit::Reported(15_000));
        assert_eq!(reported(15_000).shortage, None);
        assert_eq!(reported(8000).shortage, None);
        assert!(reported(7999).shortage.is_some());
    }

    #[test]
    fn each_installation_of_an_app_has_its_own_limit() {
        let of = |installation: &str, target: &str, refreshes| {
            let mut demand = demand(refreshes);
            demand.key.installation = installation.to_owned();
            demand.key.target = target.to_owned();
            demand
        };
        // Two have not signed in yet.
        let demands =
            [of("1", "", 3000.0), of("2", "", 4000.0), of("", "a", 4500.0), of("", "b", 1.0)];
        let budget = only(&demands);
        assert_eq!((budget.limits, budget.requests), (4, 11_501.0));
        assert_eq!(budget.tightest, (Limit::Documented(5000), 4500.0));
        assert_eq!(budget.shortage, None);
        assert_eq!(by_limit(&demands).len(), 4);
    }

    #[test]
    fn long_lists_leave_a_fifth_and_more_credentials_do_not_help_a_single_target() {
        // 450,000 seats are 4,500 pages: below the limit, but above what long lists may use of it.
        let seats = Demand { bulk: 4490.0, ..demand(4510.0) };
        let shortage = only(&[seats]).shortage.unwrap();
        assert_eq!(shortage.ttl, Some(Duration::from_secs(4041)));
        assert_eq!(shortage.credentials, None);
    }

    #[test]
    fn only_requests_that_depend_on_ttls_become_fewer_with_longer_ones() {
        let mut targets = vec![Demand { revisions: 10.0, ..demand(16.0) }; 250];
        let shortage = only(&targets).shortage.unwrap();
        // 250 times 10 of 5,000 are left for 250 times 16.
        assert_eq!(shortage.factor, 1.6);
        assert_eq!(shortage.ttl, Some(Duration::from_secs(5760)));
        // With several TTLs, all of them must grow.
        targets[0].ttl = None;
        assert_eq!(only(&targets).shortage.unwrap().ttl, None);
    }

    #[test]
    fn a_server_that_reports_no_limit_has_none() {
        let mut of_server = demand(1e6);
        of_server.key.api = "github.example.com".to_owned();
        let budget = only(&[of_server]);
        assert_eq!((budget.tightest.0, budget.shortage), (Limit::Unknown, None));
        let mut of_cloud = demand(1.0);
        of_cloud.key.api = "api.octo.ghe.com".to_owned();
        assert_eq!(only(&[of_cloud]).tightest.0, Limit::Documented(5000));
    }
}
