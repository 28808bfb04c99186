"""farpoint: run a notebook far away, at one point or at ten thousand, and get a DataFrame back.

The public door. Names are resolved lazily; nothing heavy is imported here.
"""
