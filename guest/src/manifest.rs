//! What the mapping says of itself: the documents it wants, the options it takes, its families.

use crate::component::wit::{
    DocumentSpec, FetchKind, Manifest, Need, OptionSpec, Scope, Span, Target,
};
use crate::mapping::Mapping;

/// The option that turns the families with a `user` label on.
pub const USERS: &str = "users";
/// The option that adds the user's breakdowns to them.
pub const USER_BREAKDOWNS: &str = "user-breakdowns";

/// The manifest of the default mapping.
pub fn manifest() -> Manifest {
    let target = Target { scope: Scope::Organization, name: String::new() };
    let option = |name: &str, help: &str| OptionSpec {
        name: name.to_owned(),
        help: help.to_owned(),
        default_value: "false".to_owned(),
    };
    Manifest {
        name: "github-copilot".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        documents: documents(Scope::Organization)
            .into_iter()
            .chain(documents(Scope::Enterprise))
            .collect(),
        options: vec![
            option(
                USERS,
                "true adds the families with a user label, from the users report: \
                 up to about 30 series for each active user.",
            ),
            option(
                USER_BREAKDOWNS,
                "true adds, with users=true, each user's activity by editor, feature, \
                 model and language: hundreds of series for each active user.",
            ),
        ],
        families: Mapping::new(&target, Span::Latest, &[]).into_families(),
    }
}

/// The documents of a scope, in the order in which they are to be fed: user-teams before users,
/// so that of the users report only the days that can be joined need to be kept.
fn documents(scope: Scope) -> Vec<DocumentSpec> {
    let (root, entity) = match scope {
        Scope::Organization => ("/orgs/{org}/copilot", "organization"),
        Scope::Enterprise => ("/enterprises/{enterprise}/copilot", "enterprise"),
    };
    let document = |name: String, path: String, fetch, need| DocumentSpec {
        name,
        scope,
        path: format!("{root}/{path}"),
        fetch,
        need,
        fallback_for: None,
        same_day_as: None,
    };
    let report = |name: &str, need| {
        let path = match name.strip_suffix("-28-day") {
            Some(_) => format!("metrics/reports/{name}/latest"),
            None => format!("metrics/reports/{name}?day={{day}}"),
        };
        document(name.to_owned(), path, FetchKind::Report, need)
    };
    let mut documents = vec![
        report(&format!("{entity}-28-day"), Need::Required),
        report(&format!("{entity}-1-day"), Need::Optional),
        report("user-teams-1-day", Need::Optional),
        DocumentSpec {
            same_day_as: Some("user-teams-1-day".to_owned()),
            ..report("users-1-day", Need::Optional)
        },
        report("users-28-day", Need::Offline),
    ];
    if scope == Scope::Organization {
        let path = "billing".to_owned();
        documents.push(document(path.clone(), path, FetchKind::Plain, Need::Optional));
    }
    documents.extend([
        document(
            "seats".into(),
            "billing/seats?per_page=100".into(),
            FetchKind::Paged,
            Need::Optional,
        ),
        DocumentSpec {
            fallback_for: Some(format!("{entity}-28-day")),
            ..document(
                "legacy".into(),
                "metrics?per_page=100".into(),
                FetchKind::Paged,
                Need::Optional,
            )
        },
    ]);
    documents
}
