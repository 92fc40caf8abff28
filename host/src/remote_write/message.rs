//! The messages of the protocol.

/// Version 1.0. <https://prometheus.io/docs/specs/prw/remote_write_spec/#protocol>
pub mod v1 {
    use prost::Message;

    /// The number of the field [`WriteRequest::timeseries`].
    pub(in crate::remote_write) const TIMESERIES: u8 = 1;
    /// The number of the field [`TimeSeries::labels`].
    pub(in crate::remote_write) const LABELS: u8 = 1;
    /// The number of the field [`TimeSeries::samples`].
    pub(in crate::remote_write) const SAMPLES: u8 = 2;
    /// The number of the field [`Label::name`].
    pub(in crate::remote_write) const LABEL_NAME: u8 = 1;
    /// The number of the field [`Label::value`].
    pub(in crate::remote_write) const LABEL_VALUE: u8 = 2;

    /// A write request: `prometheus.WriteRequest`. The metadata is left out, since it is optional.
    #[derive(Clone, PartialEq, Message)]
    pub struct WriteRequest {
        /// The series with their samples.
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<TimeSeries>,
    }

    /// A series with its samples.
    #[derive(Clone, PartialEq, Message)]
    pub struct TimeSeries {
        /// The labels in the order of their names.
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        /// The samples in the order of their timestamps.
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
    }

    /// A label. The name of the series is the one with the name `__name__`.
    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Message)]
    pub struct Label {
        /// Its name.
        #[prost(string, tag = "1")]
        pub name: String,
        /// Its value.
        #[prost(string, tag = "2")]
        pub value: String,
    }

    /// A sample.
    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Sample {
        /// The value.
        #[prost(double, tag = "1")]
        pub value: f64,
        /// Milliseconds since 1970.
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }
}

/// Version 2.0. <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/#protobuf-message>
pub mod v2 {
    use prost::Message;

    pub use super::v1::Sample;

    /// A write request: `io.prometheus.write.v2.Request`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        /// Every string once; the first one is empty.
        #[prost(string, repeated, tag = "4")]
        pub symbols: Vec<String>,
        /// The series with their samples.
        #[prost(message, repeated, tag = "5")]
        pub timeseries: Vec<TimeSeries>,
    }

    /// A series with its samples.
    #[derive(Clone, PartialEq, Message)]
    pub struct TimeSeries {
        /// Name and value of each label in the order of their names, as indexes of symbols.
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        /// The samples in the order of their timestamps.
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        /// What the series is.
        #[prost(message, optional, tag = "5")]
        pub metadata: Option<Metadata>,
    }

    /// What a series is.
    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Metadata {
        /// Its type: see [`GAUGE`].
        #[prost(int32, tag = "1")]
        pub r#type: i32,
        /// Its description, as the index of a symbol.
        #[prost(uint32, tag = "3")]
        pub help_ref: u32,
        /// Its unit, as the index of a symbol.
        #[prost(uint32, tag = "4")]
        pub unit_ref: u32,
    }

    /// `METRIC_TYPE_GAUGE`. The number of a day does not continue that of the day before, so all daily
    /// samples are gauges.
    pub const GAUGE: i32 = 2;
}
