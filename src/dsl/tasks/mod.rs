//! Tasks: the list, what every task has, and one file for each kind.

mod agent;
mod call;
mod checkpoint;
mod custom_function;
mod emit;
mod evaluate;
mod for_each;
mod fork;
mod http;
mod kind;
mod list;
mod listen;
mod raise;
mod run;
mod set;
mod switch;
mod task;
mod try_catch;
mod webhook;
mod write_files;

pub(super) use list::{alone, list};
