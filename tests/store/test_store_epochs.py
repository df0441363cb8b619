"""Epochs: which baseline holds for which dekad."""

import numpy as np
import pytest

from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.grid import Grid

SMALL = Grid(epsg=32630, left_m=0.0, top_m=100.0, width=10, height=7, tile_px=8)


def test_an_epoch_holds_from_its_dekad_on(store, write_run, make_baseline):
    write_run(store, 2000, 2002)
    tiles = list(store.grid.tiles())
    with store.begin(2003, 2008, refit_dekads=(2004, 2008)) as writer:
        region = writer.region()
        for tile in tiles:
            assert region.read_baseline(tile).equals(make_baseline(tile, 7))
            for epoch in (1, 2):
                region.write_baseline(tile, make_baseline(tile, 7 + epoch), epoch)
                assert region.read_baseline(tile, epoch).equals(make_baseline(tile, 7 + epoch))
        writer.merge([region])
        writer.commit({}, applied={})
    head = store.head()
    assert [head.epoch_of(dekad) for dekad in (2000, 2003, 2004, 2007, 2008)] == [0, 0, 1, 1, 2]
    tile = tiles[-1]
    for dekad, seed in ((2000, 7), (2003, 7), (2004, 8), (2007, 8), (2008, 9), (None, 9)):
        assert store.read_baseline(tile, dekad).equals(make_baseline(tile, seed))
        layer = store.read_layer("sigma_radar", dekad)
        np.testing.assert_array_equal(layer[(..., *tile.window)], make_baseline(tile, seed).sigma_radar)
    pixel = store.read_pixel(tile.y0, tile.x0)
    assert pixel.refit_dekads == (2004, 2008)
    expected = np.stack([make_baseline(tile, seed).beta_radar[..., 0, 0] for seed in (7, 8, 9)])
    np.testing.assert_array_equal(pixel.static["beta_radar"], expected)
    write_run(store, 2005, 2009)
    assert store.head().refit_dekads == (2004, 2008), "a run that names no epochs keeps those there are"


@pytest.mark.parametrize(
    ("refits", "says"),
    [
        ((2002,), "moved"),
        ((), "moved"),
        ((2001, 2001), "one after another"),
        ((2001, 2006), "within"),
        ((2000, 2001), "moved"),
    ],
)
def test_epochs_that_do_not_follow_from_the_state_are_refused(store, write_run, refits, says):
    with store.begin(2000, 2002, refit_dekads=(2001,)) as writer:
        writer.commit({}, applied={})
    with pytest.raises(BadInputError, match=says):
        store.begin(2003, 2005, refit_dekads=refits)
    write_run(store, 2003, 2003)


def test_an_epoch_that_a_tile_was_never_given_is_said(store, write_run):
    write_run(store, 2000, 2000)
    with store.begin(2001, 2001, refit_dekads=(2001,)) as writer:
        writer.commit({}, applied={})
    tile = next(store.grid.tiles())
    with pytest.raises(IntegrityError, match="no baseline of epoch 1"):
        store.read_baseline(tile)
    assert store.read_baseline(tile, 2000) is not None


def test_digest_moves_with_an_epoch_but_not_before_it(workspace, make_baseline, make_state):
    def digests_of(name, seed, refit_dekads):
        store = workspace.state("a", name, SMALL)
        with store.begin(5, 7, refit_dekads=refit_dekads) as writer:
            region = writer.region()
            for tile in SMALL.tiles():
                for epoch, own in enumerate((1, seed)[: len(refit_dekads) + 1]):
                    region.write_baseline(tile, make_baseline(tile, own), epoch)
                for dekad in (5, 6, 7):
                    region.write_state(tile, dekad, make_state(tile, dekad))
            writer.merge([region])
            writer.commit({}, applied={})
        return store.digest(), store.digest(5, 6)

    base = digests_of("base", 2, (7,))
    assert digests_of("same", 2, (7,)) == base
    other = digests_of("other", 3, (7,))
    assert other[0] != base[0]
    assert other[1] == base[1]
    assert digests_of("earlier", 2, (6,))[1] != base[1]
    assert digests_of("none", 2, ())[1] == base[1]
