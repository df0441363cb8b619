"""Measure class spectra and radar figures on open data: the numbers of `kpgeo/detect/classes.toml` that are not B-M.

The sources are fetched by hand (docs/theory/class-spectra.md names them) and none of them is kept in this repository:

    python benchmarks/class_spectra.py --cropmask DIR --earthlib DIR --tile DIR --rtc DIR

DIR of `--cropmask` holds `western.txt`, `sahel.txt`, `eastern.txt`, `central.txt` (data/<zone>/training_data.txt of
digitalearthafrica/crop-mask); of `--earthlib`, `spectra-optimized.{sli,hdr,csv}`; of `--tile`, the Tanzanian TerraMind
example; of `--rtc`, the OPERA RTC-S1 windows of the dist-s1 test set.
"""

import argparse
import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Array = NDArray[np.float64]
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
# Centre and width (um) of Sentinel-2A bands 2, 3, 4, 8, 11, 12, taken as boxes.
BOXES = ((0.4924, 0.066), (0.5598, 0.036), (0.6646, 0.031), (0.8328, 0.106), (1.6137, 0.091), (2.2024, 0.175))
ZONES = ("western", "sahel", "eastern", "central")


def show(name: str, rows: Array) -> None:
    """Print count, mean and spread of rows of reflectance."""
    mean = " ".join(f"{value:.3f}" for value in rows.mean(axis=0))
    spread = " ".join(f"{value:.3f}" for value in rows.std(axis=0, ddof=1))
    print(f"{name:44s} n {len(rows):5d}  mean {mean}  spread {spread}")


def read_points(folder: Path, zone: str) -> tuple[Array, Array, Array]:
    """Return (is crop, January to June, July to December) of the reference points of a zone; reflectance in BANDS."""
    path = folder / f"{zone}.txt"
    names = path.open(encoding="utf-8").readline().lstrip("#").split()
    table = np.loadtxt(path, skiprows=1)
    columns = [name.replace("swir16", "swir_1").replace("swir22", "swir_2") for name in BANDS]
    halves = [table[:, [names.index(f"{column}_{half}") for column in columns]] for half in ("S1", "S2")]
    return table[:, names.index("Class")] == 1, halves[0], halves[1]


def ndvi(rows: Array) -> Array:
    """Return the vegetation index."""
    return np.asarray((rows[:, 3] - rows[:, 2]) / (rows[:, 3] + rows[:, 2]))


def is_water(rows: Array) -> NDArray[np.bool_]:
    """Say where green exceeds swir16 (MNDWI above 0; Xu 2006)."""
    return np.asarray(rows[:, 1] > rows[:, 4])


def measure_points(folder: Path) -> None:
    """Half-year geomedians of Sentinel-2 at reference points of West Africa; water over four zones."""
    crop, dry, wet = read_points(folder, "western")
    bare = (ndvi(dry) < 0.2) & ~is_water(dry)
    show("West Africa, bare, any use", dry[bare])
    bright = np.quantile(dry[bare, 2], 0.75)
    show("West Africa, bare, brightest quarter in red", dry[bare & (dry[:, 2] >= bright)])
    dark = np.quantile(dry[bare, 2], 0.25)
    show("West Africa, bare, darkest quarter in red", dry[bare & (dry[:, 2] <= dark)])
    show("West Africa, bare, not crop", dry[bare & ~crop])
    show("West Africa, bare, crop", dry[bare & crop])
    between = (ndvi(dry) >= 0.2) & (ndvi(dry) <= 0.3)
    show("West Africa, NDVI 0.2-0.3, crop", dry[between & crop])
    show("West Africa, NDVI 0.2-0.3, not crop", dry[between & ~crop])
    show("West Africa, Jul-Dec, NDVI > 0.5, crop", wet[(ndvi(wet) > 0.5) & crop])
    show("West Africa, Jul-Dec, NDVI 0.4-0.6, not crop", wet[(ndvi(wet) >= 0.4) & (ndvi(wet) <= 0.6) & ~crop])
    points = [half for zone in ZONES for half in read_points(folder, zone)[1:]]
    water = np.concatenate([half[is_water(half)] for half in points])
    show("Africa, water", water)
    show("Africa, water, red above 0.06", water[water[:, 2] > 0.06])
    show("Africa, water, red below 0.06", water[water[:, 2] <= 0.06])


