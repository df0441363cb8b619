"""Outlines on the grid: the pixel-centre rule, tiles, strata, and areas against the geodesic."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Proj, Transformer

from kpgeo.model.aoi import Aoi, DepositType, Sourced, Stratum
from kpgeo.model.geometry import area_ha
from kpgeo.model.grid import Grid, Tile
from kpgeo.registry import grid_of, list_aois, rasterize_inside, rasterize_strata, read_aoi

SOURCE = Sourced(source="made up for a test", confidence="low")
GRID = Grid(epsg=32629, left_m=750_000.0, top_m=905_000.0, width=8, height=6, tile_px=4)
TO_DEGREES = Transformer.from_crs("EPSG:32629", "EPSG:4326", always_xy=True)


def on_grid(*corners: tuple[float, float]) -> shapely.Polygon:
    """Return a polygon in degrees from corners in pixels of GRID (x to the right, y down)."""
    metres = [(GRID.left_m + 10.0 * x, GRID.top_m - 10.0 * y) for x, y in corners]
    return shapely.Polygon([TO_DEGREES.transform(*corner) for corner in metres])


def box_on_grid(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    return on_grid((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def aoi_with(boundary: shapely.Geometry, *strata: shapely.Geometry) -> Aoi:
    return Aoi(
        id="civ-test",
        names={"en": "Test"},
        iso3="CIV",
        country="Côte d'Ivoire",
        participant="Côte d'Ivoire",
        deposit="dykes",
        geometry=boundary,
        epsg=32629,
        source=SOURCE,
        strata=tuple(
            Stratum(id=f"s{i}", deposit_type=DepositType.DYKE, geometry=geometry, names={"en": "S"}, source=SOURCE)
            for i, geometry in enumerate(strata)
        ),
    )


def test_a_pixel_is_inside_when_its_centre_is():
    # Covers the centres of columns 1-3 and rows 1-2: the left edge is short of a centre, the right one just past one.
    aoi = aoi_with(box_on_grid(0.6, 1.4, 3.51, 2.9))
    expected = np.zeros((6, 8), dtype=bool)
    expected[1:3, 1:4] = True
    np.testing.assert_array_equal(rasterize_inside(aoi, GRID), expected)


def test_first_stratum_wins_and_none_leaves_the_boundary():
    aoi = aoi_with(box_on_grid(1, 1, 7, 5), box_on_grid(2, 2, 4, 4), box_on_grid(3, 3, 8, 6))
    expected = np.array(
        [
            [0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 1, 1, 0, 0, 0, 0],
            [0, 0, 1, 1, 2, 2, 2, 0],
            [0, 0, 0, 2, 2, 2, 2, 0],
            [0, 0, 0, 0, 0, 0, 0, 0],
        ],
        dtype=np.uint8,
    )
    strata = rasterize_strata(aoi, GRID)
    assert strata.dtype == np.uint8
    np.testing.assert_array_equal(strata, expected)


def test_no_strata_is_all_zero():
    strata = rasterize_strata(aoi_with(box_on_grid(1, 1, 7, 5)), GRID)
    assert strata.shape == GRID.shape
    assert strata.dtype == np.uint8
    assert not strata.any()


def test_holes_and_parts():
    shell, hole = box_on_grid(0, 0, 5, 5), box_on_grid(1, 1, 4, 4)
    parts = shapely.MultiPolygon(
        [shapely.Polygon(shell.exterior.coords, [hole.exterior.coords]), box_on_grid(6, 0, 8, 1)]
    )
    assert int(rasterize_inside(aoi_with(parts), GRID).sum()) == 25 - 9 + 2


CORNERS = st.tuples(st.floats(-1, 9), st.floats(-1, 7))


@settings(max_examples=40, deadline=None)
@given(st.lists(CORNERS, min_size=3, max_size=6, unique=True))
def test_agrees_with_point_in_polygon(corners):
    outline = on_grid(*corners).convex_hull
    if outline.geom_type != "Polygon":
        return
    inside = rasterize_inside(aoi_with(outline), GRID)
    rows, cols = np.mgrid[0:6, 0:8]
    east, north = GRID.left_m + 10.0 * (cols + 0.5), GRID.top_m - 10.0 * (rows + 0.5)
    lon, lat = TO_DEGREES.transform(east, north)
    for row, col in itertools.product(range(6), range(8)):
        centre = shapely.Point(lon[row, col], lat[row, col])
        # 0.02 m: snapping, and edges straight in degrees against straight in metres.
        if outline.exterior.distance(centre) > 2e-7:
            assert inside[row, col] == outline.contains(centre)


@settings(max_examples=20, deadline=None)
@given(corners=st.lists(CORNERS, min_size=3, max_size=8, unique=True), tile_px=st.integers(1, 7))
def test_a_tile_is_the_window_of_the_whole(corners, tile_px):
    outline = shapely.make_valid(on_grid(*corners), method="structure", keep_collapsed=False)
    if outline.is_empty:
        return
    grid = replace(GRID, tile_px=tile_px)
    aoi = aoi_with(outline, box_on_grid(1.5, 0.5, 5.5, 3.5), outline)
    inside, strata = rasterize_inside(aoi, grid), rasterize_strata(aoi, grid)
    for tile in grid.tiles():
        np.testing.assert_array_equal(rasterize_inside(aoi, grid, tile), inside[tile.window])
        np.testing.assert_array_equal(rasterize_strata(aoi, grid, tile), strata[tile.window])


def test_tiles_of_a_real_aoi_are_windows_of_the_whole():
    aoi = read_aoi("civ-tortiya")
    grid = grid_of(aoi)
    whole = rasterize_strata(aoi, grid)
    tiles = list(grid.tiles())
    for tile in (tiles[0], tiles[len(tiles) // 2], tiles[-1]):
        assert isinstance(tile, Tile)
        np.testing.assert_array_equal(rasterize_strata(aoi, grid, tile), whole[tile.window])


def test_long_edges_keep_their_course():
    # A parallel bulges by 20 m over a degree near 4.5 N: the top row of pixels must follow it, not the chord.
    aoi = replace(aoi_with(shapely.box(-10.0, 4.0, -8.0, 4.5)), epsg=32629)
    grid = grid_of(aoi)
    edge = Transformer.from_crs("EPSG:4326", "EPSG:32629", always_xy=True)
    norths = [edge.transform(lon, 4.5)[1] for lon in np.linspace(-10.0, -8.0, 201)]
    souths = [edge.transform(lon, 4.0)[1] for lon in np.linspace(-10.0, -8.0, 201)]
    assert max(norths) - min(norths) > 40.0
    # To half a pixel: the last row is the last one with centres inside.
    assert grid.top_m == pytest.approx(max(norths), abs=5.0)
    assert grid.top_m - grid.height * grid.res_m == pytest.approx(min(souths), abs=5.0)


@settings(max_examples=50, deadline=None)
@given(
    left=st.integers(20_000, 79_000),
    top=st.integers(10_000, 400_000),  # farther from the equator a parallel bows out of its pixel row
    width=st.integers(10, 2_000),
    height=st.integers(10, 2_000),
    decimals=st.integers(6, 15),
)
def test_an_aoi_drawn_along_pixel_edges_gives_back_its_grid(left, top, width, height, decimals):
    grid = Grid(epsg=32629, left_m=left * 10.0, top_m=top * 10.0, width=width, height=height)
    edges = grid.geobox.extent.geom
    corners = [TO_DEGREES.transform(*corner) for corner in edges.exterior.coords]
    outline = shapely.Polygon([(round(lon, decimals), round(lat, decimals)) for lon, lat in corners])
    aoi = aoi_with(outline)
    assert grid_of(aoi) == grid
    if width * height < 10_000:
        assert rasterize_inside(aoi, grid).all()


AOIS = {aoi.id: aoi for aoi in list_aois()}
# Pixels have one size on the plane, while a square metre of ground does not: near the edge of a UTM zone it measures up
# to 0.2 % more. The fields named here exceed 0.1 %: some lie near the edge of their zone, others reach across it.
NEAR_ZONE_EDGE = {"caf-boda", "civ-tortiya", "cod-mbuji-mayi"}
ACROSS_ZONES = {"ago-cuango-cafunfo", "ven-guaniamo"}


@pytest.mark.parametrize("aoi_id", sorted(AOIS))
def test_pixels_agree_with_the_geodesic_area(aoi_id):
    aoi = AOIS[aoi_id]
    grid = grid_of(aoi)
    n_px = int(rasterize_inside(aoi, grid).sum())
    truth_ha = area_ha(aoi.geometry)
    on_plane = n_px * grid.pixel_ha / truth_ha - 1.0
    assert (abs(on_plane) > 1e-3) == (aoi_id in NEAR_ZONE_EDGE | ACROSS_ZONES), f"{on_plane:+.3%}"
    assert abs(on_plane) < 2e-3
    # What is left when the projection's own scale is taken out is the rasterization.
    scale = Proj(f"EPSG:{aoi.epsg}").get_factors(*aoi.geometry.centroid.coords[0]).areal_scale
    assert n_px * grid.pixel_ha / scale == pytest.approx(truth_ha, rel=1e-4)


def test_the_two_ivorian_fields_lie_in_two_zones():
    assert (AOIS["civ-seguela"].epsg, AOIS["civ-tortiya"].epsg) == (32629, 32630)
    assert grid_of(AOIS["civ-seguela"]).epsg == 32629
    assert grid_of(AOIS["civ-tortiya"]).epsg == 32630


@pytest.mark.parametrize("aoi_id", ["civ-seguela", "civ-tortiya"])
def test_stratum_areas_agree_with_the_geodesic(aoi_id):
    aoi = AOIS[aoi_id]
    grid = grid_of(aoi)
    strata = rasterize_strata(aoi, grid)
    taken = shapely.Polygon()
    for index, stratum in enumerate(aoi.strata):
        own = stratum.geometry.difference(taken).intersection(aoi.geometry)
        taken = shapely.union(taken, stratum.geometry)
        assert int((strata == index + 1).sum()) * grid.pixel_ha == pytest.approx(area_ha(own), rel=2e-3)
