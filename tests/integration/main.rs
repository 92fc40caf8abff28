//! The promises to users, each kept by a test. They share a binary because linking takes longer than
//! running them.

/// One cause is one alert.
mod alerts;
/// The modules of the host only use those below them.
mod architecture;
/// What authors of mappings need: cases, recordings, and checks that say what to do.
mod authors;
/// The past is filled day by day, each day once.
mod backfill;
/// Malformed documents are rejected with the position of the problem, and odd ones are mapped.
mod bad_input;
/// `check-config` finds everything that a start would.
mod check_config;
/// The flags and commands, and their errors.
mod command_line;
/// The default mapping and the example in Rust are components that import next to nothing.
mod component;
/// The config file, and its errors.
mod configuration;
/// Mappings built for an older version of the contract still work.
mod contracts;
mod cost;
/// The files in `deploy/` are valid.
mod deploy;
/// The documentation matches the code.
mod docs;
/// Faults that the exporter once had stay away.
mod faults;
/// Recordings with random changes cause no crash, no vague error and no invalid exposition.
mod fuzz;
/// Errors, limits and refusals of GitHub are handled.
mod github_failures;
/// The same recordings always give the same expositions.
mod golden;
/// Every query of every dashboard returns data.
mod grafana;
/// The Helm chart renders valid objects: by default those of `deploy/kubernetes`.
mod helm;
/// A bad mapping changes nothing but a counter and a line of the log.
mod history;
mod hostile_mappings;
/// A larger mapping in JavaScript: a document of several pages, and labels.
mod javascript;
/// Days are kept in the cache directory, and fetched again while GitHub may revise them.
mod kept_days;
/// Mappings can be written in each language of the guide, with the commands in it.
mod languages;
mod large_documents;
/// The exporter starts and stops gracefully.
mod lifecycle;
/// A run of a mapping is stopped when it exceeds its limits.
mod limits;
/// The log as text and as JSON: one line per cause, with the target that it is about.
mod log;
/// Mappings are swapped, rolled back and refused while the exporter runs.
mod mappings;
/// Users of other exporters can switch to this one.
mod migration;
/// Proxies, certificate authorities and timeouts.
mod network;
/// The page at `/`.
mod page;
/// A real Prometheus server scrapes the recorded values.
mod prometheus;
/// Daily samples are pushed as they change, each day once, whatever happens to an endpoint.
mod push;
/// Mappings are pulled from OCI registries, and pushed to them.
mod registries;
/// What a release does that can be tried without GitHub.
mod release;
/// Samples are pushed to endpoints for remote write, and compared with what those have.
mod remote_write;
/// Replicas that share a store: one fetches, all serve the same, and any of them may die.
mod replicas;
/// Which day the numbers of each document are about.
mod report_days;
/// Stored data survives a restart.
mod restart;
/// Every alert has a runbook.
mod runbooks;
/// The imports that mappings may have are closed doors.
mod sandbox;
/// Many targets, and the requests that they need.
mod scale;
/// Above the limits of a mapping's result, only the most detailed series are left out.
mod series_limit;
/// What `/metrics` and the other endpoints serve.
mod serving;
/// Every way to sign in.
mod sign_in;
/// Stores keep what they were given, and tell clearly what is wrong with the server that replicas share.
mod store;
/// Many targets in one process, and changing them while it runs.
mod targets;
/// The values are correct, checked by independent calculation.
mod values;
/// TLS, passwords, and clients that misbehave.
mod web;
