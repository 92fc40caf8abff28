//! How many users use each feature regularly, over the 28 days of a report.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::SeqAccess;

use crate::input::{Count, Field, FromJson, Object, OwnedName, Problem, or_unknown, report};
use crate::output::{Catalogue, FamilyId, Samples};

/// The part `copilot_feature_engagement` of a 28-day report.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Engagement {
    active_user_count: Field<Count>,
    totals_by_feature: Field<Features>,
}

/// The users of each feature.
#[derive(Debug, Default)]
struct Features(BTreeMap<String, f64>);

/// An element of its array.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FeatureEngagement {
    feature: Field<OwnedName>,
    engaged_user_count: Field<Count>,
}

/// Users are distinct, so of two counts for a feature the larger one is kept.
impl<'de> FromJson<'de> for Features {
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut features = BTreeMap::new();
        let mut has_conflict = false;
        while let Some(element) = array.next_element::<Field<Object<FeatureEngagement>>>()? {
            let Some(Object(element)) = element.into_option() else { continue };
            let Some(Count(users)) = element.engaged_user_count.get() else { continue };
            let feature = or_unknown(element.feature.as_deref()).to_owned();
            let kept = features.entry(feature).or_insert(*users);
            has_conflict |= *kept != *users;
            *kept = kept.max(*users);
        }
        if has_conflict {
            report(Problem::Conflict);
        }
        Ok(Some(Self(features)))
    }
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
                "Number of distinct users who were active in the 28 days of the report \
                 (copilot_feature_engagement.active_user_count).",
                &[],
            ),
            by_feature: catalogue.gauge(
                "feature_engaged_users_28d",
                "Number of distinct users who used the feature on at least 2 of the 28 days of the report \
                 (copilot_feature_engagement.totals_by_feature). A user may use several features, so they \
                 must not be summed. Passive code reviews are not activity of the user.",
                &["feature"],
            ),
        }
    }

    /// Adds the samples.
    pub fn push(&self, samples: &mut Samples, engagement: &Engagement, at: i64) {
        if let Some(Count(users)) = engagement.active_user_count.get() {
            samples.push(self.active_users, &[], *users, at);
        }
        if let Some(Features(features)) = engagement.totals_by_feature.get() {
            for (feature, users) in features {
                samples.push(self.by_feature, &[feature], *users, at);
            }
        }
    }
}
