"""What the kernels of the belief filter share: states, and the rows of the block of pixels they work on.

Pixels go through in blocks of `BLOCK` lanes. What is needed of a block lies in one small array, row after row, at
offsets known when compiled, so that every inner loop becomes vector instructions.

Numba notices changes to the file of a function that it caches, not to this one: after a change of a constant here, or
in `weigh` or `lanes`, compiled code has to be thrown away by hand (`__pycache__/*.nb?`).
"""

STABLE, DUG, POND, REGROWTH = 0, 4, 5, 6
N_STATES = 7
VEILED = N_STATES  # in place of a state: a look through thin cloud or shadow, which any state may give
N_KINS = 3
BLOCK = 128
MIN_LIKE = 1e-30

# First rows of: the look and its variance (a band each); whether seen; tempering; the density of one template and the
# share it asks for; the mass of mined templates and their mean share; scratch.
LOOK, VAR, SEEN, TEMPER, LIKE, SHARE, MINED, MINED_FRAC, TOP, LEAST = 0, 4, 8, 9, 10, 11, 12, 13, 14, 15
# The seasons expected (shift, band); belief and likelihood (state); densities (kin, state); density of veils.
FITTED, BELIEF, LIKES, KINS = 16, 36, 43, 50
VEIL = KINS + N_KINS * N_STATES
N_ROWS = VEIL + 1
