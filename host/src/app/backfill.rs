//! Runs a backfill.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use futures_util::future::join_all;
use thiserror::Error;
use tracing::warn;

use super::error::StartError;
use super::mappings::{CompiledMappings, pull_and_compile};
use super::metrics::Metrics;
use super::open::{engine, spool, store};
use crate::backfill::{
    Backfill, BackfillArgs, Destination, Job, Plan, Progress, Receiver, Report, Sink, SinkError,
    Verify, days_of,
};
use crate::config::{ServeArgs, SettingError, Settings, given};
use crate::github::{Client, Credentials, Transport};
use crate::model::Scope;
use crate::model::day::today;
use crate::remote_write::Endpoint;
use crate::runner::Runner;

/// Why a backfill did not end.
#[derive(Debug, Error)]
pub enum BackfillError {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An invalid argument.
    #[error("{0}")]
    Usage(String),
    /// The samples can't be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl From<SettingError> for BackfillError {
    fn from(error: SettingError) -> Self {
        Self::Start(error.into())
    }
}

/// What a backfill returns.
pub enum Ended {
    /// What it would do.
    Planned(Plan),
    /// What it did.
    Filled(Report),
}

/// Fills the targets of the settings that the arguments select.
pub async fn backfill(args: &BackfillArgs, settings: Settings) -> Result<Ended, BackfillError> {
    let days = days_of(args.since, args.until, today()).map_err(BackfillError::Usage)?;
    if let Some(missing) = &settings.missing {
        return Err(BackfillError::Usage(missing.clone()));
    }
    if settings.cache_dir.is_none() && settings.valkey.is_none() {
        warn!("neither CACHE_DIR nor STORE_URL is set: fetched documents are not kept");
    }
    let metrics = Metrics::new().map_err(StartError::from)?;
    let spool = spool(&settings);
    let store = store(&settings, &spool, &metrics.valkey)?;
    let engine = engine(&settings, metrics.store.clone()).map_err(StartError::from)?;
    let (settings, compiled) = pull_and_compile(engine, settings).await?;
    let CompiledMappings { mut registry, candidates, warnings } = compiled;
    warnings.iter().for_each(|warning| warn!("{warning}"));
    candidates.iter().for_each(|candidate| registry.commit(candidate));
    let endpoints: Vec<Endpoint> = settings
        .remote_write
        .iter()
        .map(|endpoint| Endpoint::new(endpoint.clone(), metrics.remote_write.clone()))
        .collect();
    let verify = check_verify(args, &endpoints)?;
    let github = settings.github.clone();
    let transport =
        Transport::new(github, spool, metrics.github.clone()).map_err(StartError::from)?;
    let credentials = Credentials::default();
    let jobs = settings.targets.into_iter().map(|settings| {
        let (credential, api, target) = (&settings.credential, &settings.api, &settings.target);
        let client = Client::new(transport.clone(), &credentials, credential, api, target);
        let set = registry.set(&settings.source);
        Job { set, client: client.leaving_reserve(), settings, is_fetched: false }
    });
    let jobs: Vec<Job> = jobs.collect();
    let backfill = Backfill {
        runner: Runner::new(metrics.runner),
        store,
        days,
        documents: args.documents.iter().cloned().collect::<BTreeSet<_>>(),
        monthly: args.monthly,
        requests_per_hour: args.requests_per_hour,
        verify,
    };
    if args.plan {
        let targets = backfill.plan(&jobs).await;
        let takes = endpoints.iter().map(async |of| (of.name().to_owned(), of.probe().await));
        return Ok(Ended::Planned(Plan {
            days: backfill.days,
            requests_per_hour: args.requests_per_hour.map(NonZeroU32::get),
            targets,
            endpoints: join_all(takes).await,
        }));
    }
    let sink = match &args.to {
        Destination::RemoteWrite => {
            Sink::RemoteWrite(endpoints.into_iter().map(Receiver::new).collect())
        }
        to => Sink::openmetrics(to.clone()),
    };
    let mut progress = Progress::new(backfill.number_of_days() * jobs.len() as u64);
    let report = backfill.run(jobs, sink, &mut progress).await?;
    Ok(Ended::Filled(report))
}

/// Whether the endpoints are asked at the end. An argument that needs endpoints is an error without them.
fn check_verify(
    args: &BackfillArgs,
    endpoints: &[Endpoint],
) -> Result<Option<Verify>, BackfillError> {
    let usage = |text: &str| Err(BackfillError::Usage(text.to_owned()));
    if args.to == Destination::RemoteWrite && endpoints.is_empty() && !args.plan {
        return usage(
            "there is no endpoint: add the section remote_write to the config file, or set --to",
        );
    }
    let verify = match (args.verify, args.correct) {
        (_, true) => Verify::Correct,
        (true, false) => Verify::Report,
        (false, false) => return Ok(None),
    };
    if args.to != Destination::RemoteWrite {
        return usage("--verify and --correct are about remote write: leave out --to");
    }
    match endpoints.iter().find(|endpoint| endpoint.settings().query_url.is_none()) {
        Some(endpoint) => {
            let name = endpoint.name();
            usage(&format!("--verify: the endpoint {name} has no query_url"))
        }
        None => Ok(Some(verify)),
    }
}

/// Reads settings of which `--org` and `--enterprise` select some targets, if there is a config file.
pub fn selecting(
    args: &ServeArgs,
    read: impl Fn(&ServeArgs) -> Result<Settings, SettingError>,
) -> Result<Settings, SettingError> {
    if given(&args.config).is_none() || (given(&args.org), given(&args.enterprise)) == (None, None)
    {
        return read(args);
    }
    let of_file = read(&ServeArgs { org: None, enterprise: None, ..args.clone() })?;
    let is_known = |scope: Scope, login: &str| {
        let mut targets = of_file.targets.iter().map(|target| &target.target);
        targets.any(|of| of.scope() == scope && of.login().eq_ignore_ascii_case(login))
    };
    let names = |list: &Option<String>| -> Vec<String> {
        let names = given(list).unwrap_or_default().split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let (orgs, enterprises) = (names(&args.org), names(&args.enterprise));
    let unknown = |scope: Scope, names: &[String]| {
        let unknown = names.iter().filter(|name| !is_known(scope, name));
        Some(unknown.cloned().collect::<Vec<_>>().join(","))
    };
    let org = unknown(Scope::Organization, &orgs);
    let enterprise = unknown(Scope::Enterprise, &enterprises);
    let mut settings = read(&ServeArgs { org, enterprise, ..args.clone() })?;
    settings.targets.retain(|target| {
        let names = match target.target.scope() {
            Scope::Organization => &orgs,
            Scope::Enterprise => &enterprises,
        };
        names.iter().any(|name| name.eq_ignore_ascii_case(target.target.login()))
    });
    Ok(settings)
}
