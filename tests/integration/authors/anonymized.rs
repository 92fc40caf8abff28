use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use copilot_metrics_tests::command::{output, printed};
use copilot_metrics_tests::github::{Options, StandIn, stand_in, stand_in_with};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::argument;
use super::recordings::{command, files};

/// The options with which the most names are in the samples.
const OPTIONS: [&str; 3] = ["users=true", "user-breakdowns=true", "repositories=true"];

/// With random pseudonyms, one might happen to be a name or contain an id that must not be left.
const ANONYMIZED: [&str; 3] = ["--anonymize", "--seed", "always the same"];

/// Records an organization.
fn recorded(github: &StandIn, org: &str, more: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(github, org, directory.path());
    command.args(OPTIONS.iter().flat_map(|option| ["--option", option])).args(more);
    let output = output(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    directory
}

/// The texts of every file, with their names.
fn texts(directory: &Path) -> Vec<String> {
    let text = |path: &std::path::PathBuf| {
        format!("{}\n{}", path.display(), fs::read_to_string(path).unwrap())
    };
    files(directory).iter().map(text).collect()
}

/// The values of a document, one after the other.
fn values(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    serde_json::Deserializer::from_str(&text).into_iter().map(|value| value.unwrap()).collect()
}

/// Calls `visit` with every field that has a text or a number.
fn visit(value: &Value, key: &str, visitor: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| visit(value, key, visitor)),
        Value::Array(values) => values.iter().for_each(|value| visit(value, key, visitor)),
        Value::String(text) => visitor(key, text),
        Value::Number(number) => visitor(key, &number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

/// What identifies a customer in a recording that is not anonymized.
fn identifying(directory: &Path) -> BTreeSet<String> {
    const NAMES: [&str; 14] = [
        "login",
        "user_login",
        "slug",
        "name",
        "repo_name",
        "repo_owner_name",
        "node_id",
        "mcp",
        "skill",
        "custom_agent",
        "id",
        "user_id",
        "team_id",
        "repo_id",
    ];
    let mut found = BTreeSet::new();
    for path in files(&directory.join("documents")) {
        for value in values(&path) {
            visit(&value, "", &mut |key, text| {
                let is_id = text.bytes().all(|byte| byte.is_ascii_digit());
                if NAMES.contains(&key) && (!is_id || text.len() > 5) && text != "other" {
                    found.insert(text.to_lowercase());
                }
            });
        }
    }
    found
}

/// A text in every form in which a name could be hidden in it: as it is, decoded from percent encoding, from
/// JSON's escapes, and from base64.
fn decoded(text: &str) -> String {
    let mut all = text.to_lowercase();
    let lines = text.lines().flat_map(|line| serde_json::from_str::<Value>(line).ok());
    for value in lines {
        visit(&value, "", &mut |_, text| {
            all.push('\n');
            all.push_str(&text.to_lowercase());
        });
    }
    let percent = url::form_urlencoded::parse(text.as_bytes());
    let percent: Vec<String> = percent.map(|(a, b)| format!("{a}={b}").to_lowercase()).collect();
    all.push_str(&percent.join("\n"));
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '=');
    for word in text.split(|c: char| !is_base64(c)).flat_map(|word| [word, word.trim_matches('=')])
    {
        let decoders = [STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD];
        // A prefix, such as that of a node id, may come first.
        for part in word.split('_').chain([word]).filter(|part| part.len() >= 4) {
            for decoder in &decoders {
                if let Ok(bytes) = decoder.decode(part) {
                    all.push('\n');
                    all.push_str(&String::from_utf8_lossy(&bytes).to_lowercase());
                }
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_and_no_id_of_a_recording_is_left_in_any_document() {
    let github = stand_in().await;
    let (open, hidden) =
        (recorded(&github, "octodemo", &[]), recorded(&github, "octodemo", &ANONYMIZED));
    let names = identifying(open.path());
    assert!(names.len() > 150, "{names:?}");
    for known in ["octodemo", "storefront", "910000000", "code-review", "platform"] {
        assert!(names.contains(known), "{known}: {names:?}");
    }
    // Whole values: a word of a name, such as `data`, may also be a part of a field's name.
    for path in files(&hidden.path().join("documents")) {
        for value in values(&path) {
            visit(&value, "", &mut |key, text| {
                for part in text.to_lowercase().split(['/', '@', '?', '=']) {
                    let is_count =
                        part.bytes().all(|byte| byte.is_ascii_digit()) && !key.ends_with("id");
                    // A team may be called like a value of GitHub's own.
                    let is_public =
                        matches!(key, "slash_cmd" | "agent_name" | "avatar_url" | "comment_type");
                    let is_left = names.contains(part) && !is_count && !is_public;
                    assert!(!is_left, "{}: {key}: {text}", path.display());
                }
            });
        }
    }
    // Anywhere, in any encoding.
    let everything = texts(hidden.path()).iter().map(|text| decoded(text)).collect::<String>();
    let distinct =
        |name: &&String| name.len() >= 6 && name.contains(|c: char| c.is_ascii_digit() || c == '-');
    let distinct: Vec<_> = names.iter().filter(distinct).collect();
    assert!(distinct.len() > 100, "{distinct:?}");
    for name in distinct.into_iter().map(String::as_str).chain(["octodemo", "storefront"]) {
        assert!(!everything.contains(name), "{name}");
    }
}

/// A page of seats with names in every place and encoding.
fn seats() -> String {
    let base64 = |text: &str| STANDARD.encode(text);
    let seat = json!({
        "created_at": "2026-01-01T00:00:00Z",
        "plan_type": "business",
        "last_activity_editor": "vscode/1.2.3/zanzibar-plugin/4.5",
        "assignee": {
            "login": "Zanzibar_acme",
            "id": 7_654_321,
            "node_id": base64("04:User7654321zanzibar"),
            "email": "Zanzibar@quokka.example",
            "avatar_url": "https://avatars.githubusercontent.com/u/7654321?v=4&user=zanzibar",
            "html_url": "https://github.quokka.example/%5Aanzibar%5Facme",
            "organizations_url": "https://api.github.com/users/ZANZIBAR_ACME/orgs{/zanzibar}",
            "type": "User",
        },
        "assigning_team": {"id": 7_654_322, "slug": "quokka-team", "name": "Quokka Team"},
        "a_new_field": ["zanzibar_acme", {"deeper": "approved by ZANZIBAR"}, "7654321", 7_654_321],
        "by_login": {"Zanzibar_acme": 3, "zanzibar_acme": 4, "7654321": 5, "quokka-team": 6},
        "note": base64("zanzibar"),
        "secret": "ghp_quokkaquokkaquokkaquokkaquokkaquokka",
    });
    // Escapes that a serializer would not write.
    let seat = seat.to_string().replace("\"approved by ZANZIBAR\"", "\"\\u005aANZIB\\u0041R\\/x\"");
    format!("{{\"total_seats\": 1, \"seats\": [{seat}]}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_found_in_addresses_escapes_keys_base64_and_fields_that_are_not_known() {
    // One page, without a link to the next.
    let route = get(|| async { seats() });
    let routes = Router::new().route("/orgs/octodemo/copilot/billing/seats", route);
    let github = stand_in_with(Options { routes, ..Options::default() }).await;
    let open = recorded(&github, "octodemo", &[]);
    let hidden = recorded(&github, "octodemo", &ANONYMIZED);
    let everything = |directory: &TempDir| {
        texts(directory.path()).iter().map(|text| decoded(text)).collect::<String>()
    };
    let (open, text) = (everything(&open), everything(&hidden));
    for name in ["zanzibar", "quokka", "7654321", "7654322", "%5aanzibar"] {
        // The test itself finds it where it is.
        assert!(open.contains(name), "{name}");
        assert!(!text.contains(name), "{name}: {text}");
    }
    // One person has one pseudonym in all of these places.
    let page = values(&hidden.path().join("documents/seats.json")).remove(0);
    let seat = &page["seats"][0];
    let login = seat["assignee"]["login"].as_str().unwrap();
    let id = seat["assignee"]["id"].to_string();
    assert_eq!(seat["a_new_field"][0], login);
    assert_eq!(seat["a_new_field"][2], *id);
    assert_eq!(seat["a_new_field"][3].to_string(), id);
    assert_eq!(seat["by_login"][login], 4);
    assert_eq!(seat["by_login"][&id], 5);
    let address = seat["assignee"]["avatar_url"].as_str().unwrap();
    assert_eq!(address, format!("https://avatars.githubusercontent.com/u/{id}"));
    let address = seat["assignee"]["organizations_url"].as_str().unwrap();
    assert!(
        address.starts_with(&format!("https://api.github.com/users/{login}/orgs")),
        "{address}"
    );
    let address = seat["assignee"]["html_url"].as_str().unwrap();
    assert!(address.ends_with(&format!(".example/{login}")), "{address}");
    assert!(seat["assignee"]["email"].as_str().unwrap().ends_with(".example"));
    // What says nothing about the customer stays.
    assert_eq!(seat["assignee"]["type"], "User");
    assert_eq!(seat["plan_type"], "business");
}

/// The values of every family, sorted: what is left of an exposition without the names.
fn sums(case: &Path, fetched_at: &str) -> BTreeMap<String, Vec<f64>> {
    let text = printed(["map", "--fetched-at", fetched_at, argument(case)]);
    let mut families: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let family = line.split(['{', ' ']).next().unwrap().to_owned();
        let value = line.rsplit_once(' ').unwrap().1.parse().unwrap();
        families.entry(family).or_default().push(value);
    }
    families.values_mut().for_each(|values| values.sort_by(f64::total_cmp));
    families
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymized_recording_has_the_same_series_and_sums() {
    let github = stand_in().await;
    for org in ["octodemo", "octo-legacy"] {
        let open = recorded(&github, org, &[]);
        let hidden = recorded(&github, org, &["--anonymize"]);
        let now = Timestamp::now().to_string();
        let (wanted, found) = (sums(open.path(), &now), sums(hidden.path(), &now));
        assert!(wanted.len() > 20, "{org}: {}", wanted.len());
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{org}");
        for (family, values) in &wanted {
            assert_eq!(found[family].len(), values.len(), "{org}: {family}");
            for (found, wanted) in found[family].iter().zip(values) {
                // Sums of fractions are rounded differently if other users come first.
                let tolerance = wanted.abs() * 1e-12;
                assert!((found - wanted).abs() <= tolerance, "{org}: {family}: {found}, {wanted}");
            }
        }
        // The same documents, with the same structure.
        let lines = |directory: &TempDir| -> Vec<(String, usize)> {
            let files = files(&directory.path().join("documents"));
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            files.iter().map(|path| (name(path), values(path).len())).collect()
        };
        assert_eq!(lines(&hidden), lines(&open), "{org}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_gives_the_same_pseudonyms_and_without_one_they_are_random() {
    let github = stand_in().await;
    let billing = |directory: &TempDir| {
        let seats = fs::read_to_string(directory.path().join("documents/seats.1.json")).unwrap();
        (seats, fs::read_to_string(directory.path().join("case.yaml")).unwrap())
    };
    let with = |seed: &str| {
        let (seats, settings) =
            billing(&recorded(&github, "octodemo", &["--anonymize", "--seed", seed]));
        (seats, settings.lines().next().unwrap().to_owned())
    };
    let (one, same, other) = (with("one"), with("one"), with("other"));
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert!(!one.1.contains("octodemo"), "{}", one.1);
    let random = || billing(&recorded(&github, "octodemo", &["--anonymize"])).0;
    assert_ne!(random(), random());
}
