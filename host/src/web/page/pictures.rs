//! Draws the pictures of the `catalogue` from a target's history.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use jiff::ToSpan;
use jiff::civil::Date;

use super::bars::{Bar, Bars};
use super::catalogue::{
    BILLED, BREAKDOWNS, BarPicture, LINES, LinePicture, SEATS, SEATS_BY_AGE, Shows, Sum,
};
use super::history::{History, Sample};
use super::lines::{Line, Lines, short_day};

/// The days of a picture.
const DAYS: usize = 28;
/// The bars of a picture; what is left is the last one.
const BARS: usize = 8;

/// What stands in the place of a picture.
#[derive(Template)]
#[template(path = "empty.html")]
struct Empty<'a> {
    /// The title that the picture would have.
    title: &'a str,
    /// Why there is none.
    why: String,
}

/// Draws everything. `id` is that of the target on the page.
pub(super) fn draw(history: &History, id: &str) -> Result<String, askama::Error> {
    let mut html = String::new();
    let mut number = 0;
    let mut next_id = || {
        number += 1;
        format!("{id}-{number}")
    };
    for picture in LINES {
        html.push_str(&lines(history, picture, next_id())?);
    }
    for picture in BREAKDOWNS {
        html.push_str(&bars(history, picture, next_id())?);
    }
    html.push_str(&seats(history, next_id())?);
    Ok(html)
}

/// The last day of any picture of days.
pub(super) fn newest_day(history: &History) -> Option<Date> {
    let families = ["github_copilot_active_users", "total_active_users"];
    families.iter().flat_map(|family| history.samples(family)).map(|sample| sample.day).max()
}

fn lines(history: &History, picture: &LinePicture, id: String) -> Result<String, askama::Error> {
    let LinePicture { title, what, unit, .. } = *picture;
    for source in picture.sources {
        let lines: Vec<(&str, BTreeMap<Date, f64>)> =
            source.iter().map(|(name, shows)| (*name, shows.by_day(history))).collect();
        let Some(newest) = lines.iter().flat_map(|(_, days)| days.keys()).max().copied() else {
            continue;
        };
        let days = days_up_to(newest);
        let lines = lines.iter().map(|(name, values)| Line {
            name,
            values: days.iter().map(|day| values.get(day).copied()).collect(),
        });
        let lines = lines.collect();
        return Lines { id, title, what, unit, days, lines }.draw();
    }
    let families = picture.sources.iter().flat_map(|source| source.iter());
    let families = families.map(|(_, shows)| shows.whole()).collect::<Vec<_>>();
    empty(history, title, &families)
}

fn bars(history: &History, picture: &BarPicture, id: String) -> Result<String, askama::Error> {
    for source in picture.sources {
        let samples: Vec<_> = history
            .samples(source.generated)
            .filter(|sample| sample.label(source.label).is_some_and(|value| !value.is_empty()))
            .collect();
        let Some(newest) = samples.iter().map(|sample| sample.day).max() else { continue };
        let first = newest.saturating_sub((DAYS as i64 - 1).days());
        let accepted = history.samples(source.accepted).collect::<Vec<_>>();
        let generated = sums_by(source.label, &samples, first);
        let accepted = sums_by(source.label, &accepted, first);
        let mut bars: Vec<Bar> = generated
            .into_iter()
            .filter(|(_, value)| *value > 0.0)
            .map(|(name, value)| {
                let part = accepted.get(&name).copied();
                Bar { part: Some(part.unwrap_or_default()), name, value }
            })
            .collect();
        bars.sort_by(|one, other| {
            other.value.total_cmp(&one.value).then_with(|| one.name.cmp(&other.name))
        });
        if bars.len() > BARS {
            let rest = bars.split_off(BARS - 1);
            bars.push(Bar {
                name: format!("{} others", rest.len()),
                value: rest.iter().map(|bar| bar.value).sum(),
                part: Some(rest.iter().filter_map(|bar| bar.part).sum()),
            });
        }
        if bars.is_empty() {
            continue;
        }
        let [from, to] = [first, newest].map(short_day);
        let what = format!("How often code was generated and accepted, {from} to {to}.");
        let (title, columns) = (picture.title, &["generated", "accepted"]);
        return Bars { id, title, what, columns, bars }.draw();
    }
    let families = picture.sources.iter().map(|source| source.generated).collect::<Vec<_>>();
    empty(history, picture.title, &families)
}

