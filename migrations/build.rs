//! Makes cargo notice a new file in `sql/`: `sqlx::migrate!` by itself only notices changed ones.

#![allow(clippy::print_stdout)]

fn main() {
    println!("cargo:rerun-if-changed=sql");
}
