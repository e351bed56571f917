//! From temperatures to the grey image: blur, invert and scale, quantise (Zeiser et al. 2023, Fig. 3).
