//! Stating parts of a scenario otherwise; errors still point at the scenario's own lines.

use super::{Table, Value};

impl Table {
    /// States a number at `key`, whatever stands there.
    pub fn set_number(&mut self, key: &str, number: f64) {
        self.set(key, Value::Float(number));
    }

    /// States a whole number at `key`, whatever stands there.
    pub fn set_integer(&mut self, key: &str, number: i64) {
        self.set(key, Value::Integer(number));
    }

    /// Leaves `key` out.
    pub fn remove(&mut self, key: &str) {
        self.entries.remove(key);
    }

    /// States at `key` what `other` states there; nothing where it does not.
    pub fn set_from(&mut self, key: &str, other: &Self) {
        match other.entries.get(key) {
            Some(entry) => drop(self.entries.insert(key.to_owned(), entry.clone())),
            None => self.remove(key),
        }
    }

    /// Edits the table at `key`, an empty one where there is none.
    pub fn edit_table(&mut self, key: &str, edit: impl FnOnce(&mut Self)) {
        if !self.has(key) {
            self.set(key, Value::Table(self.empty(key)));
        }
        if let Some((_, Value::Table(table), _)) = self.entries.get_mut(key) {
            edit(table);
        }
    }

    fn set(&mut self, key: &str, value: Value) {
        let absent = || (self.place.clone(), self.place.clone());
        let (name, place) = match self.entries.get(key) {
            Some((name, _, place)) => (name.clone(), place.clone()),
            None => absent(),
        };
        self.entries.insert(key.to_owned(), (name, value, place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stated_otherwise_keeps_the_place_of_what_it_replaces() {
        let mut table = Table::parse("s.toml", "a = 1\nb = \"x\"\n[t]\nc = 2\n").unwrap();
        table.set_number("a", 9.5);
        table.remove("b");
        table.edit_table("t", |t| t.set_integer("d", 7));
        table.edit_table("new", |t| t.set_integer("e", 8));
        assert_eq!(
            table.canonical(&|_| true),
            r#""a" = 9.5, "new" = {"e" = 8.0}, "t" = {"c" = 2.0, "d" = 7.0}"#
        );
        let error = table.number("a", None, 0.0..=1.0).unwrap_err();
        assert_eq!(error.to_string(), "s.toml:1:5: `a` is 9.5 but must be between 0 and 1");
        let other = Table::parse("o.toml", "a = 3").unwrap();
        table.set_from("a", &other);
        table.set_from("t", &other);
        assert_eq!(table.canonical(&|_| true), r#""a" = 3.0, "new" = {"e" = 8.0}"#);
    }
}
