//! Triangle meshes in, closed contours out.
