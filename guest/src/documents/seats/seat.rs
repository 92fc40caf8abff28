//! A seat, and the page around the seats.

use serde::Deserialize;

use crate::input::{Count, Id, Instant, Known, Name, Object, OwnedName};

/// A seat. A user has several if several organizations or teams grant one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Seat<'a> {
    pub assignee: Option<Object<Assignee>>,
    #[serde(borrow)]
    pub plan_type: Option<Name<'a>>,
    pub last_activity_at: Option<Instant>,
    #[serde(borrow)]
    pub last_activity_editor: Option<Name<'a>>,
    #[serde(borrow)]
    pub pending_cancellation_date: Option<Name<'a>>,
    #[serde(borrow)]
    pub assigning_team: Option<Object<Team<'a>>>,
    #[serde(rename = "created_at")]
    _created_at: Known,
    #[serde(rename = "updated_at")]
    _updated_at: Known,
    #[serde(rename = "last_authenticated_at")]
    _last_authenticated_at: Known,
    #[serde(rename = "organization")]
    _organization: Known,
}

/// The user who has the seat; null for a seat that no one has taken yet.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Assignee {
    pub id: Option<Id>,
    pub login: Option<OwnedName>,
}

/// The team through which the seat was granted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Team<'a> {
    pub id: Option<Id>,
    #[serde(borrow)]
    pub slug: Option<Name<'a>>,
    #[serde(borrow)]
    pub name: Option<Name<'a>>,
}

/// GitHub's general user, team and organization objects: new fields in them are not about Copilot.
pub const FOREIGN: &[&str] = &["assignee.", "assigning_team.", "organization."];

/// A page without its seats.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SeatsPage {
    pub total_seats: Option<Count>,
    #[serde(rename = "seats")]
    _seats: Known,
}
