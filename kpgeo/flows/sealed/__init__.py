"""Evidence bundles: made of a workspace, and made again from the scenes."""
