//! Keeps what was drawn for as long as it is of the same documents and mappings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use tracing::error;

use super::catalogue::FAMILIES;
use super::history::History;
use super::pictures::{draw, newest_day};
use super::view::{self, Pictures, TargetView};
use crate::cache::{Documents, fingerprint};
use crate::mappings::MappingSet;
use crate::publisher::Account;
use crate::refresh::Shared;
use crate::settings::TargetSettings;
use crate::target::Target;

/// How long the page waits for pictures that are not drawn yet. After that it comes without them.
const DRAWING_WAIT: Duration = Duration::from_secs(5);
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
}

/// The pictures of a target, once they are drawn.
type Slot = Arc<OnceCell<Arc<Pictures>>>;

struct Drawn {
    /// What it is drawn of.
    of: String,
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
        Self { shared, drawn: Mutex::default() }
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
            let documents = self.shared.cache.documents(&account.target);
            let pictures = match at < MAX_PICTURED {
                true => self.pictures(account, &documents, until).await,
                false => view::State::NotHere,
            };
            TargetView::new(account, &documents, pictures)
        });
        view::page(join_all(views).await, accounts.len(), publisher.missing())
    }

    /// The pictures of a target, drawn now if need be, unless that takes too long.
    async fn pictures(
        &self,
        account: &Account,
        documents: &Documents,
        until: Instant,
    ) -> view::State {
        let settings = self.shared.cache.settings(&account.target);
        let Some(settings) = settings.filter(|_| !documents.is_empty()) else {
            return view::State::NoData;
        };
        let members = account.set.members().iter();
        let of: String = members.map(|member| fingerprint(member, &settings, documents)).collect();
        let slot = self.slot(&account.target, of);
        let (set, documents) = (Arc::clone(&account.set), documents.clone());
        let (shared, sources) = (Arc::clone(&self.shared), Sources { settings, set, documents });
        // It goes on when nobody waits any more: the next one finds it done.
        let drawing =
            tokio::spawn(
                async move { Arc::clone(slot.get_or_init(|| drawn(&shared, sources)).await) },
            );
        match timeout_at(until, drawing).await {
            Ok(Ok(pictures)) => view::State::Drawn(pictures),
            Ok(Err(_)) | Err(_) => view::State::Drawing,
        }
    }

    fn slot(&self, target: &Target, of: String) -> Slot {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        match drawn.get(target).filter(|drawn| drawn.of == of) {
            Some(drawn) => Arc::clone(&drawn.pictures),
            None => {
                let pictures = Slot::default();
                let new = Drawn { of, pictures: Arc::clone(&pictures) };
                drawn.insert(target.clone(), new);
                pictures
            }
        }
    }

    fn forget_all_but(&self, accounts: &[Account]) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|target, _| accounts.iter().any(|account| account.target == *target));
    }
}

async fn drawn(shared: &Shared, sources: Sources) -> Arc<Pictures> {
    let Sources { settings, set, documents } = sources;
    let history = History::run(shared, &settings, &set, &documents, &FAMILIES).await;
    let id = view::id_of(&settings.target);
    let drawn = tokio::task::spawn_blocking(move || {
        let html = draw(&history, &id).unwrap_or_else(|error| {
            error!(%error, "the pictures of a target can't be drawn");
            String::new()
        });
        Pictures { html, newest: newest_day(&history), failures: history.failures }
    });
    Arc::new(drawn.await.unwrap_or_default())
}