def measure_library(folder: Path) -> None:
    """Field and laboratory spectra, convolved with boxes."""
    header = (folder / "spectra-optimized.hdr").read_text(encoding="utf-8")
    found = re.search(r"wavelength = \{(.*?)\}", header, re.DOTALL)
    assert found is not None
    waves = np.array([float(text) for text in found[1].split(",")])
    spectra = np.fromfile(folder / "spectra-optimized.sli", "<f4").reshape(-1, len(waves)).astype(np.float64)
    within = [(waves >= c - w / 2) & (waves <= c + w / 2) for c, w in BOXES]
    rows = np.stack([spectra[:, is_in].mean(axis=1) for is_in in within], axis=1)
    about = list(csv.DictReader((folder / "spectra-optimized.csv").open(encoding="utf-8")))

    def of(says: Callable[[dict[str, str]], bool]) -> Array:
        return np.asarray(rows[[says(one) for one in about]])

    not_black = ("ash", "scorch", "difubr", "graysoil")
    show("char, all burnt spectra", of(lambda one: one["LEVEL_2"] == "burn"))
    show(
        "char, without ash, scorch and grey soil",
        of(lambda one: one["LEVEL_2"] == "burn" and not any(word in one["NAME"] for word in not_black)),
    )
    soil = "icraf-isric-soil-database"
    show(
        "soil, dry and sieved, 3-15 N 18 W-20 E",
        of(lambda one: one["SOURCE"] == soil and 3 < float(one["LAT"]) < 15 and -18 < float(one["LON"]) < 20),
    )


def multilook_db(power: Array) -> Array:
    """Average power over 3 x 3 px and return dB."""
    return np.asarray(10.0 * np.log10(np.maximum(uniform_filter(power, 3), 1e-9)))


def measure_tile(folder: Path) -> None:
    """One Sentinel-2 and Sentinel-1 tile of Tanzania: bare ground, and how its backscatter differs from savanna's."""
    stem = str(next(iter(sorted(folder.glob("*_S2L2A.tif"))))).removesuffix("_S2L2A.tif")
    with rasterio.open(f"{stem}_S2L2A.tif") as source:
        optical = source.read().astype(np.float64)[[1, 2, 3, 7, 10, 11]] / 1e4
    with rasterio.open(f"{stem}_S1RTC.tif") as source:
        radar = source.read().astype(np.float64)
    with rasterio.open(f"{stem}_LULC.tif") as source:
        cover = source.read(1)
    index = (optical[3] - optical[2]) / (optical[3] + optical[2])
    show("Tanzania, bare", optical[:, index <= 0.15].T)
    looks = np.stack([multilook_db(10.0 ** (band / 10.0)) for band in radar])
    savanna, bare = looks[:, (index > 0.2) & (index <= 0.35)], looks[:, uniform_filter(index, 3) <= 0.15]
    print("bare less savanna, dB vv vh", (bare.mean(axis=1) - savanna.mean(axis=1)).round(2), "n", bare.shape[1])
    print("  spread of bare", bare.std(axis=1).round(2), "of savanna", savanna.std(axis=1).round(2))
    fields = looks[:, cover == 4].mean(axis=1) - looks[:, cover == 9].mean(axis=1)
    print("crops less rangeland, dB vv vh", fields.round(2), "n", int((cover == 4).sum()))


def measure_rtc(folder: Path) -> None:
    """Residuals of 3 x 3 px looks about a yearly harmonic, scene levels removed: scatter and vv-vh correlation."""
    pooled: list[Array] = []
    for window in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(window.glob("*_VV.tif"))
        days = np.array(
            [
                np.datetime64(re.sub(r".*_(\d{4})(\d\d)(\d\d)T.*", r"\1-\2-\3", p.name.split("Z_")[0] + "Z"), "D")
                for p in paths
            ]
        ).astype(np.int64)
        angle = 2.0 * np.pi * days / 365.25
        basis = np.stack([np.ones(len(days)), np.cos(angle), np.sin(angle)], axis=1)
        residuals = []
        for band in ("_VV", "_VH"):
            looks = []
            for path in paths:
                with rasterio.open(str(path).replace("_VV", band)) as source:
                    looks.append(multilook_db(np.nan_to_num(source.read(1).astype(np.float64))).ravel())
            stack = np.array(looks)
            for _ in range(2):
                left = stack - basis @ np.linalg.lstsq(basis, stack, rcond=None)[0]
                stack = stack - np.median(left, axis=1, keepdims=True)
            left = stack - basis @ np.linalg.lstsq(basis, stack, rcond=None)[0]
            residuals.append(left * np.sqrt(len(days) / (len(days) - 3)))
        scale = [1.4826 * np.median(np.abs(one), axis=0) for one in residuals]
        print(window.name, "dates", len(days), "median scale dB vv vh", [round(float(np.median(s)), 2) for s in scale])
        pooled.append(
            np.stack([np.clip(r / np.maximum(s, 0.3), -5, 5).ravel() for r, s in zip(residuals, scale, strict=True)])
        )
    together = np.concatenate(pooled, axis=1)
    print("vv-vh correlation", round(float(np.corrcoef(together)[0, 1]), 3), "n", together.shape[1])


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    measures = {"cropmask": measure_points, "earthlib": measure_library, "tile": measure_tile, "rtc": measure_rtc}
    for name in measures:
        parser.add_argument(f"--{name}", type=Path)
    given = vars(parser.parse_args())
    for name, measure in measures.items():
        if given[name] is not None:
            measure(given[name])


if __name__ == "__main__":
    main()
