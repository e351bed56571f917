//! Kernel PCA with a polynomial kernel.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;

use super::{Projected, Projection};
use crate::representations::kernel_pca::{Gamma, Kernel, KernelPca};
use crate::representations::{Components, Matrix, RepresentationError};

/// Principal components of what a polynomial kernel makes of the rows.
pub(super) const KIND: Kind<dyn Projection> = Kind {
    name: "poly-kpca",
    summary: "principal components in the space of a polynomial kernel: products of columns",
    source: "Schölkopf, Smola and Müller 1998, doi:10.1162/089976698300017467",
    example: "degree = 3\ngamma = 0.01\noffset = 1.0\ncomponents = 2",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Projection>, Box<ScenarioError>> {
    let degree = table.count("degree", Some(3), 1..=20)? as i32;
    let offset = table.number("offset", Some(1.0), 0.0..=1e6)?;
    let kernel = Kernel::Polynomial { degree, gamma: Gamma::read(table)?, offset };
    Ok(Box::new(PolyKpca { kernel, components: Components::read(table)? }))
}

struct PolyKpca {
    kernel: Kernel,
    components: Components,
}

impl Projection for PolyKpca {
    fn fit(&self, rows: Matrix, stream: &Stream) -> Result<Box<dyn Projected>, RepresentationError> {
        Ok(Box::new(KernelPca::fit(rows, self.kernel, self.components, stream)?))
    }

    fn components(&self) -> Components {
        self.components
    }
}
