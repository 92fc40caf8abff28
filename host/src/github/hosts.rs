//! Which hosts are trusted with what.

use url::Url;

use crate::config::is_loopback;

/// Azure storage, which GitHub's links sometimes lead to.
const STORAGE: &str = "*.blob.core.windows.net";

/// Whether a request with the token may be sent to `url`: only to the API's own origin.
pub(super) fn is_own(api: &Url, url: &Url) -> bool {
    url.origin() == api.origin()
}

/// Whether a report's file may be downloaded from `url`: GitHub's own report hosts for this API,
/// and those configured. Plain HTTP is allowed only on this machine, for an API that is on it too.
pub(super) fn may_download(api: &Url, configured: &[String], url: &Url) -> Result<(), String> {
    if is_loopback(api) && is_loopback(url) {
        return Ok(());
    }
    if url.scheme() != "https" {
        return Err("is not https".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    let api_host = api.host_str().unwrap_or_default();
    let own = match api_host.strip_prefix("api.") {
        // copilot-reports.github.com, copilot-reports.SUBDOMAIN.ghe.com
        Some(domain) => format!("copilot-reports.{domain}"),
        // GitHub Enterprise Server is a single host.
        None => api_host.to_owned(),
    };
    let allowed = [own.as_str(), STORAGE];
    let mut allowed = allowed.into_iter().chain(configured.iter().map(String::as_str));
    match allowed.any(|pattern| matches(pattern, host)) {
        true => Ok(()),
        false => Err(format!(
            "leads to {host}, which is not one of the hosts that report files may be downloaded from: if it is trustworthy, add it to github.download_hosts in the config file"
        )),
    }
}

fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_token_goes_to_the_api_and_nowhere_else() {
        let api = url("https://api.github.com");
        assert!(is_own(&api, &url("https://api.github.com/orgs/o/copilot/billing/seats?page=2")));
        for foreign in [
            "https://api.github.com.evil.example/orgs",
            "http://api.github.com/orgs",
            "https://api.github.com:444/orgs",
        ] {
            assert!(!is_own(&api, &url(foreign)), "{foreign}");
        }
    }

    #[test]
    fn report_files_come_from_githubs_hosts_and_those_configured() {
        let configured = ["reports.corp.example".to_owned(), "*.cdn.example".to_owned()];
        let may = |api: &str, link: &str| may_download(&url(api), &configured, &url(link)).is_ok();
        let github = "https://api.github.com";
        for link in [
            "https://copilot-reports.github.com/a?sig=1",
            "https://store1.blob.core.windows.net/a",
            "https://reports.corp.example/a",
            "https://eu.cdn.example/a",
        ] {
            assert!(may(github, link), "{link}");
        }
        for link in [
            "http://copilot-reports.github.com/a",
            "https://copilot-reports.github.com.evil.example/a",
            "https://blob.core.windows.net/a",
            "https://evilcdn.example/a",
            "https://cdn.example/a",
            "https://evil.example/a",
            "http://127.0.0.1/a",
            "ftp://copilot-reports.github.com/a",
        ] {
            assert!(!may(github, link), "{link}");
        }
        assert!(may("https://api.octo.ghe.com", "https://copilot-reports.octo.ghe.com/a"));
        assert!(!may("https://api.octo.ghe.com", "https://copilot-reports.other.ghe.com/a"));
        assert!(may("https://ghes.example/api/v3", "https://ghes.example/storage/a"));
        assert!(may("http://127.0.0.1:1", "http://127.0.0.1:2/a"));
    }
}
