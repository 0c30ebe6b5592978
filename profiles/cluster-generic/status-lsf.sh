#!/bin/sh
# What became of a job of LSF: prints running, success or failed, as cluster-generic asks.
# Not tried on a cluster of that kind by the project; compare its answers with bjobs' before a large run.
case $(bjobs -noheader -o stat "$1" 2>&1) in
    DONE) echo success ;;
    EXIT | *"is not found"*) echo failed ;;
    *) echo running ;;
esac
