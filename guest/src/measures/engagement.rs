//! How many users use each feature regularly, over the 28 days of a report.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::{Count, Field, Object, OwnedName, or_unknown};
use crate::output::{Catalogue, FamilyId, Samples};

/// The part `copilot_feature_engagement` of a 28-day report.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Engagement {
    active_user_count: Field<Count>,
    totals_by_feature: Field<Vec<Object<FeatureEngagement>>>,
}

/// An element of its array.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FeatureEngagement {
    feature: Field<OwnedName>,
    engaged_user_count: Field<Count>,
}

/// The families of [`Engagement`].
pub struct EngagementFamilies {
    active_users: FamilyId,
    by_feature: FamilyId,
}

impl EngagementFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            active_users: catalogue.gauge(
                "engaged_users_28d",
                "Number of distinct users with at least 2 active days in the 28 days of the report \
                 (copilot_feature_engagement.active_user_count).",
                &[],
            ),
            by_feature: catalogue.gauge(
                "feature_engaged_users_28d",
                "Number of distinct users with at least 2 active days in the 28 days of the report, by feature \
                 (copilot_feature_engagement.totals_by_feature). A user may use several features, so they \
                 must not be summed.",
                &["feature"],
            ),
        }
    }

    /// Adds the samples.
    pub fn push(&self, samples: &mut Samples, engagement: &Engagement, at: i64) {
        if let Some(Count(users)) = engagement.active_user_count.get() {
            samples.push(self.active_users, &[], *users, at);
        }
        // Users are distinct, so of two counts for a feature the larger one is kept.
        let mut features: BTreeMap<&str, f64> = BTreeMap::new();
        for element in engagement.totals_by_feature.elements() {
            if let Some(Count(users)) = element.engaged_user_count.get() {
                let kept = features.entry(or_unknown(element.feature.as_deref())).or_default();
                *kept = kept.max(*users);
            }
        }
        for (feature, users) in features {
            samples.push(self.by_feature, &[feature], users, at);
        }
    }
}
