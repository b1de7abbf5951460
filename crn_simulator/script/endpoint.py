"""Paths that a node answers on and that scripts name."""

CONFIG = "/status/config"
USAGE = "/about/usage/system"
IPV6 = "/status/check/ipv6"
