//! Text as a scenario: read, or refused with a place.
#![no_main]

use std::path::Path;

use generators::params::Table;
use generators::scenario::Scenario;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let read = || {
        let mut table = Table::parse("fuzz.toml", text)?;
        Scenario::read(&mut table, Path::new(""))?;
        table.finish()
    };
    if let Err(error) = read() {
        // The message is made from the text: that has to work, too.
        error.to_string();
    }
});