fn seats(history: &History, id: String) -> Result<String, askama::Error> {
    let title = "Seats";
    let samples: Vec<_> = history.samples(SEATS_BY_AGE).collect();
    let newest = samples.iter().map(|sample| sample.day).max();
    let by_age = |ages: &[&str]| -> f64 {
        let of_age = samples.iter().filter(|sample| {
            Some(sample.day) == newest
                && sample.label("activity_age").is_some_and(|age| ages.contains(&age))
        });
        of_age.map(|sample| sample.value).sum()
    };
    let bar = |name: &str, value| Bar { name: name.to_owned(), value, part: None };
    let bars: Vec<Bar> = match newest {
        Some(_) => SEATS.iter().map(|(name, ages)| bar(name, by_age(ages))).collect(),
        None => {
            let billed = BILLED.iter().filter_map(|(name, family)| {
                let sample = history.samples(family).max_by_key(|sample| sample.day)?;
                Some(bar(name, sample.value))
            });
            billed.collect()
        }
    };
    if bars.is_empty() {
        return empty(
            history,
            title,
            &[SEATS_BY_AGE, "github_copilot_billing_seats_active_this_cycle"],
        );
    }
    let what = "Users who have a seat, by when they last used it.".to_owned();
    Bars { id, title, what, columns: &["seats"], bars }.draw()
}

/// Says why there is no picture.
fn empty(history: &History, title: &str, families: &[&str]) -> Result<String, askama::Error> {
    let declared = families.iter().any(|family| history.declares(family));
    let why = match (declared, history.failures.is_empty()) {
        (true, true) => "The documents that are here say nothing about it.".to_owned(),
        (true, false) => "It could not be drawn; the reason is above.".to_owned(),
        (false, _) => format!("No mapping that is in use makes {}.", families.join(" or ")),
    };
    Empty { title, why }.render()
}

impl Shows {
    fn by_day(self, history: &History) -> BTreeMap<Date, f64> {
        match self {
            Self::Sum(sum) => sum.by_day(history),
            Self::Ratio(part, whole) => {
                let parts = part.by_day(history);
                let whole = whole.by_day(history).into_iter().filter(|(_, whole)| *whole > 0.0);
                let ratios = whole.filter_map(|(day, whole)| Some((day, parts.get(&day)? / whole)));
                ratios.filter(|(_, ratio)| ratio.is_finite()).collect()
            }
        }
    }

    fn whole(self) -> &'static str {
        match self {
            Self::Sum(Sum(family, _)) | Self::Ratio(_, Sum(family, _)) => family,
        }
    }
}

impl Sum {
    fn by_day(self, history: &History) -> BTreeMap<Date, f64> {
        let Self(family, labels) = self;
        let mut days = BTreeMap::new();
        let has = |sample: &Sample<'_>| {
            labels.iter().all(|(name, value)| sample.label(name) == Some(value))
        };
        for sample in history.samples(family).filter(has) {
            *days.entry(sample.day).or_default() += sample.value;
        }
        days
    }
}

fn sums_by(label: &str, samples: &[Sample<'_>], first: Date) -> HashMap<String, f64> {
    let mut sums = HashMap::new();
    for sample in samples.iter().filter(|sample| sample.day >= first) {
        if let Some(value) = sample.label(label) {
            *sums.entry(value.to_owned()).or_default() += sample.value;
        }
    }
    sums
}

fn days_up_to(newest: Date) -> Vec<Date> {
    (0..DAYS as i64).rev().map(|back| newest.saturating_sub(back.days())).collect()
}
