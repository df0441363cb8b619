"""Options of delivery: where a folder's name could lead elsewhere it is refused."""

import pytest

from kpgeo.options.deliver import DeliverOptions


@pytest.mark.parametrize("folder", ["", "..", "../x", "/etc", "a/b", "a\n", ".hidden", "a" * 64])
def test_a_delivery_folder_stays_in_products(folder):
    with pytest.raises(ValueError, match="folder"):
        DeliverOptions(folder=folder)


@pytest.mark.parametrize("changed", [{"enabled": False}, {"folder": "elsewhere"}, {"with_digest": False}])
def test_each_delivery_option_moves_the_digest(changed):
    assert DeliverOptions(**changed).digest() != DeliverOptions().digest()
