//! `[[detector]]`: what looks for anomalies.

use generators::params::{ScenarioError, Table};

use super::{Named, named_list_of};
use crate::detectors::{self, Detector};

/// Reads the detectors, in order.
///
/// # Errors
/// A mistake in an entry; networks of another detector where none of that name and kind stands before.
pub fn read(table: &mut Table) -> Result<Vec<Named<dyn Detector>>, Box<ScenarioError>> {
    named_list_of(table, "detector", |entry, earlier: &[Named<dyn Detector>]| {
        let mut asked = entry.clone();
        let (kind, item) = detectors::build(entry)?;
        if let Some(base) = item.base() {
            let known = earlier.iter().filter(|other| other.kind == base.kind);
            let known: Vec<&str> = known.map(|other| other.name.as_str()).collect();
            if known.is_empty() {
                return Err(asked.place_of(base.key).error(format!(
                    "{kind} needs the networks of a detector of kind {}, and none stands before it",
                    base.kind
                )));
            }
            let default = known.iter().position(|name| *name == base.name);
            let chosen = known[asked.choice(base.key, default, &known)?];
            let other = earlier.iter().find(|other| other.name == chosen);
            if other.is_some_and(|other| other.item.image_px() != item.image_px()) {
                let place = asked.place_of("image_px");
                return Err(place.error(format!(
                    "`image_px` of {kind} has to be that of {chosen}, whose networks it uses"
                )));
            }
        }
        Ok((kind, item))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Named<dyn Detector>>, String> {
        super::read(&mut Table::parse("s.toml", text).unwrap()).map_err(|e| e.to_string())
    }

    const GAN: &str = "[[detector]]\nkind = \"f-anogan\"\nname = \"gan-a\"\n";

    #[test]
    fn networks_of_another_have_to_stand_before() {
        let searching = |gan: &str| format!("[[detector]]\nkind = \"anogan\"\n{gan}\n");
        let text = format!("{GAN}{}", searching("gan = \"gan-a\""));
        assert_eq!(read(&text).unwrap()[1].item.base().unwrap().name, "gan-a");
        assert_eq!(
            read(&format!("{GAN}{}", searching("gan = \"gan-b\""))).err().unwrap(),
            "s.toml:6:7: `gan` cannot be `gan-b`; choose from `gan-a`; did you mean `gan-a`?"
        );
        let text = format!("{GAN}{}", searching("gan = \"gan-a\"\nimage_px = 32"));
        assert_eq!(
            read(&text).err().unwrap(),
            "s.toml:7:12: `image_px` of anogan has to be that of gan-a, whose networks it uses"
        );
        // One that comes later, and one of another kind.
        let none = "anogan needs the networks of a detector of kind f-anogan, and none stands before it";
        let text = format!("{}{GAN}", searching("gan = \"gan-a\""));
        assert_eq!(read(&text).err().unwrap(), format!("s.toml:3:7: {none}"));
        let text = format!("[[detector]]\nkind = \"vae\"\n{}", searching("gan = \"vae\""));
        assert_eq!(read(&text).err().unwrap(), format!("s.toml:5:7: {none}"));
        assert_eq!(read(&searching("")).err().unwrap(), format!("s.toml:1:1: {none}"));
    }
}
