"""The budget of requests that all workers share for an account."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from app.channels import budget as module
from app.channels.budget import Budget
from app.errors import RateLimited


@pytest.mark.shows("A17")
def test_two_processes_share_the_budget_of_an_account(servers, no_patience):
    account = uuid4().hex
    one, other = (Budget(servers.redis_url, per_second=5) for _ in range(2))

    def spend(budget):
        try:
            budget.spend(account)
        except RateLimited:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        spent = sum(pool.map(spend, [one, other] * 50))

    # The second in which it runs may end meanwhile, and another one too on a busy machine.
    assert 5 <= spent < 50


def test_accounts_do_not_share(servers, no_patience):
    budget = Budget(servers.redis_url, per_second=1)

    for _ in range(20):
        budget.spend(uuid4().hex)


def test_who_finds_the_budget_spent_waits_for_the_next_second(servers):
    budget, account = Budget(servers.redis_url, per_second=1), uuid4().hex

    budget.spend(account)
    budget.spend(account)


def test_without_redis_nothing_is_held_back():
    budget = Budget("redis://127.0.0.1:1/0", per_second=1)

    for _ in range(3):
        budget.spend("account")


@pytest.fixture
def no_patience(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
