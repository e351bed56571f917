//! Where copies of the parts lie on the bed, and their nominal slices as images.
