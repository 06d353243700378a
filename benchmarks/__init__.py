"""Measurements, one file a question; each prints what it found and has `--help`.

    python -m benchmarks.training_throughput    on how many images a second do we train, and do others?
    python -m benchmarks.waiting                how long does one wait around a training?
    python -m benchmarks.time_to_accuracy       how long until 85 % and 94 % are reached?
    python -m benchmarks.inference              what do an answer, a batch and the wait for the first cost?
    python -m benchmarks.pipeline               where does the time of a training go?
    python -m benchmarks.operations             which operations does a step of training spend its time on?
    python -m benchmarks.training_memory        how much memory does a training hold at its peak?
    python -m benchmarks.interactions           how long does the server take to answer a click?
    python -m benchmarks.looks                  and to draw the closer looks at a picture?
    python -m benchmarks.app_speed              how fast does the app feel, and how much memory does it hold?
    python -m benchmarks.crowd                  what do visitors notice when there are many of them?
    python -m benchmarks.maps                   which map of what mattered is to be trusted?
    python -m benchmarks.own_pictures           how well does `transfer` learn one's own pictures?
    python -m benchmarks.photographs PICTURES   how should a model look at a photograph?
    python -m benchmarks.resizing               how should a photograph become 32×32?
    python -m benchmarks.fuzz_images            does any damaged file do more than give one sentence?
    python -m benchmarks.fuzz_images_guided     and one that was bred for the ways it takes?
    python -m benchmarks.scoring                what do two nodes gain over one process, what costs a crash?
    python -m benchmarks.frontier               what is the best network for so many minutes of training?
    python -m benchmarks.shipped                what are the shipped models worth?
    python -m benchmarks.screenshots DIRECTORY  what does every page look like, in both themes and widths?
    python -m benchmarks.recording FILE         what does a training look like? the README's moving picture

Let nothing else run meanwhile. `contenders` holds what is measured, `measure` runs it in turns, and
`plain_keras`, `plain_torch` and `plain_airbench` are what we are measured against. `browser` runs the app and
looks at it.
"""
