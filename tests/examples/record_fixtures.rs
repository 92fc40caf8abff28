//! Writes the demo's recordings and their index: what GitHub would answer for an organization (`octodemo`), for
//! the enterprise it is part of (`octo-enterprise`) and for an organization whose server still
//! has the closed API (`octo-legacy`).
//!
//! `cargo run --example record_fixtures -- [OUT_DIR]`, by default into `fixtures/demo` of this package.
//!
//! Nobody in here exists. Invented people are simulated day by day, and the activity in an
//! entity's row is added up from what its people did, so that sums can be checked by hand (pull
//! requests and the legacy rows are drawn for the whole entity). It is deterministic: there is
//! no clock and no outside randomness, and each person's day has its own seed. Tests may thus
//! state exact values, and a recording that changes has its reason in a changed line of this file.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The newest recorded day, 2026-11-20 (a Friday), in days since 1970-01-01.
const NEWEST: i64 = 20_777;
/// The 28 recorded days and the 27 before them, which the first monthly window needs.
const SIMULATED: i64 = 55;
const ENTERPRISE_ID: &str = "7001";
const OCTODEMO_ID: &str = "9919001";
const OCTOLABS_ID: &str = "9919002";
/// Who is who among the people. The last 40 of octodemo have a seat that they do not use.
const OCTODEMO: Range<usize> = 0..340;
const DORMANT: Range<usize> = 300..340;
const ENTERPRISE: Range<usize> = 0..480;
const LEGACY: Range<usize> = 480..540;

