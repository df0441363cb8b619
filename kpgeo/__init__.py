"""kpgeo: satellite monitoring of diamond mining for the Kimberley Process.

The package is laid out as a house: `model` (nouns) at the bottom, stages above it, `flows` above the stages and the
command line on top. `ARCHITECTURE.md` is the contract.
"""

import os as _os

__version__ = "0.1.0"

# GDAL reads its configuration when it is first imported, so it is set here, before any room imports it. Timeouts and
# retries make a hanging server a gap instead of a hang; no directory listing keeps side-car probes off the network;
# the skipped drivers can read other files or open network connections named inside the file they are handed.
_GDAL_DEFAULTS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    "GDAL_HTTP_LOW_SPEED_TIME": "20",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_SKIP": "VRT WMS WCS WMTS HTTP GTI STACIT STACTA DERIVED",
    "OGR_SKIP": "OGR_VRT,WFS,CSW",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff,.TIF,.jp2",
    "VSI_CACHE": "FALSE",
    "PROJ_NETWORK": "OFF",
}
for _name, _value in _GDAL_DEFAULTS.items():
    _os.environ.setdefault(_name, _value)
