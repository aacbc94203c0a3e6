"""A labelled zoo of small trainings, on which the judgement of trials is measured: see `workloads` and `__main__`."""