#[rustfmt::skip]
const M7: [&str; 7] = [
    "user_initiated_interaction_count", "code_generation_activity_count", "code_acceptance_activity_count",
    "loc_suggested_to_add_sum", "loc_suggested_to_delete_sum", "loc_added_sum", "loc_deleted_sum",
];
/// Feature, how often it is used in a day, and what one use adds to each of the seven numbers.
type Feature = (&'static str, Range<u64>, [f64; 7]);
/// As in every list here, the earlier the likelier. The last two are only for those who have them.
#[rustfmt::skip]
const FEATURES: [Feature; 8] = [
    ("code_completion", 10..80, [0.0, 1.0, 0.31, 1.9, 0.0, 0.7, 0.0]),
    ("chat_panel_agent_mode", 4..26, [1.0, 0.8, 0.0, 4.0, 0.5, 0.0, 0.0]),
    ("chat_panel_ask_mode", 2..18, [1.0, 0.6, 0.12, 7.0, 0.0, 1.6, 0.0]),
    ("agent_edit", 6..40, [0.0, 1.0, 0.0, 0.0, 0.0, 17.0, 6.0]),
    ("chat_inline", 2..10, [1.0, 1.1, 0.6, 7.0, 2.0, 4.5, 1.2]),
    ("chat_panel_edit_mode", 2..8, [1.0, 1.8, 1.1, 16.0, 5.0, 11.0, 3.0]),
    ("copilot_cli", 3..30, [1.0, 1.3, 1.2, 0.0, 0.0, 14.0, 4.0]),
    ("copilot_app", 2..16, [1.0, 1.1, 0.9, 0.0, 0.0, 11.0, 4.0]),
];
/// What people write in, and how the seats name it.
#[rustfmt::skip]
const IDES: [(&str, &str); 5] = [
    ("vscode", "vscode/1.127.0/copilot-chat/0.56.1"), ("intellij", "JetBrains/2026.2.3/copilot-intellij/1.9.4"),
    ("visualstudio", "visualstudio/18.4.1/copilot-vs/1.302.0"), ("neovim", "neovim/0.12.2/copilot.vim/1.68.0"),
    ("xcode", "xcode/26.4/copilot-xcode/0.58.0"),
];
#[rustfmt::skip]
const MODELS: [&str; 5] = ["claude-sonnet-4.6", "gpt-5.3-codex", "claude-opus-4.6", "gemini-3-pro", "others"];
/// Id, organization, slug, languages.
type Team = (u64, &'static str, &'static str, [&'static str; 3]);
/// Octodemo's eight, three of another organization (which has a `platform` too, as happens in
/// reality), and two of octo-legacy.
#[rustfmt::skip]
const TEAMS: [Team; 13] = [
    (5001, OCTODEMO_ID, "platform", ["rust", "go", "yaml"]), (5002, OCTODEMO_ID, "payments", ["java", "kotlin", "markdown"]),
    (5003, OCTODEMO_ID, "mobile", ["kotlin", "typescript", "others"]), (5004, OCTODEMO_ID, "data", ["python", "markdown", "others"]),
    (5005, OCTODEMO_ID, "search", ["rust", "python", "markdown"]), (5006, OCTODEMO_ID, "security", ["go", "python", "rust"]),
    (5007, OCTODEMO_ID, "web", ["typescript", "javascript", "markdown"]), (5008, OCTODEMO_ID, "infra", ["go", "yaml", "python"]),
    (5101, OCTOLABS_ID, "research", ["python", "markdown", "others"]), (5102, OCTOLABS_ID, "firmware", ["rust", "others", "yaml"]),
    (5103, OCTOLABS_ID, "platform", ["go", "yaml", "python"]),
    (5201, "9919003", "backoffice", ["java", "python", "others"]), (5202, "9919003", "terminals", ["python", "go", "others"]),
];
/// Further things that are counted by name.
#[rustfmt::skip]
const EXTRAS: [(&str, [&str; 7]); 6] = [
    ("skill", ["code-review", "release-notes", "migrations", "api-design", "triage", "sql-tuning", "a11y"]),
    ("custom_agent", ["reviewer", "test-writer", "planner", "docs", "upgrader", "oncall", "translator"]),
    ("mcp", ["github", "playwright", "postgres", "sentry", "figma", "grafana", "jira"]),
    ("slash_cmd", ["/explain", "/fix", "/tests", "/doc", "/new", "/clear", "/compact"]),
    ("plugin", ["acme-standards", "docker", "terraform", "linter", "k8s", "i18n", "vault"]),
    ("3rd_party_agent", ["codex", "claude", "jules", "devin", "amp", "cursor", "goose"]),
];
#[rustfmt::skip]
const NAMES: [&str; 36] = [
    "ada", "bo", "cleo", "dax", "eli", "fern", "gus", "hana", "ivo", "juno", "kai", "lio", "mira", "nico", "oda", "pia",
    "quin", "rhea", "sol", "tess", "ugo", "vera", "wim", "xena", "yuri", "zoe", "ari", "bea", "cy", "dee", "enzo", "faye",
    "gil", "hugo", "ines", "jett",
];

/// SplitMix64: small, well known, the same everywhere.
struct Rng(u64);

impl Rng {
    fn new(tag: u64, a: u64, b: u64) -> Self {
        Self(Self((tag << 48) ^ (a << 24) ^ b).next())
    }
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// About `value`, up to 30 % more or less.
    fn about(&mut self, value: f64) -> u64 {
        (value * (0.7 + 0.6 * self.unit())).round() as u64
    }
    /// About that share of the whole, but never more than the whole.
    fn part(&mut self, whole: u64, share: f64) -> u64 {
        self.about(whole as f64 * share).min(whole)
    }
    /// A place in a list, the earlier the likelier.
    fn place(&mut self, length: usize) -> usize {
        let unit = self.unit();
        (unit * unit * length as f64) as usize
    }
}

/// Somebody with a seat, and habits.
struct Person {
    index: usize,
    id: u64,
    login: String,
    /// Places in `TEAMS`; nobody has a team who never uses the seat.
    teams: Vec<usize>,
    /// How likely a working day has any activity.
    keenness: f64,
    ide: usize,
    model: &'static str,
    has_cli: bool,
    has_app: bool,
    phase: u64,
}

/// A field and what it says.
type Name = (&'static str, &'static str);

/// What somebody did with one feature in one language with one model.
struct Cell {
    ide: Option<&'static str>,
    feature: &'static str,
    language: &'static str,
    model: &'static str,
    m7: [u64; 7],
}

struct PersonDay {
    cells: Vec<Cell>,
    cloud_agent: bool,
    review_active: bool,
    review_passive: bool,
}

impl PersonDay {
    fn used(&self, feature: &str) -> bool {
        self.cells.iter().any(|cell| cell.feature.contains(feature))
    }
}

/// By simulated day and by person; no activity, nothing.
type Days = Vec<Vec<Option<PersonDay>>>;

fn person(index: usize) -> Person {
    let mut rng = Rng::new(1, index as u64, 0);
    let letter = char::from(b'a' + (index / NAMES.len() + 10) as u8 % 26);
    let lazy = rng.unit();
    let (teams, keenness) = match index {
        _ if DORMANT.contains(&index) => (vec![], 0.0),
        _ if OCTODEMO.contains(&index) => {
            let mut teams = vec![[rng.place(8), index / 2 % 8][index % 2]];
            // Some are in a second team, some even in one of the other organization.
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

fn simulate(person: &Person, day: i64) -> Option<PersonDay> {
    let mut rng = Rng::new(2, person.index as u64, day as u64);
    // 1970-01-01 was a Thursday. Over the weeks there is a little growth.
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

/// Adds up what has the same names, as every `totals_by_*` array of GitHub does.
fn breakdown<const N: usize>(cells: &[&Cell], names: impl Fn(&Cell) -> [Name; N]) -> Value {
    let mut groups: BTreeMap<[Name; N], Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        groups.entry(names(cell)).or_default().push(cell);
    }
    let element = |(names, cells): ([Name; N], Vec<&Cell>)| {
        let mut element = json!({});
        for (field, name) in names {
            element[field] = json!(name);
        }
        // Interactions are not attributed to a language.
        put_m7(&mut element, &cells, usize::from(names[0].0 == "language"));
        element
    };
    groups.into_iter().map(element).collect()
}

fn put_m7(row: &mut Value, cells: &[&Cell], skipped: usize) {
    for (i, field) in M7.iter().enumerate().skip(skipped) {
        row[field] = json!(cells.iter().map(|cell| cell.m7[i]).sum::<u64>());
    }
}

/// The seven totals and the five arrays, which people's and entities' rows have alike.
fn put_activity(row: &mut Value, cells: &[&Cell]) {
    let ide = |c: &Cell| ("ide", c.ide.unwrap_or_default());
    let feature = |c: &Cell| ("feature", c.feature);
    let language = |c: &Cell| ("language", c.language);
    let model = |c: &Cell| ("model", c.model);
    let mut in_ide = cells.to_vec();
    in_ide.retain(|cell| cell.ide.is_some());
    put_m7(row, cells, 0);
    row["totals_by_ide"] = breakdown(&in_ide, |c| [ide(c)]);
    row["totals_by_feature"] = breakdown(cells, |c| [feature(c)]);
    row["totals_by_language_feature"] = breakdown(cells, |c| [language(c), feature(c)]);
    row["totals_by_language_model"] = breakdown(cells, |c| [language(c), model(c)]);
    row["totals_by_model_feature"] = breakdown(cells, |c| [model(c), feature(c)]);
}

/// The totals of the command line or of the app.
fn tool(cells: &[&Cell], feature: &str) -> Value {
    let cells = || cells.iter().filter(|cell| cell.feature == feature);
    let sum = |part: fn(&[u64; 7]) -> u64| cells().map(|cell| part(&cell.m7)).sum::<u64>();
    let requests = sum(|m7| 4 * m7[0] + m7[1]);
    let output = sum(|m7| 2100 * m7[0] + 37 * m7[5]);
    let prompt = sum(|m7| 310_007 * m7[1] + m7[6]);
    json!({"session_count": sum(|m7| m7[0].div_ceil(7)), "request_count": requests, "prompt_count": sum(|m7| m7[0]),
        "token_usage": {"output_tokens_sum": output, "prompt_tokens_sum": prompt,
            "avg_tokens_per_request": ratio(output + prompt, requests)}})
}

/// To two decimals; 0 of nothing.
fn ratio(sum: u64, count: u64) -> f64 {
    (100.0 * sum as f64 / count.max(1) as f64).round() / 100.0
}

fn user_row(person: &Person, done: &PersonDay, organization: Option<&str>) -> Value {
    let cells: Vec<&Cell> = done.cells.iter().collect();
    let interactions: u64 = cells.iter().map(|cell| cell.m7[0]).sum();
    let mut row = json!({
        "user_id": person.id, "user_login": person.login, "day": date(NEWEST), "enterprise_id": ENTERPRISE_ID,
        "used_agent": done.used("agent"), "used_chat": done.used("chat_"), "used_cli": done.used("copilot_cli"),
        "used_copilot_app": done.used("copilot_app"), "used_copilot_cloud_agent": done.cloud_agent,
        "used_copilot_coding_agent": done.cloud_agent, "used_copilot_code_review_active": done.review_active,
        "used_copilot_code_review_passive": done.review_passive, "ai_adoption_phase": {
            "phase_number": person.phase, "phase": format!("Phase {}", person.phase), "version": "v1"},
        "ai_credits_used": ratio(interactions * 17, 100),
    });
    put_activity(&mut row, &cells);
    if done.used("copilot_cli") {
        row["totals_by_cli"] = tool(&cells, "copilot_cli");
    }
    if let Some(id) = organization {
        row["organization_id"] = json!(id);
    }
    row
}

/// One day of an organization, or of the enterprise.
fn entity_row(people: &[Person], days: &Days, day: i64, organization: Option<&str>) -> Value {
    let at = simulated(day);
    let done = |person: &Person| days[at][person.index].as_ref();
    let active = people.iter().filter_map(|person| Some((person, done(person)?)));
    let active: Vec<(&Person, &PersonDay)> = active.collect();
    let cells: Vec<&Cell> = active.iter().flat_map(|(_, done)| &done.cells).collect();
    // How many different people did something within a window that ends with this day.
    let users = |window: usize, what: fn(&PersonDay) -> bool| {
        let window = &days[at + 1 - window..=at];
        let did = |p: &&Person| window.iter().any(|day| day[p.index].as_ref().is_some_and(what));
        json!(people.iter().filter(did).count())
    };
    // In one day nobody uses a feature in two cells.
    let in_vscode = |cell: &&&Cell| cell.ide == Some("vscode") && cell.feature == FEATURES[1].0;
    let messages = || cells.iter().filter(in_vscode).map(|cell| cell.m7[0]);
    let mut row = json!({
        "day": date(day), "enterprise_id": ENTERPRISE_ID,
        "monthly_active_chat_users": users(28, |done| done.used("chat_")),
        "monthly_active_agent_users": users(28, |done| done.used("agent")),
        "daily_active_cli_users": users(1, |done| done.used("copilot_cli")),
        "daily_active_copilot_app_users": users(1, |done| done.used("copilot_app")),
        "daily_active_vscode_agent_users": messages().count(),
        "totals_by_cli": tool(&cells, "copilot_cli"), "totals_by_copilot_app": tool(&cells, "copilot_app"),
        "totals_by_vscode_agent": {"session_count": messages().map(|count| count.div_ceil(5)).sum::<u64>(),
            "total_user_messages": messages().sum::<u64>()},
    });
    if let Some(id) = organization {
        row["organization_id"] = json!(id);
    }
    for (name, days) in [("daily", 1), ("weekly", 7), ("monthly", 28)] {
        let review = "copilot_code_review_users";
        row[format!("{name}_active_users")] = users(days, |_| true);
        row[format!("{name}_active_copilot_cloud_agent_users")] = users(days, |d| d.cloud_agent);
        row[format!("{name}_active_{review}")] = users(days, |d| d.review_active);
        row[format!("{name}_passive_{review}")] = users(days, |d| d.review_passive);
    }
    put_activity(&mut row, &cells);
    put_extras(&mut row, &cells);
    let pulls = pull_requests(active.len() as u64, day);
    row["totals_by_ai_adoption_phase"] = (0..4).map(|n| phase(n, &active, &pulls)).collect();
    row["pull_requests"] = pulls;
    // GitHub adds fields as time goes by: the oldest days have not got all of them.
    if let (true, Some(row)) = (NEWEST - day > 23, row.as_object_mut()) {
        let late = |field: &str| ["copilot_app", "plugin", "3rd"].iter().any(|f| field.contains(f));
        row.retain(|field, _| !late(field));
    }
    row
}

/// The top five of each kind of further things, and how many there are.
fn put_extras(row: &mut Value, cells: &[&Cell]) {
    for (kind, names) in EXTRAS {
        let mut counts = [(0, 0, ""); 7];
        for cell in cells {
            let mut rng = Rng::new(3, kind.len() as u64, cell.m7.iter().sum());
            let at = rng.place(names.len());
            if rng.unit() < 0.15 {
                let (count, sessions, _) = counts[at];
                counts[at] = (count + 1 + rng.next() % 6, sessions + 1, names[at]);
            }
        }
        counts.sort_by(|a, b| b.cmp(a));
        let used = counts.iter().filter(|(count, ..)| *count > 0).count();
        let third_party = kind == "3rd_party_agent";
        let element = |&(count, sessions, name): &(u64, u64, &str)| match third_party {
            true => json!({"agent_name": name, "agent_id": format!("agent-{name}"),
                "user_initiated_interaction_count": count, "session_count": sessions}),
            false => json!({kind: name, "interaction_count": count}),
        };
        row[format!("totals_by_{kind}")] = counts[..used.min(5)].iter().map(element).collect();
        if !third_party {
            row[format!("distinct_{kind}_use_count")] = json!(used);
        }
    }
}

fn pull_requests(active: u64, day: i64) -> Value {
    let mut rng = Rng::new(4, active, day as u64);
    let created = rng.part(active, 0.62);
    let (reviewed, merged) = (rng.part(created, 0.85), rng.part(created, 0.8));
    let (by_copilot, reviewed_by_copilot) = (rng.part(created, 0.14), rng.part(reviewed, 0.45));
    let merged_by_copilot = rng.part(by_copilot, 0.6).min(merged);
    let suggestions = reviewed * 3 + rng.part(reviewed, 0.7);
    let copilot = rng.part(suggestions, 0.6);
    let (security, bug_risk) = (rng.part(copilot, 0.15), rng.part(copilot, 0.4));
    let types = [("security", security), ("bug_risk", bug_risk)];
    let types = types.into_iter().chain([("performance", copilot - security - bug_risk)]);
    let types = types.map(|(name, count)| (name, count, rng.part(count, 0.35)));
    let types: Vec<(&str, u64, u64)> = types.collect();
    let applied: u64 = types.iter().map(|(_, _, applied)| applied).sum();
    // There is no median of nothing.
    let mut minutes = |of: u64| (of > 0).then(|| rng.about(700.0) as f64 / 2.0);
    json!({
        "total_created": created, "total_reviewed": reviewed, "total_merged": merged,
        "median_minutes_to_merge": minutes(merged), "total_suggestions": suggestions,
        "total_applied_suggestions": applied + (suggestions - copilot) / 4,
        "total_created_by_copilot": by_copilot, "total_reviewed_by_copilot": reviewed_by_copilot,
        "total_merged_created_by_copilot": merged_by_copilot, "total_merged_reviewed_by_copilot": merged * 2 / 5,
        "median_minutes_to_merge_copilot_authored": minutes(merged_by_copilot),
        "median_minutes_to_merge_copilot_reviewed": minutes(merged * 2 / 5),
        "total_copilot_suggestions": copilot, "total_copilot_applied_suggestions": applied,
        "copilot_suggestions_by_comment_type": types.iter().map(|(name, count, applied)| json!({
            "comment_type": name, "total_copilot_suggestions": count,
            "total_copilot_applied_suggestions": applied})).collect::<Value>(),
    })
}

fn phase(phase: u64, active: &[(&Person, &PersonDay)], pull_requests: &Value) -> Value {
    let of_phase = || active.iter().filter(|(person, _)| person.phase == phase);
    let users = of_phase().count() as u64;
    let cells = || of_phase().flat_map(|(_, done)| &done.cells);
    let avg = |i: usize| ratio(cells().map(|cell| cell.m7[i]).sum(), users);
    // Of the pull requests too, each phase has the share that it has of the people.
    let pulls = |field: &str| {
        pull_requests[field].as_u64().unwrap_or_default() * users / active.len().max(1) as u64
    };
    json!({
        "phase": format!("Phase {phase}"), "phase_number": phase, "total_engaged_users": users,
        "avg_user_initiated_interactions": avg(0), "avg_code_generation_activities": avg(1),
        "avg_code_acceptance_activities": avg(2), "avg_loc_added": avg(5), "avg_loc_deleted": avg(6),
        "avg_pull_requests_created": ratio(pulls("total_created"), users),
        "avg_pull_requests_reviewed": ratio(pulls("total_reviewed"), users),
        "avg_pull_requests_merged": ratio(pulls("total_merged"), users),
        "avg_pull_requests_median_minutes_to_merge": 540.5 - 95.25 * phase as f64,
        "total_pull_requests_merged": pulls("total_merged"),
    })
}

/// One seat, granted by a team or, without one, directly.
fn seat(person: &Person, days: &Days, team: Option<usize>, plan: &str) -> Value {
    let mut rng = Rng::new(5, person.index as u64, 0);
    let last = match days.iter().rposition(|day| day[person.index].is_some()) {
        // Seats are fresher than reports: some people were active on the day after, too.
        Some(at) if at == simulated(NEWEST) => Some(NEWEST + i64::from(rng.unit() < 0.15)),
        Some(at) => Some(NEWEST - SIMULATED + 1 + at as i64),
        None => (person.index.is_multiple_of(2)).then_some(NEWEST - 33 - (rng.next() % 50) as i64),
    };
    let mut clock = || format!("T{:02}:{:02}:00Z", 7 + rng.next() % 11, rng.next() % 60);
    let is_new = last.is_none() && person.index.is_multiple_of(3);
    let age = [90 + person.index as i64, 4][usize::from(is_new)];
    let editor = ["copilot_cli/1.0.35", IDES[person.ide].1][usize::from(!person.has_cli)];
    let leaves = DORMANT.contains(&person.index) && person.index.is_multiple_of(8);
    let mut seat = json!({
        "created_at": date(NEWEST - age) + &clock(), "pending_cancellation_date": leaves.then_some("2026-12-01"),
        "last_activity_at": last.map(|day| date(day) + &clock()), "last_activity_editor": last.map(|_| editor), "plan_type": plan,
        "assignee": {"login": person.login, "id": person.id, "node_id": format!("U_kgDO{:08X}", person.id),
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{}?v=4", person.id),
            "type": "User", "site_admin": false},
    });
    if let Some((id, _, slug, _)) = team.map(|team| TEAMS[team]) {
        let name = slug[..1].to_uppercase() + &slug[1..];
        seat["assigning_team"] = json!({"id": id, "name": name, "slug": slug});
    }
    seat
}

fn billing(seats: &[Value], plan: &str) -> Value {
    let since = |field: &str, from: &str| {
        let since = |seat: &&Value| seat[field].as_str().is_some_and(|at| at >= from);
        seats.iter().filter(since).count()
    };
    let active = since("last_activity_at", "2026-11-01");
    json!({
        "seat_breakdown": {"total": seats.len(), "added_this_cycle": since("created_at", "2026-11-01"),
            "pending_cancellation": since("pending_cancellation_date", ""), "pending_invitation": 3,
            "active_this_cycle": active, "inactive_this_cycle": seats.len() - active},
        "seat_management_setting": "assign_selected", "public_code_suggestions": "block", "ide_chat": "enabled",
        "platform_chat": "enabled", "cli": "enabled", "plan_type": plan,
    })
}

/// A row of the closed API. Shares of people are rounded up, so that nobody gets lost.
fn legacy_row(active: u64, day: i64) -> Value {
    let mut rng = Rng::new(6, active, day as u64);
    let of = |users: u64, percent: u64| (users * percent).div_ceil(100);
    let row = |completions: Value, chat: Value, dotcom: Value, pulls: Value| {
        json!({"date": date(day), "total_active_users": active, "total_engaged_users": completions["total_engaged_users"],
            "copilot_ide_code_completions": completions, "copilot_ide_chat": chat,
            "copilot_dotcom_chat": dotcom, "copilot_dotcom_pull_requests": pulls})
    };
    let nobody = json!({"total_engaged_users": 0});
    // Of one Sunday nothing but the frame was recorded.
    if NEWEST - day == 12 {
        let empty = json!({"total_engaged_users": 0, "languages": [], "editors": []});
        return row(empty, nobody.clone(), nobody.clone(), nobody);
    }
    let engaged = of(active, 90);
    let languages = [("python", 60), ("typescript", 45), ("go", 30), ("java", 20), ("c", 9)];
    let mut language = |(name, percent), users| {
        let suggestions = rng.about(of(users, percent) as f64 * 21.0);
        let acceptances = rng.part(suggestions, 0.3);
        json!({"name": name, "total_engaged_users": of(users, percent), "total_code_suggestions": suggestions,
            "total_code_acceptances": acceptances, "total_code_lines_suggested": suggestions * 9 / 5,
            "total_code_lines_accepted": acceptances * 3 / 2})
    };
    let mut model = |name: &str, users: u64| {
        let custom = name == "acme-tuned";
        json!({"name": name, "is_custom_model": custom, "custom_model_training_date": custom.then_some("2026-08-31"),
            "total_engaged_users": users, "languages": languages.map(|one| language(one, users))})
    };
    let (vscode, jetbrains, neovim) = (of(engaged, 66), of(engaged, 33), of(engaged, 8));
    let completions = json!({
    "total_engaged_users": engaged,
    "languages": languages.map(|(name, part)| json!({"name": name, "total_engaged_users": of(engaged, part)})),
    "editors": [
        {"name": "vscode", "total_engaged_users": vscode,
            "models": [model("default", of(vscode, 80)), model("acme-tuned", of(vscode, 45))]},
        {"name": "JetBrains", "total_engaged_users": jetbrains, "models": [model("default", jetbrains)]},
        {"name": "Neovim", "total_engaged_users": neovim, "models": [model("default", neovim)]},
    ]});
    let mut chats = |name: &str, users: u64| {
        let chats = rng.about(users as f64 * 6.0);
        json!({"name": name, "is_custom_model": false, "custom_model_training_date": null, "total_engaged_users": users,
            "total_chats": chats, "total_chat_insertion_events": chats / 4, "total_chat_copy_events": chats / 6})
    };
    let mut editor = |name: &str, users: u64| {
        json!({"name": name, "total_engaged_users": users,
            "models": [chats("default", of(users, 75)), chats("claude-sonnet-4.6", of(users, 40))]})
    };
    let chat = json!({"total_engaged_users": of(engaged, 70),
        "editors": [editor("vscode", of(vscode, 70)), editor("JetBrains", of(jetbrains, 60))]});
    let plain = |users: u64, field: &str, count: u64| {
        json!([{"name": "default", "is_custom_model": false, "custom_model_training_date": null,
            "total_engaged_users": users, field: count}])
    };
    let (visitors, authors) = (of(engaged, 25), of(engaged, 20));
    let dotcom = json!({"total_engaged_users": visitors, "models": plain(visitors, "total_chats", visitors * 3)});
    let repository = |name: &str, users: u64| {
        json!({"name": name, "total_engaged_users": users,
            "models": plain(users, "total_pr_summaries_created", users * 2)})
    };
    let pulls = json!({"total_engaged_users": authors, "repositories":
        [repository("octo-legacy/ledger", authors), repository("octo-legacy/kiosk", of(authors, 40))]});
    // And once the chat on the website was not recorded.
    let dotcom = (NEWEST - day != 8).then_some(dotcom);
    row(completions, chat, dotcom.into(), pulls)
}

/// The place of a day among the simulated ones.
fn simulated(day: i64) -> usize {
    (SIMULATED - 1 - (NEWEST - day)) as usize
}

/// `YYYY-MM-DD` of days since 1970-01-01.
fn date(day: i64) -> String {
    let day = day + 719_468;
    let (era, in_era) = (day / 146_097, day % 146_097);
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let next = month / 10;
    let month = month + 3 - 12 * next;
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}

fn main() -> Result<(), Box<dyn Error>> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let out = env::args_os().nth(1).map_or_else(default, PathBuf::from);
    for entity in ["octodemo", "octo-enterprise", "octo-legacy"] {
        fs::create_dir_all(out.join(entity))?;
    }
    let write = |file: String, rows: &[Value]| {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(out.join(file), lines)
    };
    let people: Vec<Person> = (0..LEGACY.end).map(person).collect();
    let one_day = |day| people.iter().map(|person| simulate(person, day)).collect();
    let days: Days = (NEWEST - SIMULATED + 1..=NEWEST).map(one_day).collect();
    let newest = &days[simulated(NEWEST)];

    let organization = ("octodemo", "organization", OCTODEMO, Some(OCTODEMO_ID));
    let enterprise = ("octo-enterprise", "enterprise", ENTERPRISE, None);
    for (directory, kind, who, id) in [organization, enterprise] {
        let people = &people[who];
        let row = |day| entity_row(people, &days, day, id);
        let rows: Vec<Value> = (NEWEST - 27..=NEWEST).map(row).collect();
        write(format!("{directory}/{kind}-1-day.ndjson"), &rows[27..])?;
        let report = json!({"report_start_day": date(NEWEST - 27), "report_end_day": date(NEWEST),
            "created_at": date(NEWEST + 2) + "T05:12:44Z",
            format!("{kind}_id"): id.unwrap_or(ENTERPRISE_ID), "day_totals": rows});
        write(format!("{directory}/{kind}-28-day.json"), &[report])?;

        let (mut users, mut members) = (Vec::new(), Vec::new());
        for person in people {
            users.extend(newest[person.index].as_ref().map(|done| user_row(person, done, id)));
            for (team, organization, slug, _) in person.teams.iter().map(|team| TEAMS[*team]) {
                if id.is_none_or(|id| id == organization) {
                    members.push(json!({"user_id": person.id, "user_login": person.login, "day": date(NEWEST),
                        "organization_id": organization, "enterprise_id": ENTERPRISE_ID, "team_id": team, "slug": slug}));
                }
            }
        }
        write(format!("{directory}/user-teams-1-day.ndjson"), &members)?;
        // GitHub splits large reports: the organization's is in two files.
        if id.is_some() {
            let (first, second) = users.split_at(users.len() / 2);
            write(format!("{directory}/users-1-day.1.ndjson"), first)?;
            write(format!("{directory}/users-1-day.2.ndjson"), second)?;
        } else {
            write(format!("{directory}/users-1-day.ndjson"), &users)?;
        }
    }

    let octodemo = ("octodemo", OCTODEMO, "business");
    let enterprise = ("octo-enterprise", ENTERPRISE, "enterprise");
    for (directory, who, plan) in [octodemo, enterprise, ("octo-legacy", LEGACY, "business")] {
        let mut seats = Vec::new();
        for person in &people[who.clone()] {
            seats.push(seat(person, &days, person.teams.first().copied(), plan));
            // In an enterprise, each further team grants the seat again.
            for team in person.teams.iter().skip(1).filter(|_| plan == "enterprise") {
                seats.push(seat(person, &days, Some(*team), plan));
            }
        }
        if plan == "business" {
            write(format!("{directory}/billing.json"), &[billing(&seats, plan)])?;
        }
        let seats = json!({"total_seats": who.len(), "seats": seats});
        write(format!("{directory}/seats.json"), &[seats])?;
    }

    // GitHub does not promise any order: step through the 28 days in strides of 11.
    let legacy = |step: i64| {
        let day = NEWEST - (step * 11 + 22) % 28;
        let active = LEGACY.filter(|i| days[simulated(day)][*i].is_some());
        legacy_row(active.count() as u64, day)
    };
    let rows: Value = (0..28).map(legacy).collect();
    write("octo-legacy/legacy.json".into(), &[rows])?;
    fs::write(out.join("index.json"), format!("{:#}\n", index()))?;
    Ok(())
}

/// The index: which path of GitHub's API each recording is the response of.
fn index() -> Value {
    let target = |scope: &str, login: &str, recordings: Value| {
        let mut target = json!({"scope": scope, "login": login, "recordings": recordings});
        let root = if scope == "enterprise" { "enterprises" } else { "orgs" };
        for recording in target["recordings"].as_array_mut().into_iter().flatten() {
            let path = recording["path"].as_str().unwrap_or_default();
            recording["path"] = json!(format!("/{root}/{login}/copilot/{path}"));
            for file in recording["files"].as_array_mut().into_iter().flatten() {
                *file = json!(format!("{login}/{}", file.as_str().unwrap_or_default()));
            }
        }
        target
    };
    let reports = |aggregate: &str, users: &[&str]| {
        let whole = format!("{aggregate}-28-day.json");
        let path = |report: &str| format!("metrics/reports/{report}");
        vec![
            json!({"path": path(&format!("{aggregate}-28-day/latest")), "kind": "report-28-day", "files": [whole]}),
            // Each day's report is a row of the one of 28 days.
            json!({"path": path(&format!("{aggregate}-1-day?day={{day}}")), "kind": "report-day", "array": "day_totals",
                "files": [whole]}),
            json!({"path": path("users-1-day?day={day}"), "kind": "report-day", "files": users}),
            json!({"path": path("user-teams-1-day?day={day}"), "kind": "report-day",
                "files": ["user-teams-1-day.ndjson"]}),
        ]
    };
    let billing = json!({"path": "billing", "kind": "plain", "files": ["billing.json"]});
    let seats = json!({"path": "billing/seats", "kind": "paged", "array": "seats", "files": ["seats.json"]});
    let legacy = json!({"path": "metrics", "kind": "paged", "files": ["legacy.json"]});
    let mut octodemo = reports("organization", &["users-1-day.1.ndjson", "users-1-day.2.ndjson"]);
    octodemo.extend([billing.clone(), seats.clone()]);
    let mut enterprise = reports("enterprise", &["users-1-day.ndjson"]);
    enterprise.push(seats.clone());
    json!({"newest_day": date(NEWEST), "targets": [
        target("organization", "octodemo", octodemo.into()),
        target("organization", "octo-legacy", json!([legacy, billing, seats])),
        target("enterprise", "octo-enterprise", enterprise.into()),
    ]})
}
