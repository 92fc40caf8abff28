use super::url::{SentinelAddress, ServerUrl};
use super::*;
use crate::config::parse::Parser;
use crate::config::secret_source::SecretSource;
use crate::config::yaml::{YamlFile, parse};
use crate::model::Secret;

fn read(yaml: &str, flag: Option<&str>) -> Result<Option<ValkeySettings>, String> {
    let path = std::path::Path::new("x.yaml");
    let section: StoreSection = parse(path, yaml).map_err(|error| error.to_string())?;
    settings(section, &YamlFile { path: Some(path) }, flag).map_err(|error| error.to_string())
}

#[test]
fn without_a_section_and_a_url_nothing_is_shared() {
    assert_eq!(read("", None), Ok(None));
}

#[test]
fn the_flag_takes_precedence_over_the_url_of_the_file() {
    let yaml = "valkey: {url: 'redis://one', prefix: 'a:'}";
    let of_file = read(yaml, None).unwrap().unwrap();
    assert_eq!((of_file.url.to_string().as_str(), &*of_file.prefix), ("redis://one:6379", "a:"));
    let of_flag = read(yaml, Some("rediss://two:7/3")).unwrap().unwrap();
    assert_eq!((of_flag.url.to_string().as_str(), &*of_flag.prefix), ("rediss://two:7", "a:"));
    assert_eq!(of_flag.url.database, 3);
    assert_eq!(read("", Some("redis://two")).unwrap().unwrap().prefix, "copilot:");
}

#[test]
fn a_password_in_the_url_is_used_and_never_printed() {
    let settings = read("", Some("redis://app:hunter2%2Fx+y@valkey")).unwrap().unwrap();
    assert_eq!(settings.username.as_deref(), Some("app"));
    assert_eq!(settings.password, Some(SecretSource::Text(Secret::new("hunter2/x+y"))));
    assert_eq!(settings.url.to_string(), "redis://valkey:6379");
    assert!(!format!("{settings:?}").contains("hunter2"));
    let wrong = read("", Some("http://app:hunter2@valkey")).unwrap_err();
    assert!(wrong.starts_with("--store-url (STORE_URL): its scheme is not one of"), "{wrong}");
    for url in ["redis://:hunter2@", "redis://a:hunter2@h/x", "redis://a:hunter2@h?x=1"] {
        let error = read("", Some(url)).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        let error = read(&format!("valkey: {{url: '{url}'}}"), None).unwrap_err();
        assert!(error.starts_with("x.yaml:1: valkey.url"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn sentinels_are_the_one_of_the_url_and_those_that_are_listed() {
    let yaml =
        "valkey: {url: 'redis://s1', sentinel: {master: main, nodes: [s2, 's3:5', '[::1]:6']}}";
    let sentinel = read(yaml, None).unwrap().unwrap().sentinel.unwrap();
    assert_eq!(sentinel.master, "main");
    let nodes: Vec<_> = sentinel.nodes.iter().map(|(host, port)| (&**host, *port)).collect();
    assert_eq!(nodes, [("s1", 26379), ("s2", 26379), ("s3", 5), ("::1", 6)]);
    assert!(SentinelAddress::parse("a/b").is_err());
    for node in ["user:hunter2@s1", ":hunter2@s1", "redis://:hunter2@s1", "redis://hunter2"] {
        let yaml =
            format!("valkey: {{url: 'redis://s1', sentinel: {{master: m, nodes: ['{node}']}}}}");
        let error = read(&yaml, None).unwrap_err();
        assert!(error.contains("not an address such as sentinel-1:26379"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    for (url, key, expected) in
        [("redis://s", "", false), ("rediss://s", "", true), ("rediss://s", ", tls: false", false)]
    {
        let yaml = format!("valkey: {{url: '{url}', sentinel: {{master: main{key}}}}}");
        let settings = read(&yaml, None).unwrap().unwrap();
        assert_eq!(settings.sentinel.unwrap().tls, expected, "{yaml}");
    }
}

#[test]
fn contradictions_are_named() {
    for (yaml, expected) in [
        ("{}", "it has no url, and STORE_URL is not set"),
        ("{url: 'redis://a', username: b}", "it has a user, but no password: set password_file"),
        ("{url: 'redis://a', sentinel: {}}", "sentinel has no master: set the name of the primary"),
        (
            "{url: 'redis://a/1', cluster: true}",
            "a cluster has only database 0: remove the number from the URL",
        ),
        (
            "{url: 'redis://a', cluster: true, sentinel: {master: m}}",
            "sentinel and cluster are both set: set only one of them",
        ),
    ] {
        let error = read(&format!("valkey: {yaml}"), None).unwrap_err();
        assert_eq!(error, format!("x.yaml:1: store.valkey: {expected}"));
    }
    let error = read("valkey: {url: 'redis://a', prefix: '{x}'}", None).unwrap_err();
    assert!(error.contains("without spaces and braces"), "{error}");
    assert!(
        ServerUrl::parse("rediss://[::1]:1").is_ok_and(|url| url.to_string() == "rediss://[::1]:1")
    );
}
