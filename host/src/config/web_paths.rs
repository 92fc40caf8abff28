//! Where the endpoints are: `--web.route-prefix`, `--web.external-url` and `--web.telemetry-path`, which
//! mean the same as for Prometheus and its exporters.

use url::Url;

use super::error::SettingError;
use super::flags::{ServeArgs, WebArgs, given, parse_flag};
use super::parse::Parser;

const DEFAULT_TELEMETRY_PATH: &str = "/metrics";

/// The paths of the endpoints. Each begins with a slash.
#[derive(Clone, Debug, PartialEq)]
pub struct WebPaths {
    /// The prefix of all paths: empty, or a path without a slash at its end, such as `/copilot`.
    prefix: String,
    /// The same as browsers see it, which differs if a reverse proxy changes paths.
    external_prefix: String,
    /// The path of the metrics below the prefix: empty if they take the place of the page.
    telemetry: String,
}

impl Default for WebPaths {
    fn default() -> Self {
        let telemetry = DEFAULT_TELEMETRY_PATH.to_owned();
        Self { prefix: String::new(), external_prefix: String::new(), telemetry }
    }
}

impl WebPaths {
    /// The path of the values of a chart as CSV, below the prefix.
    pub const CHART_CSV: &str = "/chart.csv";
    /// The same as JSON.
    pub const CHART_JSON: &str = "/chart.json";

    /// The paths that the flags and variables ask for.
    pub(super) fn new(args: &ServeArgs) -> Result<Self, SettingError> {
        let flag = "--web.telemetry-path (WEB_TELEMETRY_PATH)";
        let telemetry = given(&args.telemetry_path).unwrap_or(DEFAULT_TELEMETRY_PATH);
        let telemetry = parse_flag::<PathPrefix>(flag, telemetry)?;
        if telemetry == "/-" || telemetry.starts_with("/-/") {
            let problem = "paths below /-/ are taken, by /-/healthy and others";
            return Err(SettingError::new(flag, problem));
        }
        if [Self::CHART_CSV, Self::CHART_JSON].contains(&telemetry.as_str()) {
            let problem = format!("{telemetry} is taken by the values of the charts");
            return Err(SettingError::new(flag, problem));
        }
        let prefix = route_prefix(&args.web)?;
        let external_prefix = match external_prefix(&args.web)? {
            Some(external) => external,
            None => prefix.clone(),
        };
        Ok(Self { prefix, external_prefix, telemetry })
    }

    /// The path of the page, with a slash at its end, so that its relative links stay below the prefix.
    pub fn root(&self) -> String {
        self.at("/")
    }

    /// The path of the page for browsers.
    pub fn external_root(&self) -> String {
        format!("{}/", self.external_prefix)
    }

    /// The prefix without a slash at its end, if there is one.
    pub fn prefix(&self) -> Option<&str> {
        Some(self.prefix.as_str()).filter(|prefix| !prefix.is_empty())
    }

    /// The path of an endpoint below the prefix.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The path of the metrics.
    pub fn metrics(&self) -> String {
        if self.has_page() { self.at(&self.telemetry) } else { self.root() }
    }

    /// The path of a part of the metrics, such as `/metrics/daily`.
    pub fn below_metrics(&self, part: &str) -> String {
        self.at(&format!("{}/{part}", self.telemetry))
    }

    /// Whether there is a page: metrics at `/` take its place, as for Prometheus' exporters.
    pub fn has_page(&self) -> bool {
        !self.telemetry.is_empty()
    }

    /// The link from the page to the metrics: a relative path such as `metrics`.
    pub fn metrics_link(&self) -> &str {
        self.telemetry.trim_start_matches('/')
    }
}

/// The prefix of all paths: empty, or a path without a slash at its end.
pub fn route_prefix(args: &WebArgs) -> Result<String, SettingError> {
    match given(&args.route_prefix) {
        Some(text) => parse_flag::<PathPrefix>("--web.route-prefix (WEB_ROUTE_PREFIX)", text),
        None => Ok(external_prefix(args)?.unwrap_or_default()),
    }
}

fn external_prefix(args: &WebArgs) -> Result<Option<String>, SettingError> {
    let parse = |text| parse_flag::<ExternalUrl>("--web.external-url (WEB_EXTERNAL_URL)", text);
    given(&args.external_url).map(parse).transpose()
}

/// A path, with or without slashes around it. Its value is empty, or begins with a slash and does not end
/// with one.
struct PathPrefix;

