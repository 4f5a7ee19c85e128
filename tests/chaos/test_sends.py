"""The short form of `make chaos-sends`."""

import pytest

from app.config import ROOT
from tests.chaos.sends import Sends

KILLS = 4


@pytest.mark.first
@pytest.mark.timeout(240)
@pytest.mark.shows("I1", "F8")
def test_who_dies_around_the_call_never_causes_a_second_one():
    data_dir = ROOT / "var" / "test" / "sends"
    found = Sends(data_dir, kills=KILLS, products=["whatsapp", "telegram"]).run()

    for product, one in found.items():
        assert one.kills >= KILLS, product
        assert (one.twice, one.lost, one.stored_twice) == ([], [], 0), product
        assert set(one.states) <= {"sent", "uncertain"}, product
        # What nobody knows of is what the provider has not got, where it tells of what it has.
        if product == "whatsapp":
            assert one.taken == one.states["sent"]
