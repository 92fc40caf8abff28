//! Keeps the samples of a run within the limits: what is most detailed is left out first, so that the
//! numbers of a target remain when there are too many users, repositories or teams.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Family, FamilySamples, Limits, Manifest, SampleSet};

/// How much of a limit samples take.
#[derive(Clone, Copy, Default)]
struct Size {
    series: usize,
    text_bytes: usize,
}

impl Size {
    fn is_within(self, limits: &Limits) -> bool {
        self.series <= limits.series && self.text_bytes <= limits.result_bytes
    }

    fn plus(self, other: Self) -> Self {
        let text_bytes = self.text_bytes.saturating_add(other.text_bytes);
        Self { series: self.series.saturating_add(other.series), text_bytes }
    }
}

/// Leaves out the most detailed families until the samples are within the limits. Returns what was
/// left out, in words. Families without detail are never left out, even if they are too many.
pub(super) fn fit(set: &mut SampleSet, manifest: &Manifest, limits: &Limits) -> Option<String> {
    let families: HashMap<&str, &Family> =
        manifest.families.iter().map(|family| (family.name.as_str(), &**family)).collect();
    let detail = |name: &str| families.get(name).map_or(0, |family| family.detail);
    let mut by_detail: BTreeMap<u32, Size> = BTreeMap::new();
    for samples in &set.families {
        let text_bytes = families
            .get(samples.name.as_str())
            .map_or(0, |family| text_bytes_of(family, samples, &set.strings));
        let size = by_detail.entry(detail(&samples.name)).or_default();
        *size = size.plus(Size { series: samples.values.len(), text_bytes });
    }
    let sum = |sum: Size, size: &Size| sum.plus(*size);
    let size_below =
        |detail: u32| by_detail.range(..detail).map(|(_, size)| size).fold(Size::default(), sum);
    let total = by_detail.values().fold(Size::default(), sum);
    if total.is_within(limits) {
        return None;
    }
    // The highest degree of detail without which they are within the limits, or else the lowest.
    let details = || by_detail.keys().rev().filter(|detail| **detail > 0);
    let fits = |detail: &&u32| size_below(**detail).is_within(limits);
    let lowest = *details().find(fits).or_else(|| details().next_back())?;
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
    let exceeded = match total.series > limits.series {
        true => format!(
            "{} samples exceed the limit of {} (mapping.series)",
            total.series, limits.series
        ),
        false => format!(
            "{} samples take {} bytes of text, more than the limit of {} (mapping.result_mib)",
            total.series, total.text_bytes, limits.result_bytes
        ),
    };
    Some(format!("{exceeded}: {left_out} families were left out, with {options}"))
}

/// The approximate size of the samples as text: names, label values, numbers and punctuation.
pub(super) fn text_bytes_of(family: &Family, samples: &FamilySamples, strings: &[String]) -> usize {
    let names: usize = family.label_names.iter().map(|name| name.len() + 4).sum();
    let each = family.name.len() + names + 24;
    let value = |id: &u32| strings.get(*id as usize).map_or(0, String::len);
    let values = samples.label_values.iter().map(value).fold(0, usize::saturating_add);
    samples.values.len().saturating_mul(each).saturating_add(values)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::MetricKind;

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
    fn fitted(series: usize) -> (Vec<String>, Option<String>) {
        fitted_into(&Limits { series, ..Limits::default() })
    }

    fn fitted_into(limits: &Limits) -> (Vec<String>, Option<String>) {
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
        let left_out = fit(&mut set, &manifest, limits);
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

    #[test]
    fn too_much_text_is_left_out_in_the_same_order() {
        let fitted = |result_bytes| fitted_into(&Limits { result_bytes, ..Limits::default() });
        // 30 bytes for each of 10 samples, 28 of 20, 34 of 30, 28 of 40.
        assert_eq!(fitted(3000).1, None);
        let (kept, message) = fitted(2999);
        assert_eq!(kept, ["active", "team", "repository"]);
        assert_eq!(
            message.unwrap(),
            "100 samples take 3000 bytes of text, more than the limit of 2999 (mapping.result_mib): 1 families \
             were left out, with 40 of the option users"
        );
        assert_eq!(fitted(1879).0, ["active", "team"]);
        assert_eq!(fitted(1).0, ["active"]);
    }
}
