"""The pixel state: what was written is read back bit for bit, whatever runs wrote it."""

import dataclasses
import datetime as dt
import pickle
from pathlib import Path

import icechunk
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpgeo.model.errors import BadInputError, BusyError, IntegrityError
from kpgeo.model.grid import Grid
from kpgeo.model.state import DYNAMIC_LAYERS, NO_AGE, STATIC_LAYERS, TileBaseline, TileState, decode_belief
from kpgeo.store import StateHead, StateStore, Workspace

SMALL = Grid(epsg=32630, left_m=0.0, top_m=100.0, width=10, height=7, tile_px=8)


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_round_trip_is_bit_exact(store, write_run, make_state, make_baseline):
    write_run(store, 2000, 2002)
    for tile in store.grid.tiles():
        assert store.read_baseline(tile).equals(make_baseline(tile, 7))
        for dekad in (2000, 2001, 2002):
            state = store.read_state(tile, dekad)
            assert state.equals(make_state(tile, dekad))
            assert all(array.dtype == DYNAMIC_LAYERS[name].dtype for name, array in state.items())


def test_before_the_first_commit_nothing_is_there_and_reading_makes_nothing(store):
    assert store.head() == StateHead()
    assert store.snapshots() == []
    assert not store.folder.exists()
    with pytest.raises(BadInputError, match="no state yet"):
        store.read_layer("belief", 2000)


def test_head_says_what_was_committed(store, write_run):
    snapshot = write_run(store, 2000, 2001)
    assert store.head() == StateHead(
        snapshot_id=snapshot,
        is_fitted=True,
        first_dekad=2000,
        last_dekad=2001,
        applied={2000: ("scene-2000-0",), 2001: ("scene-2001-0",)},
        baseline_scenes=("scene-a", "scene-b"),
        aoi_version="v1",
    )
    (only,) = store.snapshots()
    assert only.id == snapshot
    assert only.metadata["run"] == "run-0"
    assert (only.metadata["first_dekad"], only.metadata["last_dekad"]) == (2000, 2001)


def test_a_baseline_alone_can_be_committed(store, make_baseline):
    tiles = list(store.grid.tiles())
    with store.begin(2000, 1999) as writer:
        regions = [writer.region() for _ in tiles]
        for tile, region in zip(tiles, regions, strict=True):
            region.write_baseline(tile, make_baseline(tile, 1))
        writer.merge(regions)
        writer.commit({}, applied={}, baseline_scenes=("a",))
    head = store.head()
    assert (head.first_dekad, head.last_dekad, head.n_dekads, head.is_fitted) == (2000, 1999, 0, True)
    assert store.read_baseline(tiles[-1]).equals(make_baseline(tiles[-1], 1))
    with pytest.raises(BadInputError, match="does not hold"):
        store.has_state(tiles[0], 2000)


def test_the_dekad_axis_grows_and_earlier_dekads_stay(store, write_run, make_state):
    write_run(store, 2000, 2001)
    write_run(store, 2002, 2004, 1)
    tile = next(store.grid.tiles())
    assert store.read_state(tile, 2001).equals(make_state(tile, 2001))
    assert store.read_state(tile, 2004).equals(make_state(tile, 3004))
    assert sorted(store.head().applied) == [2000, 2001, 2002, 2003, 2004]


def test_a_rewound_run_replaces_its_dekads_and_the_past_can_still_be_read(store, write_run, make_state):
    before = write_run(store, 2000, 2003)
    write_run(store, 2002, 2003, 1)
    tile = next(store.grid.tiles())
    assert store.read_state(tile, 2001).equals(make_state(tile, 2001))
    assert store.read_state(tile, 2002).equals(make_state(tile, 3002))
    assert store.at(before).read_state(tile, 2002).equals(make_state(tile, 2002))
    assert store.head().applied[2001] == ("scene-2001-0",)
    assert store.head().applied[2002] == ("scene-2002-1",)
    assert store.at(before).head().applied[2002] == ("scene-2002-0",)
    assert [one.id for one in store.snapshots()] == [before, store.head().snapshot_id]


def test_scenes_of_a_rewound_dekad_without_scenes_are_forgotten(store, write_run):
    write_run(store, 2000, 2001)
    with store.begin(2001, 2001) as writer:
        writer.commit({}, applied={})
    assert store.head().applied == {2000: ("scene-2000-0",)}


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [(1999, 2003, "does not join"), (2004, 2004, "does not join"), (2001, 2001, "would leave"), (2003, 2001, "leave")],
)
def test_a_range_that_leaves_a_hole_or_stale_dekads_is_refused(store, write_run, first, last, says):
    write_run(store, 2000, 2002)
    with pytest.raises(BadInputError, match=says):
        store.begin(first, last)
    write_run(store, 2003, 2003)


