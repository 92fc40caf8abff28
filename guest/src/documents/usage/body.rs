//! The body of a usage report.

use serde::Deserialize;
use serde::de::SeqAccess;

use crate::input::{Amount, Count, Field, FromJson, Id, Known, Object, OwnedName, or_unknown};

/// `GET /organizations/{org}/settings/billing/ai_credit/usage` and its siblings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Body {
    pub time_period: Field<Object<TimePeriod>>,
    pub usage_items: Field<Items>,
    pub cost_center: Field<Object<CostCenter>>,
    #[serde(rename = "organization")]
    _organization: Known,
    #[serde(rename = "enterprise")]
    _enterprise: Known,
    #[serde(rename = "product")]
    _product: Known,
    #[serde(rename = "model")]
    _model: Known,
    #[serde(rename = "user")]
    _user: Known,
}

/// What the usage is of: a month, or a day of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TimePeriod {
    pub year: Field<Count>,
    pub month: Field<Count>,
    pub day: Field<Count>,
}

/// The cost center that the usage is limited to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CostCenter {
    id: Field<Id>,
    name: Field<OwnedName>,
}

impl CostCenter {
    /// The id and the name: `none` for usage without a cost center.
    pub fn labels(&self) -> (String, String) {
        let id = self.id.get().map_or_else(|| "none".to_owned(), Id::to_string);
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let name = name.map_or_else(|| id.clone(), str::to_owned);
        (id, name)
    }
}

/// The items of the bill.
#[derive(Debug, Default)]
pub struct Items {
    /// Those that are objects.
    pub list: Vec<Item>,
    /// Whether something else was among them. It is counted as unmapped.
    pub has_lost: bool,
}

impl<'de> FromJson<'de> for Items {
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut items = Self::default();
        while let Some(item) = array.next_element::<Field<Object<Item>>>()? {
            match item.into_option() {
                Some(item) if item.says_something() => items.list.push(item.0),
                _ => items.has_lost = true,
            }
        }
        Ok(Some(items))
    }
}

/// An item: the usage of one model for one product and SKU.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Item {
    product: Field<OwnedName>,
    sku: Field<OwnedName>,
    model: Field<OwnedName>,
    unit_type: Field<OwnedName>,
    pub price_per_unit: Field<Amount>,
    gross_quantity: Field<Amount>,
    discount_quantity: Field<Amount>,
    net_quantity: Field<Amount>,
    gross_amount: Field<Amount>,
    discount_amount: Field<Amount>,
    net_amount: Field<Amount>,
}

impl Item {
    /// Whether it has any number.
    fn says_something(&self) -> bool {
        self.quantities().into_iter().chain(self.amounts()).any(|value| value.is_some())
            || self.price_per_unit.get().is_some()
    }

    /// The labels `product`, `sku` and `model`. An item may have no model.
    pub fn labels(&self) -> [&str; 3] {
        [
            or_unknown(self.product.as_deref()),
            or_unknown(self.sku.as_deref()),
            self.model.as_deref().unwrap_or_default(),
        ]
    }

    /// The unit as GitHub names it, or [`CREDITS`] for all of its names of credits.
    pub fn unit(&self) -> &str {
        credits_or(or_unknown(self.unit_type.as_deref()))
    }

    /// The gross, discount and net quantities.
    pub fn quantities(&self) -> [Option<f64>; 3] {
        [&self.gross_quantity, &self.discount_quantity, &self.net_quantity].map(number)
    }

    /// The gross, discount and net amounts, in US dollars.
    pub fn amounts(&self) -> [Option<f64>; 3] {
        [&self.gross_amount, &self.discount_amount, &self.net_amount].map(number)
    }
}

/// The unit of AI credits.
pub const CREDITS: &str = "credits";

/// A unit, with [`CREDITS`] for all names of credits: GitHub's documentation says `credits`, its answers also
/// `ai-credits`.
pub fn credits_or(unit: &str) -> &str {
    let names = ["credits", "credit", "ai-credits", "ai_credits", "ai credits"];
    let is_credits = names.iter().any(|name| name.eq_ignore_ascii_case(unit));
    if is_credits { CREDITS } else { unit }
}

/// The value of a field, if any.
pub fn number(field: &Field<Amount>) -> Option<f64> {
    field.get().map(|amount| amount.0)
}
