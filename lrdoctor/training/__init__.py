"""One trial: the user's model trained by lrdoctor's loop. Imports torch, as only architecture/ and workloads/ do."""
