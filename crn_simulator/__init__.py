"""A simulated network of compute nodes on loopback: for the demo, for tests and for benchmarks.

Three packages, and `command`, which runs them:

- `script`: what happens. Seeded and deterministic, it can be asked about any second.
- `server`: plays a script on real sockets: DNS, TLS, the nodes, the network's API, the controls.
- `truth`: what an observer must find, and the file that says so.

`server` and `truth` build on `script` and never on each other. Nothing here imports the collector,
so the expected results are never computed by the code that is checked against them.

Each kind of wrong has one word:

- `Fault`: one way in which a single node is wrong, such as `refused` or `cert_expired`.
- `FaultEffect`: what a collector must find when it meets a fault.
- `Incident`: a fault of a node from one time to another.
- `Trouble`: one thing that is wrong besides the nodes: the API, the controls, or the network of
  the client that watches. A `TroubleWindow` is a trouble from one time to another.
"""

__version__ = "0.1.0"
