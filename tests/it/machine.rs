//! The pure core, driven without disk, network or clock: scenarios as data, a golden matrix of
//! states and wishes, and random walks.

mod board;
mod limits;
mod matrix;
mod older_records;
mod people;
mod people_content;
mod people_time;
mod scenario;
mod state_machine_page;
mod votes;
mod walk;
mod world;
