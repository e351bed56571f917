//! Networks on candle: layers, optimiser, initialisation, checkpoints. Every convolution goes through here.
