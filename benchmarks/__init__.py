"""Measurements side by side, one file a question; each prints one table and has `--help`.

    python -m benchmarks.training_throughput    how many images a second does the report's CNN train on?
    python -m benchmarks.time_to_accuracy       how long until 85 % and 94 % are reached?
    python -m benchmarks.inference              what do an answer, a batch and the wait for the first cost?
    python -m benchmarks.pipeline               where does the time of a training go?
    python -m benchmarks.interactions           how long does the server take to answer a click?
    python -m benchmarks.app_speed              how fast does the app feel, and how much memory does it hold?
    python -m benchmarks.resizing               how should a photograph become 32×32?
    python -m benchmarks.screenshots DIRECTORY  what does every page look like, in both themes and widths?

Let nothing else run meanwhile. `contenders` holds what is measured, `measure` runs it in turns, and
`plain_keras` and `plain_torch` are what we are measured against. `browser` runs the app and looks at it.
"""
