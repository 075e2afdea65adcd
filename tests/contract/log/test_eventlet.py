"""The log in a service's process, which runs under eventlet."""

from tests.contract.log.saying import in_green
from tests.contract.log.stores import Store, only_postgres, ungrouped


@only_postgres
@ungrouped
def test_green_threads_share_the_log_and_do_not_block_each_other(store: Store) -> None:
    assert in_green("tests.contract.log.greens", store.url).split() == ["400", "True", "False", "True", "True"]
