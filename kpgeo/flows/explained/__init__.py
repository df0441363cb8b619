"""Why a pixel is believed to be what it is, and what labelled ground teaches."""
