"""Past one machine, on Ray (`requirements-scale.txt`): many pictures, many trainings, the same commands."""
