//! The usage reports: what GitHub has offered since it closed the old metrics API.
//!
//! An entity report ([`entity`]) has one row a day for the whole organization or enterprise.
//! A users report ([`users`]) has one row for each user and day, and becomes totals, team
//! families (joined with the user-teams report, [`teams`]) and, when asked for, families with
//! a `user` label. The parts of rows: [`activity`], [`clients`], [`pull_requests`], [`adoption`].

pub mod activity;
pub mod adoption;
pub mod clients;
pub mod entity;
pub mod entity_row;
pub mod fields;
pub mod people;
pub mod pull_requests;
pub mod teams;
pub mod users;
