#!/bin/sh
# Takes the place of Node: runs it in a network of its own, where every port is free.
exec unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$TEST_NODE" "$@"
