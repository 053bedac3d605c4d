#!/bin/sh
# Starts the program of this folder with the Node that lies in it, from wherever a link to it stands.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self") || exit 1
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done
case $self in
  */*) root=$(cd "${self%/*}/.." && pwd -P) || exit 1 ;;
  *) root=$(cd .. && pwd -P) || exit 1 ;;
esac
exec "$root/runtime/node" "$root/program/holdfast" "$@"
