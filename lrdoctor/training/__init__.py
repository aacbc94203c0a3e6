"""One trial: the user's model trained by lrdoctor's loop. The only shelf besides architecture/ and workloads/ that imports torch."""
