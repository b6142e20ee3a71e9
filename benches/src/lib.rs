//! The benchmarks stand in `benches/`, their method in `README.md`. Cargo wants a package to have a library or a
//! program, so this one is here, and empty.
