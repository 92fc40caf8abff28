//! Encodes days for receivers, while earlier days are being written.

use jiff::civil::Date;

use crate::config::RemoteWriteSettings;
use crate::model::Samples;
use crate::remote_write::{EncodeError, Request, encode};

/// A day in the form in which it is sent.
pub(super) struct EncodedDay {
    /// The day.
    pub day: Date,
    /// Its samples.
    pub samples: Vec<Samples>,
    /// The requests for each receiver.
    pub requests: Vec<Result<Vec<Request>, EncodeError>>,
}

/// Encodes days.
pub(super) struct Encoder {
    /// The settings of each receiver.
    pub receivers: Vec<RemoteWriteSettings>,
}

impl Encoder {
    /// Encodes a day for each receiver.
    pub(super) fn encode(&self, day: Date, samples: Vec<Samples>) -> EncodedDay {
        let requests = self.receivers.iter().map(|settings| encode(&samples, settings)).collect();
        EncodedDay { day, samples, requests }
    }
}
