"""For people who write machines, schedulers and transports: fakes, and the suites every adapter passes.

Public; nothing in farpoint itself imports it.
"""
