//! Heat that stays from layer to layer.
