//! The audit trail: what is in it, that nobody changes it unseen, and what can be taken out of it.

mod attacks;
mod evidence;
mod facts;
mod file;
mod key;
#[cfg(feature = "fault-injection")]
mod lives;
mod oversight;
mod sound;
mod webhook;
