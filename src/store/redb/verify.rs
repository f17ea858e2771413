//! The whole-store check behind `check-db`: every page, every record, every chain, every index.
