//! Keeps what was drawn for as long as it is of the same documents and mappings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use super::catalogue::FAMILIES;
use super::history::History;
use super::pictures::{draw, newest_day};
use super::view::{self, Pictures, State, TargetView};
use crate::store::{Documents, fingerprint};
use crate::mappings::MappingSet;
use crate::output::publisher::Account;
use crate::refresh::Shared;
use crate::config::TargetSettings;
use crate::model::Target;

/// How long the page waits for pictures that are not drawn yet. After that it comes without them.
const DRAWING_WAIT: Duration = Duration::from_secs(5);
/// How long a failure is believed. Its cause may be gone, and nobody draws more often than this for nothing.
const RETRY: Duration = Duration::from_secs(60);
/// Of how many targets one page has pictures.
const MAX_PICTURED: usize = 8;

/// Which targets are asked for: those with these labels.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Selection {
    /// The label `org`.
    pub org: Option<String>,
    /// The label `scope`.
    pub scope: Option<String>,
}

/// The page.
pub struct Page {
    shared: Arc<Shared>,
    drawn: Mutex<HashMap<Target, Drawn>>,
    /// One at a time draws: of the few mappings that run at once the rest are left to refreshes.
    drawing: Arc<Semaphore>,
}

/// The pictures of a target, once they are drawn.
type Slot = watch::Receiver<Option<Arc<Pictures>>>;

struct Drawn {
    /// What it is drawn of.
    of: String,
    began: Instant,
    pictures: Slot,
}

/// What is drawn of a target.
struct Sources {
    settings: Arc<TargetSettings>,
    set: Arc<MappingSet>,
    documents: Documents,
}

impl Page {
    /// Of what is refreshed with `shared`.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, drawn: Mutex::default(), drawing: Arc::new(Semaphore::new(1)) }
    }

    /// Writes the page. Mappings run for it only when there are other documents or mappings than before.
    pub async fn render(&self, selection: &Selection) -> askama::Result<String> {
        let publisher = &self.shared.publisher;
        let accounts = publisher.accounts();
        self.forget_all_but(&accounts);
        let is = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|of| of == is);
        let selected = accounts.iter().filter(|account| {
            let [org, scope] = account.target.labels();
            is(&selection.org, org) && is(&selection.scope, scope)
        });
        let until = Instant::now() + DRAWING_WAIT;
        let views = selected.enumerate().map(|(at, account)| async move {
            let mut documents = self.shared.cache.documents(&account.target);
            // What no mapping wants any more is kept for a while, but it is no news.
            let wanted = account.set.documents(account.target.scope());
            documents.retain(|name, _| wanted.iter().any(|spec| spec.name == *name));
            let pictures = match at < MAX_PICTURED {
                true => self.pictures(account, &documents, until).await,
                false => State::NotHere,
            };
            TargetView::new(account, &documents, pictures)
        });
        view::page(join_all(views).await, accounts.len(), publisher.missing())
    }

    /// The pictures of a target, drawn now if need be, unless that takes too long.
    async fn pictures(&self, account: &Account, documents: &Documents, until: Instant) -> State {
        let settings = self.shared.cache.settings(&account.target);
        let Some(settings) = settings.filter(|_| !documents.is_empty()) else {
            return State::NoData;
        };
        let mut slot = self.slot(account, settings, documents);
        let drawn = slot.wait_for(Option::is_some);
        match timeout_at(until, drawn).await {
            Ok(Ok(pictures)) => pictures.clone().map_or(State::Drawing, State::Drawn),
            // It ended without any: it is begun again when somebody looks again.
            Ok(Err(_)) => {
                self.lock().remove(&account.target);
                State::Drawing
            }
            Err(_) => State::Drawing,
        }
    }

    /// Where the pictures are, or will be. Whoever comes first has them drawn; that goes on when nobody waits.
    fn slot(
        &self,
        account: &Account,
        settings: Arc<TargetSettings>,
        documents: &Documents,
    ) -> Slot {
        let members = account.set.members();
        let of = members.iter().map(|member| fingerprint(member, &settings, documents));
        // What a mapping may take decides what comes of it, too.
        let limits = members.first().map(|member| member.mapping.limits());
        let of = format!("{} {limits:?}", of.collect::<String>());
        let mut all = self.lock();
        if let Some(drawn) = all.get(&account.target).filter(|drawn| drawn.is(&of)) {
            return drawn.pictures.clone();
        }
        let (sender, pictures) = watch::channel(None);
        let drawn = Drawn { of, began: Instant::now(), pictures: pictures.clone() };
        all.insert(account.target.clone(), drawn);
        drop(all);
        let (shared, drawing) = (Arc::clone(&self.shared), Arc::clone(&self.drawing));
        let sources =
            Sources { settings, set: Arc::clone(&account.set), documents: documents.clone() };
        tokio::spawn(async move {
            // It is never closed.
            let _permit = drawing.acquire_owned().await;
            sender.send_replace(Some(drawn_of(&shared, sources).await));
        });
        pictures
    }

    fn forget_all_but(&self, accounts: &[Account]) {
        self.lock().retain(|target, _| accounts.iter().any(|account| account.target == *target));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Target, Drawn>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawn {
    /// Whether it is of this, and still to be believed.
    fn is(&self, of: &str) -> bool {
        let failed =
            self.pictures.borrow().as_ref().is_some_and(|drawn| !drawn.failures.is_empty());
        self.of == of && !(failed && self.began.elapsed() > RETRY)
    }
}

async fn drawn_of(shared: &Shared, sources: Sources) -> Arc<Pictures> {
    let Sources { settings, set, documents } = sources;
    let history = History::run(shared, &settings, &set, &documents, &FAMILIES).await;
    let id = view::id_of(&settings.target);
    let drawn = tokio::task::spawn_blocking(move || {
        let html = draw(&history, &id).map_err(|error| error.to_string())?;
        let newest = newest_day(&history);
        Ok(Pictures { html, newest, failures: history.failures })
    });
    let failed = |failure: String| Pictures { failures: vec![failure], ..Default::default() };
    let drawn = drawn.await.unwrap_or_else(|error| Err(error.to_string()));
    Arc::new(drawn.unwrap_or_else(failed))
}
