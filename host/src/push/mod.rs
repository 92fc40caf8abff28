//! Pushes daily samples to the endpoints of the settings, as soon as GitHub publishes or revises a day.
//!
//! - [`Pusher`]: keeps a `task` for each endpoint, so that one that is down delays no other. The task waits
//!   for changes, noon and retries; `state` is what it knows.
//! - `round` pushes what is due, oldest day first; at the first look, `learn` asks the endpoint which days it
//!   has. `verification` compares what was pushed, from a `queue`, with what the endpoint stored.
//! - `due`: what is due, and what is known of a day. `failure`: what a failure is about, and when to retry.
//!   Both pure.
//! - `days`: the samples of a target by day. `problems`: days with the same problem in one line of the log.
//!
//! Nothing is persisted: what is due follows from the samples and from what the endpoint has. So a task
//! may be cancelled at any time. Pushing a day twice changes nothing, because the same documents always
//! give the same timestamps.

mod days;
mod due;
mod environment;
mod failure;
mod learn;
mod metrics;
mod problems;
mod pusher;
mod queue;
mod round;
mod state;
mod task;
mod verification;

pub use environment::Environment;
pub use metrics::Metrics;
pub use pusher::Pusher;
