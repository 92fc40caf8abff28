//! The `Link` header of lists: the right link is found, whatever is in it, and the next page is at the API
//! and of the same list.

#![no_main]

use std::sync::{Arc, LazyLock};

use copilot_metrics_exporter::body::Spool;
use copilot_metrics_exporter::config::{CredentialSettings, CredentialSource, GithubOptions};
use copilot_metrics_exporter::github::fuzzing::{next_link, next_page, url_of};
use copilot_metrics_exporter::github::{Client, Credentials, Metrics, Transport};
use copilot_metrics_exporter::model::metrics::Registry;
use copilot_metrics_exporter::model::{Scope, Target};
use libfuzzer_sys::fuzz_target;
use url::Url;

const PATH: &str = "/orgs/acme/copilot/billing/seats?per_page=100";

struct Api {
    url: Url,
    client: Client,
}

static APIS: LazyLock<[Api; 2]> = LazyLock::new(|| {
    ["https://api.github.com/", "https://ghes.example/api/v3"].map(|text| {
        let url: Url = text.parse().unwrap();
        let metrics = Metrics::new(&Registry::default()).unwrap();
        let transport =
            Transport::new(GithubOptions::default(), Spool::default(), metrics).unwrap();
        let source = CredentialSource::Token("secret".into());
        let credential = Arc::new(CredentialSettings { name: "default".to_owned(), source });
        let target = Target::new(Scope::Organization, "acme").unwrap();
        let client = Client::new(transport, &Credentials::default(), &credential, &url, &target);
        Api { url, client }
    })
});

/// The segments of a path below the API's base.
fn segments<'a>(api: &Url, url: &'a Url) -> Vec<&'a str> {
    let base = api.path().trim_end_matches('/');
    let path = url.path().strip_prefix(base).unwrap();
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

fn check_page(Api { url: api, client }: &Api, link: &str) {
    let Ok(path) = next_page(client, PATH, link) else { return };
    let url = url_of(api, &path).unwrap();
    assert_eq!(url.origin(), api.origin());
    assert_eq!(segments(api, &url)[2..], ["copilot", "billing", "seats"], "{url}");
    assert_eq!(next_page(client, PATH, url.as_str()).unwrap(), path);
}

fuzz_target!(|header: &str| {
    if let Some(link) = next_link(header) {
        assert!(header.contains(&format!("<{link}>")));
        APIS.iter().for_each(|api| check_page(api, link));
    }
    // The same text as a parameter of another link, and as the path of the right one.
    let quoted = header.replace('\\', "\\\\").replace('"', "\\\"");
    let path = header.replace('>', "");
    let url = format!("https://api.github.com/{path}");
    let header = format!("<https://a/9>; title=\"{quoted}\"; rel=\"last\", <{url}>; rel=\"next\"");
    assert_eq!(next_link(&header), Some(url.as_str()));
    APIS.iter().for_each(|api| check_page(api, &url));
});
