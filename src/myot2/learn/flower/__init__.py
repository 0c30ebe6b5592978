"""Flower as the transport of a federation; nothing else of MyoT2 imports it (docs/how-to/federate.md).

Written for flwr 1.41.0, whose inner interfaces it uses in one respect: the apps that Flower would ship as code from the
coordinator to the sites are never unpacked. SuperLink and SuperNodes run with `--isolation process`, which leaves it to
another process to do the tasks; that process is MyoT2's, and it does what is installed at its site.
"""
