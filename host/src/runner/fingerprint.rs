//! Identifies what samples were made of.

use crate::mappings::Member;
use crate::model::digest::sha256;
use crate::model::{Documents, MappingOption, Target};

/// Identifies the input of a run: a mapping is a function of itself, the target's name, the options
/// and the documents, so the same fingerprint means the same samples. A document that GitHub confirms
/// keeps its fingerprint for a day (see [`crate::model::Document::as_of`]).
pub fn fingerprint(
    member: &Member,
    target: &Target,
    options: &[MappingOption],
    documents: &Documents,
) -> String {
    let mut texts = vec![
        member.mapping.sha256().to_owned(),
        // Another version of the exporter may check the same samples differently.
        env!("CARGO_PKG_VERSION").to_owned(),
        target.name().to_owned(),
    ];
    for option in member.options(options) {
        texts.extend([option.name, option.value]);
    }
    for (feed, document) in member.fed(target.scope(), documents) {
        texts.push(feed.source.clone());
        texts.extend([document.fetched_at, document.as_of()].map(|time| time.to_string()));
    }
    // Each with its length in front, so that no two lists are the same bytes.
    sha256(texts.iter().map(|text| format!("{}:{text}", text.len())))
}
