#!/bin/sh
# Hand a job to LSF and print its number alone, where bsub prints a sentence: "Job <123> is submitted to queue <normal>."
# Not tried on a cluster of that kind by the project.
bsub "$@" | sed -n 's/^Job <\([0-9]*\)>.*/\1/p'
