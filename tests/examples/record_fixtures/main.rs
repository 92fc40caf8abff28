//! Writes the recordings of the demo and their index: what GitHub would answer for an organization
//! (`octodemo`), for the enterprise it belongs to (`octo-enterprise`), and for an organization whose
//! server still has the closed API (`octo-legacy`).
//!
//! `cargo run --example record_fixtures -- [OUT_DIR]`, by default into `fixtures/demo` of this package.
//!
//! All people are invented. They are simulated day by day, and an aggregate row is the sum of what
//! its people did, so that totals can be checked by hand (pull requests and the rows of the closed
//! API are drawn for the whole organization). The output is deterministic: it uses no clock and no
//! external randomness, and each person's day has its own seed. Tests can therefore rely on exact
//! values, and every change of a recording comes from a changed line of this example.

mod activity;
mod aggregate;
mod bill;
mod calendar;
mod index;
mod legacy;
mod names;
mod people;
mod random;
mod repositories;
mod seats;
mod users;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Value, json};

use self::aggregate::{aggregate_row, engagement};
use self::bill::{
    Bill, OCTO_ENTERPRISE_BILL, OCTODEMO_BILL, UNASSIGNED_BILL, budgets, cost_centers,
};
use self::calendar::{NEWEST, SIMULATED, WEEKEND, date, simulated};
use self::index::index;
use self::legacy::legacy_row;
use self::names::{ENTERPRISE_ID, OCTODEMO_ID, OCTOLABS_ID, REPOSITORIES, TEAMS};
use self::people::{Days, ENTERPRISE, LEGACY, OCTODEMO, Person, person, simulate};
use self::repositories::repository_row;
use self::seats::{billing, seat};
use self::users::user_row;

fn main() -> Result<(), Box<dyn Error>> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let out = env::args_os().nth(1).map_or_else(default, PathBuf::from);
    for account in ["octodemo", "octo-enterprise", "octo-legacy"] {
        fs::create_dir_all(out.join(account))?;
    }
    let write = |file: String, rows: &[Value]| {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(out.join(file), lines)
    };
    let people: Vec<Person> = (0..LEGACY.end).map(person).collect();
    let one_day = |day| people.iter().map(|person| simulate(person, day)).collect();
    let days: Days = (NEWEST - SIMULATED + 1..=NEWEST).map(one_day).collect();

    let organization = ("octodemo", "organization", OCTODEMO, Some(OCTODEMO_ID));
    let enterprise = ("octo-enterprise", "enterprise", ENTERPRISE, None);
    for (directory, kind, who, id) in [organization, enterprise] {
        let people = &people[who];
        let row = |day| aggregate_row(people, &days, day, id);
        let rows: Vec<Value> = (NEWEST - 27..=NEWEST).map(row).collect();
        write(format!("{directory}/{kind}-1-day.ndjson"), &rows[27..])?;
        let report = json!({"report_start_day": date(NEWEST - 27), "report_end_day": date(NEWEST),
            "created_at": date(NEWEST + 2) + "T05:12:44Z",
            format!("{kind}_id"): id.unwrap_or(ENTERPRISE_ID), "day_totals": rows,
            "copilot_feature_engagement": engagement(people, &days)});
        write(format!("{directory}/{kind}-28-day.json"), &[report])?;

        let mut repositories: Vec<Value> =
            (0..REPOSITORIES.len()).map(|index| repository_row(index, OCTODEMO_ID)).collect();
        if id.is_none() {
            repositories.extend((0..4).map(|index| repository_row(index, OCTOLABS_ID)));
        }
        write(format!("{directory}/repos-1-day.ndjson"), &repositories)?;
        let users = |day: i64| -> Vec<Value> {
            let days = &days[simulated(day)];
            let row =
                |person: &Person| Some(user_row(person, days[person.index].as_ref()?, day, id));
            people.iter().filter_map(row).collect()
        };
        write(format!("{directory}/users-1-day.weekend.ndjson"), &users(WEEKEND))?;
        let (users, mut members) = (users(NEWEST), Vec::new());
        for person in people {
            for (team, organization, slug, _) in person.teams.iter().map(|team| TEAMS[*team]) {
                if id.is_none_or(|id| id == organization) {
                    members.push(json!({"user_id": person.id, "user_login": person.login, "day": date(NEWEST),
                        "organization_id": organization, "enterprise_id": ENTERPRISE_ID, "team_id": team, "slug": slug}));
                }
            }
        }
        write(format!("{directory}/user-teams-1-day.ndjson"), &members)?;
        // GitHub splits large reports, so the one of the organization has two files.
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
            // In an enterprise, a person has a seat for each team.
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

    let bill = |bill: &Bill| Value::from_iter((NEWEST - 27..=NEWEST).map(|day| bill.day(day)));
    write("octodemo/ai-credit-usage.json".into(), &[bill(&OCTODEMO_BILL)])?;
    write("octodemo/budgets.json".into(), &[budgets("organization")])?;
    write("octo-enterprise/ai-credit-usage.json".into(), &[bill(&OCTO_ENTERPRISE_BILL)])?;
    write("octo-enterprise/ai-credit-usage.unassigned.json".into(), &[bill(&UNASSIGNED_BILL)])?;
    write("octo-enterprise/budgets.json".into(), &[budgets("enterprise")])?;
    write("octo-enterprise/organizations.json".into(), &[json!({"octodemo": 63, "octolabs": 37})])?;
    write("octo-enterprise/cost-centers.json".into(), &[cost_centers(&people)])?;

    // GitHub promises no order, so the days are shuffled: the next one is always 11 days further, modulo 28.
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
