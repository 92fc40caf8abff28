//! What the mapping says about itself.

use crate::charts::{self, ChartDefinition};
use crate::contract::{DocumentSpec, Manifest, Scope};
use crate::documents;
use crate::output::Catalogue;
use crate::settings::Settings;

/// The manifest of the default mapping, collected from the table of documents.
pub fn manifest() -> Manifest {
    let mut catalogue = Catalogue::default();
    documents::declare(&mut catalogue, &Settings::default());
    Manifest {
        name: "github-copilot".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        documents: [Scope::Organization, Scope::Enterprise].into_iter().flat_map(specs).collect(),
        options: documents::options().specs(),
        families: catalogue.into_families(),
        charts: charts::in_order(documents::charts())
            .into_iter()
            .map(ChartDefinition::spec)
            .collect(),
    }
}

/// The documents of a scope in the order of the table, but those that replace another one last.
fn specs(scope: Scope) -> Vec<DocumentSpec> {
    let all = documents::TABLE.iter().flat_map(|registration| registration.documents);
    let mut documents: Vec<_> = all.filter(|document| document.scope == scope).collect();
    documents.sort_by_key(|document| document.fallback_for.is_some());
    documents.into_iter().map(|document| document.spec()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::contract::{ChartForm, Family, Selection};

    fn selections(form: &ChartForm) -> Vec<&Selection> {
        match form {
            ChartForm::Lines(series) | ChartForm::Bars(series) => series
                .iter()
                .flat_map(|s| [Some(&s.value), s.divided_by.as_ref()])
                .flatten()
                .collect(),
            ChartForm::BarsByLabel(bars) => {
                [Some(&bars.value), bars.part.as_ref()].into_iter().flatten().collect()
            }
        }
    }

    #[test]
    fn charts_select_declared_families_by_their_labels() {
        let manifest = manifest();
        let families: HashMap<&str, &[String]> = manifest
            .families
            .iter()
            .map(|family| (family.name.as_str(), family.label_names.as_slice()))
            .collect();
        for chart in &manifest.charts {
            let selections = selections(&chart.form);
            assert!(!selections.is_empty(), "{}", chart.title);
            for selection in selections {
                let labels = families.get(selection.family.as_str());
                let labels = labels.unwrap_or_else(|| panic!("no family {}", selection.family));
                let matched = selection.matchers.iter().map(|matcher| &matcher.label);
                let by_label = match &chart.form {
                    ChartForm::BarsByLabel(bars) => Some(&bars.label),
                    _ => None,
                };
                for label in matched.chain(by_label) {
                    assert!(labels.contains(label), "{} has no {label}", selection.family);
                }
            }
        }
    }

    #[test]
    fn charts_are_in_the_order_of_the_page_with_fallbacks_after_the_chart_they_replace() {
        let manifest = manifest();
        let mut titles: Vec<&str> = manifest.charts.iter().map(|chart| &*chart.title).collect();
        assert_eq!(titles.len(), documents::charts().count());
        titles.dedup();
        assert_eq!(
            titles,
            [
                "Active users",
                "Acceptance",
                "Share of agents",
                "Lines of code",
                "Pull requests",
                "By language",
                "By editor",
                "By feature",
                "By model",
                "Teams",
                "Seats",
                "Cost this month",
                "Budgets",
                "Cost by model",
                "Cost by cost center",
                "Cost per active user",
                "Cost per merged pull request",
                "Cost per accepted line",
                "Cost of idle seats",
            ]
        );
    }

    #[test]
    fn documents_refer_to_earlier_documents_of_their_scope_and_to_options() {
        let manifest = manifest();
        for (index, document) in manifest.documents.iter().enumerate() {
            let earlier = &manifest.documents[..index];
            let is_earlier = |name: &String| {
                earlier.iter().any(|other| other.scope == document.scope && other.name == *name)
            };
            assert!(!is_earlier(&document.name), "{} twice", document.name);
            assert!(document.fallback_for.iter().all(is_earlier), "{}", document.name);
            assert!(document.same_day_as.iter().all(is_earlier), "{}", document.name);
            let is_option = |name: &String| manifest.options.iter().any(|o| o.name == *name);
            assert!(document.only_with.iter().all(is_option), "{}", document.name);
            assert!(document.permission.is_some(), "{}", document.name);
        }
    }

    #[test]
    fn family_names_are_unique() {
        let mut names: Vec<_> = manifest().families.into_iter().map(|family| family.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// The features that a selection is limited to.
    fn features(selection: &Selection) -> Option<&[String]> {
        let of_feature = |matcher: &&crate::contract::LabelMatcher| matcher.label == "feature";
        selection.matchers.iter().find(of_feature).map(|matcher| matcher.values.as_slice())
    }

    #[test]
    fn acceptance_is_of_what_can_be_accepted() {
        let manifest = manifest();
        for chart in &manifest.charts {
            let accepted = match &chart.form {
                ChartForm::BarsByLabel(bars) if bars.part_name.as_deref() == Some("accepted") => {
                    bars.part.as_ref()
                }
                ChartForm::Bars(series) if chart.title == "Cost per accepted line" => {
                    let [one, other] = series.as_slice() else { panic!("{series:?}") };
                    assert_eq!(one.divided_by, other.divided_by);
                    one.divided_by.as_ref()
                }
                ChartForm::Lines(series) if chart.title == "Acceptance" => {
                    let [series] = series.as_slice() else { panic!("{series:?}") };
                    let by = series.divided_by.as_ref().unwrap();
                    assert_eq!(features(&series.value), features(by));
                    Some(&series.value)
                }
                _ => continue,
            };
            let Some(accepted) = accepted.filter(|a| a.family.starts_with("github_copilot_"))
            else {
                continue;
            };
            let features = features(accepted).unwrap_or_else(|| panic!("{}", chart.title));
            assert!(features.contains(&"code_completion".to_owned()));
            assert!(!features.contains(&"agent_edit".to_owned()));
            assert!(!features.contains(&"chat_panel_agent_mode".to_owned()));
            // Elsewhere, the bars are of code completions only, or else a language or a model that
            // agents use would seem to be accepted less.
            let has_all = ["By feature", "Cost per accepted line"].contains(&&*chart.title);
            assert_eq!(features.len() > 1, has_all, "{}", chart.title);
        }
    }

    #[test]
    fn families_by_team_tell_teams_with_one_name_apart() {
        let has = |family: &Family, label: &str| family.label_names.iter().any(|l| l == label);
        let mut families = manifest().families;
        families.retain(|family| has(family, "team"));
        assert!(families.len() > 5);
        assert!(families.iter().all(|family| has(family, "team_id")));
    }

    #[test]
    fn help_texts_name_the_days_that_a_number_is_about() {
        for family in manifest().families {
            let (name, help) = (&family.name, &family.help);
            if name.ends_with("_28d") {
                assert!(help.contains("28 days"), "{name}: {help}");
            } else if name.starts_with("github_copilot_adoption_phase_") {
                assert!(!help.contains("28 days"), "{name}: {help}");
            }
        }
    }

    #[test]
    fn help_texts_tell_families_apart() {
        let mut texts = HashMap::new();
        for family in manifest().families {
            assert!(family.help.ends_with('.'), "{}: {}", family.name, family.help);
            if let Some(other) = texts.insert(family.help, family.name.clone()) {
                panic!("{other} and {} have the same HELP text", family.name);
            }
        }
    }
}
