//! The sums of the items of a bill.

use std::collections::BTreeMap;

use super::body::{CREDITS, Item, number};

/// Gross, discount and net.
pub type Parts = [Option<f64>; 3];
/// Product, SKU and model.
pub type Labels = [String; 3];

/// The items with the same labels added up. They are sums of what GitHub says: net is not computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// In US dollars.
    pub dollars: BTreeMap<Labels, Parts>,
    /// In AI credits.
    pub credits: BTreeMap<Labels, Parts>,
    /// In other units, which are the second part of the key.
    pub others: BTreeMap<(Labels, String), Parts>,
    /// The price of a unit in US dollars.
    pub prices: BTreeMap<(Labels, String), Price>,
}

/// A price, with the gross quantity that it was paid for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    quantity: f64,
    pub dollars: f64,
}

impl Sums {
    /// Adds up items.
    pub fn of(items: &[Item]) -> Self {
        let mut sums = Self::default();
        for item in items {
            let labels = item.labels().map(str::to_owned);
            let unit = item.unit();
            let quantities = item.quantities();
            add(sums.dollars.entry(labels.clone()).or_default(), item.amounts());
            if unit == CREDITS {
                add(sums.credits.entry(labels.clone()).or_default(), quantities);
            } else {
                let key = (labels.clone(), unit.to_owned());
                add(sums.others.entry(key).or_default(), quantities);
            }
            if let Some(dollars) = number(&item.price_per_unit) {
                let price = Price { quantity: quantities[0].unwrap_or_default(), dollars };
                let kept = sums.prices.entry((labels, unit.to_owned())).or_insert(price);
                // If items differ, the price of the largest one counts, in whatever order they come.
                if (price.quantity, price.dollars) > (kept.quantity, kept.dollars) {
                    *kept = price;
                }
            }
        }
        sums
    }

    /// Adds other items. Those with the same labels are replaced.
    pub fn replace(&mut self, other: &Self) {
        self.dollars.extend(other.dollars.clone());
        self.credits.extend(other.credits.clone());
        self.others.extend(other.others.clone());
        self.prices.extend(other.prices.clone());
    }

    /// The net amount of all items, in US dollars, if any item has one.
    pub fn net_dollars(&self) -> Option<f64> {
        self.dollars.values().filter_map(|[_, _, net]| *net).reduce(|sum, net| sum + net)
    }

    /// The gross amount of all items, in US dollars: of two versions, the one with more is kept.
    pub fn size(&self) -> f64 {
        self.dollars.values().filter_map(|[gross, _, _]| *gross).sum()
    }
}

/// Adds the values that are available: a sum of none is not zero.
pub fn add(sums: &mut Parts, values: Parts) {
    for (sum, value) in sums.iter_mut().zip(values) {
        if let Some(value) = value {
            // Sums of finite numbers of this size stay finite; the addition turns -0 into 0.
            *sum = Some(sum.unwrap_or_default() + value);
        }
    }
}
