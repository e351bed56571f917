//! One print job, layer after layer.
