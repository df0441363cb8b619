"""What `kpgeo alerts show` says of an alert."""

import pytest

from kpgeo.cli.look import say_gaps


@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        ((), "nothing to name"),
        (("no-clear-look:2025-05-D1",), "no-clear-look in 2025-05-D1"),
        (
            ("no-clear-look:2025-05-D2", "partial-look:2025-05-D1", "no-clear-look:2025-04-D3"),
            "no-clear-look in 2 dekads from 2025-04-D3 to 2025-05-D2; partial-look in 2025-05-D1",
        ),
        (("other-options-than-calibrated:sites", "odd"), "other-options-than-calibrated:sites; odd"),
    ],
)
def test_gaps_are_said_once_a_kind(gaps, said):
    assert say_gaps(gaps) == said
