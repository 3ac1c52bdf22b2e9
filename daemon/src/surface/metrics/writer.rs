//! How families of metrics are written, in either format.

use std::fmt;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;

use super::Format;

/// Writes one family after the other.
#[derive(Debug)]
pub(super) struct Families<'a> {
    pub(super) encoder: DescriptorEncoder<'a>,
    format: Format,
}

impl<'a> Families<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>, format: Format) -> Self {
        Self { encoder, format }
    }

    pub(super) fn gauge<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut family = self
            .encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// A gauge without labels.
    pub(super) fn single(
        &mut self,
        name: &str,
        help: &str,
        value: Option<impl EncodeGaugeValue>,
    ) -> fmt::Result {
        let gauge = MetricType::Gauge;
        let mut family = self.encoder.encode_descriptor(name, help, None, gauge)?;
        value.map_or(Ok(()), |value| family.encode_gauge(&value))
    }

    /// A counter, by its name without `_total`.
    pub(super) fn counter<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let counter = MetricType::Counter;
        match self.format {
            Format::OpenMetrics => {
                let mut family = self.encoder.encode_descriptor(name, help, None, counter)?;
                for (labels, value) in samples {
                    let mut metric = family.encode_family(&labels)?;
                    metric.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
                }
            }
            // There the whole family has the ending, which a sample of a gauge does not get by itself.
            Format::Text => {
                let name = format!("{name}_total");
                let mut family = self.encoder.encode_descriptor(&name, help, None, counter)?;
                for (labels, value) in samples {
                    family.encode_family(&labels)?.encode_gauge(&value)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn counter_of_seconds(
        &mut self,
        name: &str,
        help: &str,
        value: Option<f64>,
    ) -> fmt::Result {
        let counter = MetricType::Counter;
        match self.format {
            Format::OpenMetrics => {
                let mut family = self.encoder.encode_descriptor(name, help, None, counter)?;
                value.map_or(Ok(()), |value| {
                    family.encode_counter::<NoLabelSet, _, u64>(&value, None)
                })
            }
            Format::Text => {
                let name = format!("{name}_total");
                let mut family = self.encoder.encode_descriptor(&name, help, None, counter)?;
                value.map_or(Ok(()), |value| family.encode_gauge(&value))
            }
        }
    }

    pub(super) fn histogram<'s, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, Histogram<'s>)>,
    ) -> fmt::Result {
        let kind = MetricType::Histogram;
        let mut family = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (labels, sample) in samples {
            encode_histogram(&mut family.encode_family(&labels)?, sample)?;
        }
        Ok(())
    }
}

/// The sum, the upper bounds, and how many there are below each and above the one before.
pub(super) type Histogram<'a> = (f64, &'a [f64], &'a [u64]);

pub(super) fn encode_histogram(
    metric: &mut MetricEncoder<'_>,
    (sum, bounds, counts): Histogram<'_>,
) -> fmt::Result {
    let buckets: Vec<_> = bounds.iter().copied().zip(counts.iter().copied()).collect();
    metric.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
}
