"""Plays a script on loopback sockets: DNS, TLS, the nodes, the API and the controls."""
