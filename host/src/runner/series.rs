//! Keeps the samples of a run within `mapping.series`: what is most detailed is left out first, so
//! that the numbers of a target remain when there are too many users, repositories or teams.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Family, Manifest, SampleSet};

/// Leaves out the most detailed families until at most `limit` samples remain. Returns what was left
/// out, in words. Families without detail are never left out, even if they are too many.
pub(super) fn fit(set: &mut SampleSet, manifest: &Manifest, limit: usize) -> Option<String> {
    let families: HashMap<&str, &Family> =
        manifest.families.iter().map(|family| (family.name.as_str(), &**family)).collect();
    let detail = |name: &str| families.get(name).map_or(0, |family| family.detail);
    let total: usize = set.families.iter().map(|samples| samples.values.len()).sum();
    let mut by_detail: BTreeMap<u32, usize> = BTreeMap::new();
    for samples in &set.families {
        *by_detail.entry(detail(&samples.name)).or_default() += samples.values.len();
    }
    let mut kept = total;
    let mut lowest = u32::MAX;
    for (&detail, count) in by_detail.iter().rev() {
        if kept <= limit || detail == 0 {
            break;
        }
        kept -= count;
        lowest = detail;
    }
    if lowest == u32::MAX {
        return None;
    }
    let mut by_option: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let mut left_out = 0;
    set.families.retain(|samples| {
        let family = families.get(samples.name.as_str());
        let is_left_out = detail(&samples.name) >= lowest;
        if is_left_out {
            let option = family.and_then(|family| family.enabled_by.as_deref());
            *by_option.entry(option).or_default() += samples.values.len();
            left_out += 1;
        }
        !is_left_out
    });
    let options = by_option.iter().map(|(option, count)| match option {
        Some(option) => format!("{count} of the option {option}"),
        None => format!("{count} that no option adds"),
    });
    let options = options.collect::<Vec<_>>().join(", ");
    Some(format!(
        "{total} samples exceed the limit of {limit} (mapping.series): {left_out} families were left \
         out, with {options}"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{FamilySamples, MetricKind};

    fn family(name: &str, enabled_by: Option<&str>, detail: u32) -> Family {
        Family {
            name: name.to_owned(),
            help: String::new(),
            kind: MetricKind::Gauge,
            label_names: vec![],
            enabled_by: enabled_by.map(str::to_owned),
            detail,
        }
    }

    /// What remains of an organization with 10 samples, 20 of teams, 30 of repositories and 40 of users.
    fn fitted(limit: usize) -> (Vec<String>, Option<String>) {
        let families = vec![
            family("active", None, 0),
            family("team", None, 1),
            family("repository", Some("repositories"), 2),
            family("user", Some("users"), 3),
        ];
        let columns = |(family, count): (&Family, usize)| FamilySamples {
            name: family.name.clone(),
            label_values: vec![],
            values: vec![1.0; count],
            timestamps: None,
        };
        let counts = [10, 20, 30, 40];
        let samples = families.iter().zip(counts).map(columns).collect();
        let mut set = SampleSet { families: samples, ..SampleSet::default() };
        let families = families.into_iter().map(Arc::new).collect();
        let manifest = Manifest { families, ..Manifest::default() };
        let left_out = fit(&mut set, &manifest, limit);
        (set.families.into_iter().map(|samples| samples.name).collect(), left_out)
    }

    #[test]
    fn nothing_is_left_out_below_the_limit() {
        assert_eq!(
            fitted(100),
            (["active", "team", "repository", "user"].map(Into::into).into(), None)
        );
    }

    #[test]
    fn users_are_left_out_first_then_repositories_then_teams() {
        let kept = |limit| fitted(limit).0;
        assert_eq!(kept(99), ["active", "team", "repository"]);
        assert_eq!(kept(60), ["active", "team", "repository"]);
        assert_eq!(kept(59), ["active", "team"]);
        assert_eq!(kept(29), ["active"]);
    }

    #[test]
    fn the_numbers_of_the_target_are_never_left_out() {
        assert_eq!(fitted(1).0, ["active"]);
    }

    #[test]
    fn the_message_names_the_setting_and_the_samples_of_each_option() {
        assert_eq!(
            fitted(25).1.unwrap(),
            "100 samples exceed the limit of 25 (mapping.series): 3 families were left out, with 20 \
             that no option adds, 30 of the option repositories, 40 of the option users"
        );
    }
}
