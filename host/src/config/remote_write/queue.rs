//! The section `queue_config`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::config::parse::{section, value};
use crate::config::values::{Number, Timeout};

/// How samples are divided into requests, and when those are repeated.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "QueueSection")]
pub struct QueueSettings {
    /// The maximum number of samples in a request.
    pub max_samples_per_send: usize,
    /// The delay before the first retry. Each further one is twice as long.
    pub min_backoff: Duration,
    /// The longest delay before a retry, unless the server asks for a longer one.
    pub max_backoff: Duration,
}

impl Default for QueueSettings {
    fn default() -> Self {
        let QueueSection { max_samples_per_send, min_backoff, max_backoff, .. } =
            QueueSection::default();
        Self { max_samples_per_send, min_backoff, max_backoff }
    }
}

section! {
    struct QueueSection {
        /// The maximum number of samples in a request.
        #[serde(deserialize_with = "value::<Number<usize, 1, 100_000, 2000>, _>")]
        max_samples_per_send: usize = 2000,
        /// The delay before the first retry.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        min_backoff: Duration = Duration::from_millis(30),
        /// The longest delay before a retry.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        max_backoff: Duration = Duration::from_secs(5),
        /// Accepted if true, so that existing files can be used.
        #[serde(deserialize_with = "only_true")]
        #[allow(dead_code)]
        retry_on_http_429: () = (),
        /// Nothing is queued.
        #[serde(deserialize_with = "no_queue")]
        #[allow(dead_code)]
        capacity: () = (),
        /// Requests are sent one at a time.
        #[serde(deserialize_with = "no_queue")]
        #[allow(dead_code)]
        min_shards: () = (),
        /// Requests are sent one at a time.
        #[serde(deserialize_with = "no_queue")]
        #[allow(dead_code)]
        max_shards: () = (),
        /// Requests are sent as soon as there are samples.
        #[serde(deserialize_with = "no_queue")]
        #[allow(dead_code)]
        batch_send_deadline: () = (),
        /// The samples of a day are old by nature.
        #[serde(deserialize_with = "no_age_limit")]
        #[allow(dead_code)]
        sample_age_limit: () = (),
    }
}

impl TryFrom<QueueSection> for QueueSettings {
    type Error = String;

    fn try_from(section: QueueSection) -> Result<Self, String> {
        let QueueSection { max_samples_per_send, min_backoff, max_backoff, .. } = section;
        match min_backoff <= max_backoff {
            true => Ok(Self { max_samples_per_send, min_backoff, max_backoff }),
            false => Err("min_backoff is longer than max_backoff: it should be shorter".to_owned()),
        }
    }
}

fn only_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match bool::deserialize(deserializer)? {
        true => Ok(()),
        false => Err(de::Error::custom(
            "not supported: a request that is refused with 429 is always retried (remove the key)",
        )),
    }
}

fn no_queue<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    de::IgnoredAny::deserialize(deserializer)?;
    Err(de::Error::custom(
        "not supported: there is no queue, the requests of a day are sent one after the other as soon as it is due (remove the key)",
    ))
}

fn no_age_limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    de::IgnoredAny::deserialize(deserializer)?;
    Err(de::Error::custom(
        "not supported: the samples of past days would never be sent (remove the key)",
    ))
}
