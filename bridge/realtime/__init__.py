"""Plumbing of real-time processes.

ipc.py             typed messages over pipes          child_process.py   start, stderr, restart limit, shutdown
process_tuning.py  GC, GIL, huge pages                priority.py        real-time priority
keep_warm.py       idle work against cold caches      block_clock.py     times of a driver's blocks
jack_client.py     JACK clients
"""
