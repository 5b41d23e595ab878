//! `migrate`