def test_scenes_of_a_dekad_that_is_not_of_the_run_are_refused(store):
    with store.begin(2000, 2001) as writer, pytest.raises(BadInputError, match="not of this run"):
        writer.commit({}, applied={2002: ("scene",)})


def test_a_layer_is_put_together_from_its_tiles(store, write_run, make_state, make_baseline):
    write_run(store, 2000, 2000)
    belief = store.read_layer("belief", 2000)
    beta = store.read_layer("beta_optical")
    assert belief.shape == (7, 100, 150)
    for tile in store.grid.tiles():
        np.testing.assert_array_equal(belief[(..., *tile.window)], make_state(tile, 2000).belief)
        np.testing.assert_array_equal(beta[(..., *tile.window)], make_baseline(tile, 7).beta_optical)
    with pytest.raises(BadInputError, match="not a layer"):
        store.read_layer("colour", 2000)
    with pytest.raises(BadInputError, match="does not hold"):
        store.read_layer("belief", 2001)


def test_a_pixel_tells_its_whole_history(store, write_run, make_state, make_baseline):
    write_run(store, 2000, 2002)
    tile = list(store.grid.tiles())[-1]
    history = store.read_pixel(tile.y0 + 3, tile.x0 + 5)
    assert history.dekads == (2000, 2001, 2002)
    for name, layer in DYNAMIC_LAYERS.items():
        assert history.dynamic[name].shape == (3, *layer.lead)
        for position, dekad in enumerate(history.dekads):
            expected = dict(make_state(tile, dekad).items())[name][..., 3, 5]
            np.testing.assert_array_equal(history.dynamic[name][position], expected)
    np.testing.assert_array_equal(history.static["sigma_radar"], make_baseline(tile, 7).sigma_radar[None, :, 3, 5])
    assert history.refit_dekads == ()
    with pytest.raises(BadInputError, match="outside"):
        store.read_pixel(100, 0)


def _constant(layers, tile, value):
    return {
        name: np.full((*spec.lead, tile.height, tile.width), value(spec), dtype=spec.dtype)
        for name, spec in layers.items()
    }


@pytest.mark.parametrize("value", [lambda spec: 0, lambda spec: np.iinfo(spec.dtype).max], ids=["zeros", "maxima"])
def test_a_tile_of_one_value_counts_as_written(workspace, value):
    store = workspace.state("a", "b", SMALL)
    tiles = list(SMALL.tiles())
    with store.begin(5, 5) as writer:
        region = writer.region()
        region.write_baseline(tiles[0], TileBaseline(**_constant(STATIC_LAYERS, tiles[0], value)))
        region.write_state(tiles[0], 5, TileState(**_constant(DYNAMIC_LAYERS, tiles[0], value)))
        writer.merge([region])
        writer.commit({}, applied={})
    assert store.has_state(tiles[0], 5)
    assert store.read_state(tiles[0], 5).equals(TileState(**_constant(DYNAMIC_LAYERS, tiles[0], value)))
    assert store.read_baseline(tiles[0]).equals(TileBaseline(**_constant(STATIC_LAYERS, tiles[0], value)))


def test_a_tile_that_was_never_written_is_not_taken_for_land_without_mining(workspace, make_state):
    store = workspace.state("a", "b", SMALL)
    tiles = list(SMALL.tiles())
    with store.begin(5, 5) as writer:
        region = writer.region()
        region.write_state(tiles[0], 5, make_state(tiles[0], 1))
        with pytest.raises(IntegrityError, match=tiles[1].name):
            region.read_state(tiles[1], 5)
        writer.merge([region])
        writer.commit({}, applied={}, unfinished={tiles[1].name: 5})
    assert not store.has_state(tiles[1], 5)
    with pytest.raises(IntegrityError, match="no state for 1970-02-D3"):
        store.read_state(tiles[1], 5)
    with pytest.raises(IntegrityError, match="no baseline"):
        store.read_baseline(tiles[1])
    assert decode_belief(store.read_layer("belief", 5)[:, :, 8:]).max() < 1e-4, "nothing is believed there"
    assert store.read_layer("radar_age", 5)[:, 8:].min() == NO_AGE
    assert store.head().unfinished == {tiles[1].name: 5}
    with store.begin(5, 5) as writer:
        writer.commit({}, applied={})
    assert store.head().unfinished == {}


