//! The promises to users, each kept by a test. One binary, because linking costs more than testing.

/// Each module of the host uses only those below it.
mod architecture;
/// Bad input gets a clear error and loses nothing.
mod bad_input;
/// What an operator does on the command line.
mod command_line;
/// The default mapping is a component that asks for nothing.
mod component;
/// The config file, and what is said of mistakes in it.
mod configuration;
/// Mappings that were built against an older contract still work.
mod contracts;
/// What is deployed is in order.
mod deploy;
/// What the documentation says is so.
mod docs;
/// Faults that the exporter once had stay away.
mod faults;
/// The same recordings give the same expositions, however the bytes are cut.
mod golden;
/// Every query of every dashboard has data.
mod grafana;
/// A bad mapping changes nothing but a counter and a line of the log.
mod hostile;
/// A mapping in another language.
mod javascript;
/// The exporter starts and stops gracefully.
mod life;
/// A mapping gets no more than its limits.
mod limits;
/// Mappings are swapped while everything else goes on.
mod mappings;
/// What users of other exporters have goes on working.
mod migration;
/// Proxies and certificates.
mod network;
/// What people see at `/`.
mod page;
/// A real Prometheus scrapes what was recorded.
mod prometheus;
/// What is kept over a restart.
mod restart;
/// What is served while GitHub works, and while it doesn't.
mod serving;
/// Every way to sign in.
mod sign_in;
/// Many targets in one process, and changing them while it runs.
mod targets;
/// What is done about GitHub's bad days.
mod trouble;
/// The numbers are right by hand calculation.
mod values;
/// TLS, passwords, and clients that mean no good.
mod web;
