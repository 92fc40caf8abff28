//! The mappings of all sources for a command that does not serve.

use futures_util::future::join_all;

use super::check::{Found, Known, check};
use super::client::Client;
use super::kept::Kept;
use super::update::{Update, load};
use crate::config::Settings;

/// What is kept of all sources, without a request. It blocks.
pub fn kept(settings: &Settings) -> Vec<Update> {
    let kept = settings.cache_dir.as_ref().map(|directory| Kept::new(directory));
    let references = settings.artifacts().into_iter().cloned();
    references.map(|reference| load(kept.as_ref(), reference, &settings.registry)).collect()
}

/// Pulls what is not current. What is pulled is not kept, so that an exporter can use the same directory.
pub async fn pull(settings: &Settings, kept: Vec<Update>) -> Result<Vec<Update>, reqwest::Error> {
    let client = Client::new(settings.registry.clone())?;
    let pulls = kept.into_iter().map(async |update| {
        let mut known = Known { pulled: update.pulled.clone(), refused: None };
        match check(&client, &update.reference, &mut known).await {
            Ok(Found::Unchanged) => update,
            Ok(Found::New(pulled)) => Update { pulled: Some(pulled), ..update },
            Err(error) => Update { problem: Some(error), is_news: true, ..update },
        }
    });
    Ok(join_all(pulls).await)
}