impl Parser for PathPrefix {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        let path = text.trim_matches('/');
        // Others would have to be escaped in links, or have a meaning in routes.
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_valid =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(valid);
        match path {
            "" => Ok(String::new()),
            _ if path.split('/').all(is_valid) => Ok(format!("/{path}")),
            _ => {
                Err(format!("{text:?} is not a path of letters, digits and -._~, such as /copilot"))
            }
        }
    }
}

/// The URL of the page for browsers, or only its path. Its value is the path.
struct ExternalUrl;

impl Parser for ExternalUrl {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        if text.starts_with('/') {
            return PathPrefix::parse(text);
        }
        let right = "it should be a URL such as https://example.com/copilot, or its path";
        // The text is not quoted, since it may contain a password.
        let url = Url::parse(text).map_err(|error| format!("not a URL ({error}): {right}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("neither http nor https: {right}"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("it contains a user or password: {right}"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("it contains a query or fragment: {right}"));
        }
        PathPrefix::parse(url.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(external: &str, prefix: &str, telemetry: &str) -> ServeArgs {
        let text = |text: &str| Some(text.to_owned());
        let web = WebArgs {
            external_url: text(external),
            route_prefix: text(prefix),
            ..WebArgs::default()
        };
        ServeArgs { web, telemetry_path: text(telemetry), ..ServeArgs::default() }
    }

    #[test]
    fn the_route_prefix_defaults_to_the_path_of_the_external_url_as_for_prometheus() {
        for (external, prefix, root, external_root) in [
            ("", "", "/", "/"),
            ("https://example.com", "", "/", "/"),
            ("https://example.com/a/b/", "", "/a/b/", "/a/b/"),
            ("/a", "", "/a/", "/a/"),
            ("", "a/b/", "/a/b/", "/a/b/"),
            // The proxy removes the path, or changes it.
            ("https://example.com/a", "/", "/", "/a/"),
            ("https://example.com/a", "/b", "/b/", "/a/"),
        ] {
            let args = args(external, prefix, "");
            let paths = WebPaths::new(&args).unwrap();
            assert_eq!(
                (paths.root().as_str(), paths.external_root().as_str()),
                (root, external_root)
            );
            assert_eq!(format!("{}/", route_prefix(&args.web).unwrap()), root);
            assert_eq!(paths.metrics(), format!("{root}metrics"));
            assert_eq!(paths.at("/-/healthy"), format!("{root}-/healthy"));
        }
        assert_eq!(WebPaths::new(&ServeArgs::default()), Ok(WebPaths::default()));
    }

    #[test]
    fn the_telemetry_path_is_below_the_prefix_and_takes_the_place_of_the_page_if_it_is_its_own() {
        for (telemetry, metrics, daily, has_page) in [
            ("", "/p/metrics", "/p/metrics/daily", true),
            ("a/b", "/p/a/b", "/p/a/b/daily", true),
            ("/", "/p/", "/p/daily", false),
        ] {
            let paths = WebPaths::new(&args("", "p", telemetry)).unwrap();
            assert_eq!(
                (paths.metrics().as_str(), paths.below_metrics("daily").as_str()),
                (metrics, daily)
            );
            assert_eq!(paths.has_page(), has_page);
        }
        assert_eq!(WebPaths::new(&args("", "p", "/a/b")).unwrap().metrics_link(), "a/b");
    }

    #[test]
    fn paths_that_cannot_be_served_or_linked_to_are_refused_without_showing_passwords() {
        let error = |args: ServeArgs| WebPaths::new(&args).unwrap_err().to_string();
        for wrong in ["/{a}", "/a//b", "/a b", "/..", "/a/./b", "/a?b", "/%2e", "//h/\u{e4}"] {
            let error = error(args("", wrong, ""));
            assert!(error.starts_with("--web.route-prefix (WEB_ROUTE_PREFIX): "), "{error}");
        }
        for wrong in ["/-/healthy", "-", "/-/x", "/chart.csv", "chart.json/"] {
            let error = error(args("", "", wrong));
            assert!(error.starts_with("--web.telemetry-path (WEB_TELEMETRY_PATH): "), "{error}");
        }
        for wrong in [
            "example.com/a",
            "ftp://example.com/a",
            "https://me:hunter2@example.com/a",
            "https://example.com/a?hunter2",
            "https://me:hunter2@example.com:99999",
        ] {
            let error = error(args(wrong, "", ""));
            assert!(error.starts_with("--web.external-url (WEB_EXTERNAL_URL): "), "{error}");
            assert!(error.contains("https://example.com/copilot") && !error.contains("hunter2"));
        }
    }
}
