//! The section `github`: how requests are sent.

use std::time::Duration;

use super::parse::{list, section, value};
use super::paths::CaFile;
use super::values::{ApiVersion, HostPattern, Mib, Number, Timeout};

section! {
    /// How requests are sent to GitHub.
    #[derive(Clone, Debug, PartialEq)]
    pub struct GithubOptions {
        /// Maximum number of concurrent requests to one host. GitHub prefers few: each target
        /// fetches one document at a time.
        #[serde(deserialize_with = "value::<Number<usize, 1, 100, 8>, _>")]
        pub concurrency: usize = 8,
        /// Timeout for connecting.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        pub connect_timeout: Duration = Duration::from_secs(10),
        /// Maximum time that a server may send nothing, before its response or within it.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        pub response_timeout: Duration = Duration::from_secs(30),
        /// Timeout for a request including its whole response.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        pub request_timeout: Duration = Duration::from_secs(10 * 60),
        /// Number of retries for transient failures.
        #[serde(deserialize_with = "value::<Number<usize, 0, 10, 3>, _>")]
        pub retries: usize = 3,
        /// Delay before the first retry. Each further one is twice as long, up to 30 s.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        pub retry_delay: Duration = Duration::from_secs(1),
        /// Maximum size of a document, all parts together. The users report of 100,000 developers
        /// has several hundred megabytes; compressed, it takes a tenth of that or less.
        #[serde(rename = "max_document_mib", deserialize_with = "value::<Mib<u64, 1, 65_536, 4096>, _>")]
        pub max_document_bytes: u64 = 4 << 30,
        /// Memory for the documents of all targets together, compressed. Larger ones are kept in
        /// files, in the cache directory or else the directory for temporary files.
        #[serde(
            rename = "document_memory_mib",
            deserialize_with = "value::<Mib<u64, 0, 65_536, 64>, _>"
        )]
        pub document_memory_bytes: u64 = 16 << 20,
        /// CA certificates (PEM) to trust in addition to the system's.
        #[serde(rename = "ca_file", deserialize_with = "value::<CaFile, _>")]
        pub ca_certificates: Vec<u8> = Vec::new(),
        /// Version of GitHub's REST API (the header `X-GitHub-Api-Version`), so that the end of one
        /// needs no new exporter.
        #[serde(deserialize_with = "value::<ApiVersion, _>")]
        pub api_version: String = "2022-11-28".to_owned(),
        /// Hosts that report files may be downloaded from, in addition to GitHub's own. `*.` stands
        /// for any subdomain.
        #[serde(deserialize_with = "list::<HostPattern, _>")]
        pub download_hosts: Vec<String> = Vec::new(),
    }
}
