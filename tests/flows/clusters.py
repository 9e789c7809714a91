"""Clusters of this machine, over TCP on loopback."""

from distributed import LocalCluster


def local(workers: int, processes: bool = False) -> LocalCluster:
    return LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=processes, protocol="tcp", host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )  # fmt: skip
