//! The messages of the protocol. Strings are declared as bytes, which are encoded alike: the text of a label
//! is shared by all series that have it.

/// Version 1.0. <https://prometheus.io/docs/specs/prw/remote_write_spec/#protocol>
pub mod v1 {
    use bytes::Bytes;
    use prost::Message;

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
        /// Its name, in UTF-8.
        #[prost(bytes = "bytes", tag = "1")]
        pub name: Bytes,
        /// Its value, in UTF-8.
        #[prost(bytes = "bytes", tag = "2")]
        pub value: Bytes,
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
    use bytes::Bytes;
    use prost::Message;

    pub use super::v1::Sample;

    /// A write request: `io.prometheus.write.v2.Request`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        /// Every string once, in UTF-8; the first one is empty.
        #[prost(bytes = "bytes", repeated, tag = "4")]
        pub symbols: Vec<Bytes>,
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