def test_a_region_reads_what_it_builds_on_and_what_it_wrote(store, write_run, make_state):
    write_run(store, 2000, 2000)
    tile = next(store.grid.tiles())
    with store.begin(2001, 2001) as writer:
        region = pickle.loads(pickle.dumps(writer.region()))
        assert region.read_state(tile, 2000).equals(make_state(tile, 2000))
        region.write_state(tile, 2001, make_state(tile, 9))
        assert region.read_state(tile, 2001).equals(make_state(tile, 9))
        with pytest.raises(BadInputError, match="before the state begins"):
            region.read_state(tile, 1999)
    assert store.head().last_dekad == 2000


@pytest.mark.parametrize("wrong", ["shape", "dtype"])
def test_an_array_that_is_not_the_layer_is_refused(store, make_state, wrong):
    tile = next(store.grid.tiles())
    state = make_state(tile, 1)
    looks = state.looks[:-1] if wrong == "shape" else state.looks.astype("uint16")
    with store.begin(2000, 2000) as writer, pytest.raises(BadInputError, match="looks"):
        writer.region().write_state(tile, 2000, dataclasses.replace(state, looks=looks))


def test_an_abandoned_writer_leaves_nothing(store, write_run, make_state):
    write_run(store, 2000, 2000)
    before, files = store.head(), _files(store.folder)
    with store.begin(2000, 2005) as writer:
        region = writer.region()
        for tile in store.grid.tiles():
            region.write_state(tile, 2005, make_state(tile, 3))
        writer.merge([region])
        assert _files(store.folder) != files
    assert _files(store.folder) == files
    assert store.head() == before
    with pytest.raises(BadInputError, match="committed or abandoned"):
        writer.commit({}, applied={})


def test_a_run_that_raises_leaves_nothing(store, write_run):
    write_run(store, 2000, 2000)
    before = store.head()
    with pytest.raises(ZeroDivisionError), store.begin(2000, 2001):
        raise ZeroDivisionError
    assert store.head() == before


def test_the_same_region_given_twice_counts_once(store, make_state):
    tile = next(store.grid.tiles())
    with store.begin(2000, 2000) as writer:
        region = writer.region()
        region.write_state(tile, 2000, make_state(tile, 3))
        writer.merge([region])
        writer.merge([region, region])
        writer.commit({}, applied={})
    assert store.read_state(tile, 2000).equals(make_state(tile, 3))


@pytest.mark.fault(4)
def test_a_second_writer_is_refused_until_the_first_has_finished(store, write_run):
    with store.begin(2000, 2000) as writer:
        with pytest.raises(BusyError, match="process"):
            store.begin(2000, 2000)
        writer.commit({}, applied={})
        store.begin(2000, 2000).abandon()
    store.begin(2000, 2000).abandon()


def test_a_commit_beside_the_lock_is_found_out(store, write_run):
    write_run(store, 2000, 2000)
    with store.begin(2001, 2001) as writer:
        repo = icechunk.Repository.open(icechunk.local_filesystem_storage(str(store.folder)))
        session = repo.writable_session("main")
        zarr.open_group(session.store).attrs["is_fitted"] = False
        session.commit("from outside")
        with pytest.raises(IntegrityError, match="other than this run"):
            writer.commit({}, applied={})
    assert store.head().last_dekad == 2000
    store.begin(2001, 2001).abandon()


def test_a_state_as_it_was_cannot_be_written(store, write_run):
    snapshot = write_run(store, 2000, 2000)
    with pytest.raises(BadInputError, match="only be read"):
        store.at(snapshot).begin(2001, 2001)
    with pytest.raises(BadInputError, match="not a commit"):
        store.at("QQQQQQQQQQQQQQQQQQQQ").head()


def test_another_grid_is_refused(store, write_run):
    write_run(store, 2000, 2000)
    moved = StateStore(folder=store.folder, grid=dataclasses.replace(store.grid, left_m=10.0))
    with pytest.raises(IntegrityError, match="another grid"):
        moved.head()
    with pytest.raises(IntegrityError, match="another grid"):
        moved.begin(2001, 2001)


