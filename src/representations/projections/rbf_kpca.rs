//! Kernel PCA with a radial basis function kernel.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;

use super::{Projected, Projection};
use crate::representations::kernel_pca::{Gamma, Kernel, KernelPca};
use crate::representations::{Components, Matrix, RepresentationError};

/// Principal components of what a radial basis function kernel makes of the rows.
pub(super) const KIND: Kind<dyn Projection> = Kind {
    name: "rbf-kpca",
    summary: "principal components in the space of a radial kernel: what is near to what",
    source: "Schölkopf, Smola and Müller 1998, doi:10.1162/089976698300017467",
    example: "scale = \"variance\"\ncomponents = 2",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Projection>, Box<ScenarioError>> {
    let kernel = Kernel::Rbf { gamma: Gamma::read(table)? };
    Ok(Box::new(RbfKpca { kernel, components: Components::read(table)? }))
}

struct RbfKpca {
    kernel: Kernel,
    components: Components,
}

impl Projection for RbfKpca {
    fn fit(&self, rows: Matrix, stream: &Stream) -> Result<Box<dyn Projected>, RepresentationError> {
        Ok(Box::new(KernelPca::fit(rows, self.kernel, self.components, stream)?))
    }

    fn components(&self) -> Components {
        self.components
    }
}
