use super::*;

fn error(text: &str, read: impl Fn(&mut Table) -> Result<()>) -> String {
    let mut table = match Table::parse("s.toml", text) {
        Ok(table) => table,
        Err(e) => return e.to_string(),
    };
    match read(&mut table).and_then(|()| table.finish()) {
        Ok(()) => "no error".to_owned(),
        Err(e) => e.to_string(),
    }
}

#[test]
fn unknown_keys_name_the_nearest() {
    let message = error("a = 1\nimag_px = 3\n", |t| {
        t.count("a", None, 0..=9)?;
        t.count("image_px", Some(4), 1..=9).map(drop)
    });
    assert_eq!(message, "s.toml:2:1: unknown key `imag_px` in the scenario; did you mean `image_px`?");
}

#[test]
fn whole_numbers_may_come_in_arrays() {
    let mut table = Table::parse("s.toml", "n = [4, 2]\n").unwrap();
    assert_eq!(table.counts("n", 1..=9).unwrap(), [4, 2]);
    assert!(table.counts("m", 1..=9).unwrap().is_empty());
    let counts = |t: &mut Table| t.counts("n", 1..=9).map(drop);
    assert_eq!(error("n = [4, 0]", counts), "s.toml:1:9: `n` is 0 but must be between 1 and 9");
    assert_eq!(
        error("n = [4, 0.5]", counts),
        "s.toml:1:9: `n` must hold whole numbers, and this is a number"
    );
    assert_eq!(error("n = 4", counts), "s.toml:1:5: `n` must be an array of whole numbers, not an integer");
}

#[test]
fn wrong_types_and_ranges_are_placed() {
    let number = |t: &mut Table| t.number("x", None, 0.0..=1.0).map(drop);
    assert_eq!(error("\n x = \"a\"", number), "s.toml:2:6: `x` must be a number, not a string");
    assert_eq!(error("x = 2", number), "s.toml:1:5: `x` is 2 but must be between 0 and 1");
    assert_eq!(error("x = nan", number), "s.toml:1:5: `x` must be a finite number, not nan");
    let positive = |t: &mut Table| t.number("x", None, 0.0..=f64::INFINITY).map(drop);
    assert_eq!(error("x = inf", positive), "s.toml:1:5: `x` must be a finite number, not inf");
    assert_eq!(error("", number), "s.toml:1:1: the scenario needs `x`");
    assert_eq!(error("x = ", number).split(": ").next(), Some("s.toml:1:5"));
    let count = |t: &mut Table| t.count("n", None, 1..=usize::MAX).map(drop);
    assert_eq!(error("n = 0", count), "s.toml:1:5: `n` is 0 but must be at least 1");
    assert_eq!(error("n = 1.5", count), "s.toml:1:5: `n` must be a whole number, not a number");
}

#[test]
fn distributions_are_checked_against_the_range() {
    let param = |t: &mut Table| t.param("x", None, 0.0..=1.0).map(drop);
    assert_eq!(error("x = { uniform = [0.2, 0.4], per = \"layer\", jitter = 0.1 }", param), "no error");
    assert_eq!(
        error("x = { uniform = [0.4, 0.2] }", param),
        "s.toml:1:17: `uniform = [low, high]` needs low <= high, not 0.4 > 0.2"
    );
    assert_eq!(
        error("x = { uniform = [0.4, 2.0] }", param),
        "s.toml:1:17: `x` is 2 but must be between 0 and 1"
    );
    assert_eq!(
        error("x = { unifrom = [0.4, 0.8] }", param),
        "s.toml:1:7: unknown key `unifrom` in [x]; did you mean `uniform`?"
    );
    assert_eq!(
        error("x = { log-uniform = [0, 1] }", param),
        "s.toml:1:21: `log-uniform` is 0 but must be greater than 0"
    );
    assert_eq!(
        error("x = { uniform = [0.2, 0.4], drift = inf }", param),
        "s.toml:1:37: `drift` must be a finite number, not inf"
    );
    assert_eq!(
        error("x = { normal = [0.2, inf] }", param),
        "s.toml:1:22: `normal` must be a finite number, not inf"
    );
    assert_eq!(
        error("x = { uniform = [0, 1], choice = [1] }", param),
        "s.toml:1:5: `x` needs exactly one of `value`, `uniform`, `normal`, `log-uniform`, `choice`"
    );
}

#[test]
fn canonical_text_forgets_layout_and_keeps_values() {
    let said = |text: &str| Table::parse("s.toml", text).map(|t| t.canonical(&|key| key != "x"));
    let plain = said("a = 1\n[b]\nc = [\"d\", 2.5]\n").unwrap();
    assert_eq!(plain, r#""a" = 1.0, "b" = {"c" = ["d", 2.5]}"#);
    assert_eq!(said("x = 3 # nothing\nb = { c = [ 'd', 2.50 ] }\na = 1.0").unwrap(), plain);
    assert_ne!(said("a = 2\n[b]\nc = [\"d\", 2.5]\n").unwrap(), plain);
}

#[test]
fn columns_count_characters_not_bytes() {
    let message = error("s = \"ä\"\nt = { \"ü\" = 1 }", |t| {
        t.string("s", None)?;
        t.table("t")?.finish()
    });
    assert!(message.starts_with("s.toml:2:7: unknown key `ü` in [t]"), "{message}");
}
