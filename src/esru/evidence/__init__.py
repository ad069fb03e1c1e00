"""The training evidence: which trainings are run, and what comes of them.

`studies` says what is trained, `measure` trains it and pairs runs by seed, `tensors` trains with
`esru.torch` where another tensor than the weight update is rounded. `benchmarks/evidence.py` is
the command, docs/evidence.md the page.
"""
