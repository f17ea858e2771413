//! Broken documents and what is said about them.