@pytest.mark.fault(13)
@pytest.mark.parametrize("harm", ["cut", "flip", "gone"])
def test_a_broken_chunk_is_said_and_not_read_as_land(store, write_run, harm):
    write_run(store, 2000, 2000)
    for chunk in (store.folder / "chunks").iterdir():
        content = bytearray(chunk.read_bytes())
        if harm == "cut":
            chunk.write_bytes(content[: len(content) // 2])
        elif harm == "flip":
            content[len(content) // 2] ^= 0x10
            chunk.write_bytes(content)
        else:
            chunk.unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        store.read_layer("mined_frac", 2000)
    with pytest.raises(IntegrityError, match="cannot be read"):
        store.read_state(next(store.grid.tiles()), 2000)


def test_a_broken_repository_is_said(store, write_run):
    write_run(store, 2000, 2000)
    for snapshot in (store.folder / "snapshots").iterdir():
        snapshot.write_bytes(b"")
    with pytest.raises(IntegrityError):
        store.head()


def test_digest_moves_with_one_pixel_one_scene_and_nothing_else(workspace, make_state, make_baseline):
    tiles = list(SMALL.tiles())

    def digest_of(name, *, changed=0, scene="s", runs=((5, 6),)):
        store = workspace.state("a", name, SMALL)
        for first, last in runs:
            with store.begin(first, last) as writer:
                region = writer.region()
                for tile in tiles:
                    region.write_baseline(tile, make_baseline(tile, 1))
                    for dekad in range(first, last + 1):
                        state = make_state(tile, dekad)
                        state.looks[0, 0] = changed
                        region.write_state(tile, dekad, state)
                writer.merge([region])
                writer.commit({"run": name}, applied=dict.fromkeys(range(first, last + 1), (scene,)))
        return store.digest(), store.digest(5, 5)

    base = digest_of("base")
    assert digest_of("cut", runs=((5, 5), (6, 6))) == base
    assert digest_of("again", runs=((5, 6), (5, 6))) == base
    assert digest_of("pixel", changed=1)[0] != base[0]
    assert digest_of("scene", scene="t")[1] != base[1]
    assert base[0] != base[1]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=3))
def test_any_cut_and_rewind_of_runs_ends_in_the_same_state(tmp_path_factory, write_run, cuts):
    folder = tmp_path_factory.mktemp("cuts")
    piecewise = StateStore(folder=folder / "piecewise", grid=SMALL)
    end = 9
    for back, on in cuts:
        first = max(10, end + 1 - back)
        end = max(end, first - 1 + on)
        write_run(piecewise, first, end)
    write_run(piecewise, end + 1, 17)
    whole = StateStore(folder=folder / "whole", grid=SMALL)
    write_run(whole, 10, 17)
    assert piecewise.digest() == whole.digest()


def test_forgetting_frees_what_was_replaced_and_keeps_the_state(workspace, write_run):
    store = workspace.state("a", "b", SMALL)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    assert store.forget(later) == 0
    for seed in range(4):
        write_run(store, 10, 12, seed)
    first, *_, last = store.snapshots()
    digest, n_files = store.digest(), len(_files(store.folder))
    assert store.forget(dt.datetime.now(dt.UTC) - dt.timedelta(days=1)) == 0
    assert store.forget(later) > 0
    assert store.digest() == digest
    assert store.snapshots() == [last]
    assert len(_files(store.folder)) < n_files / 2
    with pytest.raises(BadInputError, match="not a commit"):
        store.at(first.id).head()
    write_run(store, 12, 13, 5)
    assert len(store.snapshots()) == 2
    with store.begin(14, 14), pytest.raises(BusyError):
        store.forget(later)


def test_xarray_reads_the_state(workspace, write_run, make_state):
    store = workspace.state("a", "b", SMALL)
    write_run(store, 10, 11)
    session = icechunk.Repository.open(icechunk.local_filesystem_storage(str(store.folder))).readonly_session("main")
    state = xr.open_zarr(session.store, consolidated=False, chunks=None)
    assert state.belief.dims == ("dekad", "land_state", "y", "x")
    tile = next(SMALL.tiles())
    np.testing.assert_array_equal(state.belief[1][(..., *tile.window)], make_state(tile, 11).belief)


def test_one_commit_rewrites_only_the_references_of_its_year(workspace, write_run):
    store = workspace.state("a", "b", SMALL)
    write_run(store, 0, 79)
    before = _files(store.folder / "manifests")
    write_run(store, 79, 79, 1)
    assert len(before) >= 3 * len(DYNAMIC_LAYERS)
    assert len(_files(store.folder / "manifests") - before) <= len(DYNAMIC_LAYERS)


def test_a_reader_is_not_disturbed_by_a_later_commit(workspace: Workspace, write_run, make_state):
    store = workspace.state("a", "b", SMALL)
    write_run(store, 10, 11)
    reader = pickle.loads(pickle.dumps(store.at(store.head().snapshot_id)))
    write_run(store, 10, 11, 1)
    tile = next(SMALL.tiles())
    assert reader.read_state(tile, 11).equals(make_state(tile, 11))
    assert store.read_state(tile, 11).equals(make_state(tile, 1011))
