//! All tests in one binary: a module for each area, each through the public surface.

mod calls;
mod egress;
