#[test]
fn time() {
    use generators::{
        layer::Frame,
        params::{Draws, Table},
        registry,
        stream::Stream,
        textures,
    };
    for kind in textures::KINDS {
        let t = std::time::Instant::now();
        let table = Table::parse("x", &format!("kind = \"{}\"\n{}", kind.name, kind.example)).unwrap();
        let (_, texture) = registry::build(textures::KINDS, table).unwrap();
        let built = t.elapsed();
        let frame = Frame { size_px: 64, px_per_mm: 0.64 };
        let s = Stream::root(1);
        let t = std::time::Instant::now();
        for i in 0..20 {
            let _ = texture.paint(&frame, i, &mut Draws::new(&s, &s.item("l", i)));
        }
        println!("{} build {built:?} paint {:?}", kind.name, t.elapsed() / 20);
    }
}
