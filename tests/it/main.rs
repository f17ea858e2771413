//! Every test that goes through the public surface: one binary, a module per area.

mod expr;
