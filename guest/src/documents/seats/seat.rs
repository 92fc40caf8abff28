//! A seat, and the page around the seats.

use serde::Deserialize;

use crate::input::{Count, Field, Id, Instant, Known, Name, Object, OwnedName};

/// A seat. A user has several if several organizations or teams grant one.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Seat<'a> {
    pub assignee: Field<Object<Assignee>>,
    #[serde(borrow)]
    pub plan_type: Field<Name<'a>>,
    pub last_activity_at: Field<Instant>,
    #[serde(borrow)]
    pub last_activity_editor: Field<Name<'a>>,
    #[serde(borrow)]
    pub pending_cancellation_date: Field<Name<'a>>,
    #[serde(borrow)]
    pub assigning_team: Field<Object<Team<'a>>>,
    pub organization: Field<Object<Organization>>,
    #[serde(borrow)]
    pub created_at: Field<Name<'a>>,
    #[serde(rename = "updated_at")]
    _updated_at: Known,
    #[serde(rename = "last_authenticated_at")]
    _last_authenticated_at: Known,
}

/// Who has the seat; null for a seat that no one has taken yet.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Assignee {
    pub id: Field<Id>,
    pub login: Field<OwnedName>,
    /// `User`, `Team` or `Organization`: ids are unique only within a type.
    #[serde(rename = "type")]
    pub kind: Field<OwnedName>,
}

/// The team through which the seat was granted.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Team<'a> {
    pub id: Field<Id>,
    #[serde(borrow)]
    pub slug: Field<Name<'a>>,
    #[serde(borrow)]
    pub name: Field<Name<'a>>,
}

/// The organization that grants the seat.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Organization {
    pub id: Field<Id>,
}

/// GitHub's general user, team and organization objects: new fields in them are not about Copilot.
pub const FOREIGN: &[&str] = &["assignee.", "assigning_team.", "organization."];

/// A page without its seats.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SeatsPage {
    pub total_seats: Field<Count>,
    /// Left empty.
    pub seats: Field<Vec<Object<Known>>>,
}

impl Seat<'_> {
    /// Whether the row has none of the fields of a seat. Even a seat that no one has taken has some.
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the last activity is later than this, in seconds since 1970-01-01T00:00:00Z.
    pub fn is_used_after(&self, latest: i64) -> bool {
        self.last_activity_at.get().is_some_and(|Instant(at)| *at > latest)
    }

    /// The id of the organization that grants the seat.
    pub fn organization_id(&self) -> Option<&Id> {
        self.organization.get().and_then(|organization| organization.id.get())
    }

    /// What tells the grant of this seat apart from all others: to whom, by whom, and when.
    pub fn grant(&self) -> String {
        let assignee = self.assignee.get();
        let team = self.assigning_team.get().map(|team| (&team.id, &team.slug));
        let created_at = self.created_at.as_deref();
        format!("{assignee:?} {team:?} {:?} {created_at:?}", self.organization_id())
    }
}
