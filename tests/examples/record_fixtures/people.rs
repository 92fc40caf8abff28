//! Invented people, and what they do day by day.

use std::ops::Range;

use super::calendar::NEWEST;
use super::names::{FEATURES, IDES, MODELS, NAMES, TEAMS};
use super::random::Rng;

/// The people of each account, by index. The last 40 of octodemo have a seat that they do not use.
pub const OCTODEMO: Range<usize> = 0..340;
pub const DORMANT: Range<usize> = 300..340;
pub const ENTERPRISE: Range<usize> = 0..480;
pub const LEGACY: Range<usize> = 480..540;

/// A person with a seat, and the habits of that person.
pub struct Person {
    pub index: usize,
    pub id: u64,
    pub login: String,
    /// Indexes in [`TEAMS`]. People who never use their seat have no team.
    pub teams: Vec<usize>,
    /// The probability of any activity on a working day.
    pub keenness: f64,
    pub ide: usize,
    pub model: &'static str,
    pub has_cli: bool,
    pub has_app: bool,
    pub phase: u64,
}

/// What a person did with one feature in one language with one model.
pub struct Cell {
    pub ide: Option<&'static str>,
    pub feature: &'static str,
    pub language: &'static str,
    pub model: &'static str,
    pub m7: [u64; 7],
}

/// What a person did on one day.
pub struct PersonDay {
    pub cells: Vec<Cell>,
    pub cloud_agent: bool,
    pub review_active: bool,
    pub review_passive: bool,
}

impl PersonDay {
    /// Whether the person used a feature whose name contains this.
    pub fn used(&self, feature: &str) -> bool {
        self.cells.iter().any(|cell| cell.feature.contains(feature))
    }
}

/// What each person did, by simulated day and by person; `None` without activity.
pub type Days = Vec<Vec<Option<PersonDay>>>;

/// The person with this index.
pub fn person(index: usize) -> Person {
    let mut rng = Rng::new(1, index as u64, 0);
    let letter = char::from(b'a' + (index / NAMES.len() + 10) as u8 % 26);
    let lazy = rng.unit();
    let (teams, keenness) = match index {
        _ if DORMANT.contains(&index) => (vec![], 0.0),
        _ if OCTODEMO.contains(&index) => {
            let mut teams = vec![[rng.place(8), index / 2 % 8][index % 2]];
            // Some are in a second team, and some in a team of the other organization.
            teams.extend((index % 9 == 4).then_some((teams[0] + 3) % 8));
            teams.extend((index % 25 == 7).then_some(8 + index % 3));
            (teams, 0.97 - 0.95 * lazy * lazy * lazy)
        }
        _ if ENTERPRISE.contains(&index) => (vec![8 + index % 3], 0.85 - 0.7 * lazy),
        _ => (vec![11 + index % 2], 0.95 - 0.9 * lazy * lazy),
    };
    Person {
        index,
        id: 910_000_000 + 17 * index as u64,
        login: format!("{}-{letter}{}", NAMES[index % NAMES.len()], 10 + rng.next() % 90),
        teams,
        keenness,
        ide: rng.place(IDES.len()),
        model: MODELS[rng.place(MODELS.len())],
        has_cli: rng.unit() < 0.2,
        has_app: rng.unit() < 0.09,
        phase: [1, 2, 3, 0][rng.place(4)],
    }
}

/// What a person did on a day; `None` without activity.
pub fn simulate(person: &Person, day: i64) -> Option<PersonDay> {
    let mut rng = Rng::new(2, person.index as u64, day as u64);
    // 1970-01-01 was a Thursday. Activity grows a little over the weeks.
    let weekend = matches!((day + 4) % 7, 0 | 6);
    let likely = if weekend { 0.13 } else { 0.96 } * (1.0 - 0.002 * (NEWEST - day) as f64);
    if rng.unit() >= person.keenness * likely {
        return None;
    }
    let wanted = 1 + rng.place(if OCTODEMO.contains(&person.index) { 3 } else { 2 });
    let mut features = Vec::new();
    features.extend((person.has_cli && rng.unit() < 0.6).then_some(6));
    features.extend((person.has_app && rng.unit() < 0.5).then_some(7));
    while features.len() < wanted {
        let feature = rng.place(6);
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
    let languages = TEAMS[person.teams[0]].3;
    let cell = |at: usize| {
        let (feature, uses, rates) = &FEATURES[at];
        let uses = (uses.start + rng.next() % (uses.end - uses.start)) as f64;
        let mut m7 = rates.map(|rate| rng.about(uses * rate));
        m7[2] = m7[2].min(m7[1]);
        Cell {
            ide: (at < 6).then_some(IDES[person.ide].0),
            feature,
            language: languages[rng.place(languages.len())],
            model: if at == 0 { "gpt-4.1" } else { person.model },
            m7,
        }
    };
    Some(PersonDay {
        cells: features.into_iter().map(cell).collect(),
        cloud_agent: rng.unit() < 0.07,
        review_active: rng.unit() < 0.1,
        review_passive: rng.unit() < 0.16,
    })
}
