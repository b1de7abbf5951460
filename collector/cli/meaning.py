"""Every failure in a sentence for a person: what happened, and what may be done."""

from __future__ import annotations

from typing import Final

from collector.model.failure import Failure

MEANINGS: Final[dict[Failure, str]] = {
    Failure.NONE: "reachable",
    Failure.INVALID_ADDRESS: "the registered address is no http(s) URL; its owner must correct it",
    Failure.FORBIDDEN_ADDRESS: "the address is private or on our list, and is never dialled",
    Failure.DNS_NOT_FOUND: "its name does not exist",
    Failure.DNS_FAILED: "its name servers give no answer",
    Failure.CONNECT_REFUSED: "nothing listens there",
    Failure.CONNECT_TIMEOUT: "no answer to the connection: off, or behind a firewall",
    Failure.CONNECT_UNREACHABLE: "no network leads there",
    Failure.CONNECT_RESET: "it closed the connection before the handshake was done",
    Failure.TLS_FAILED: "no TLS handshake came about",
    Failure.TLS_EXPIRED: "its certificate has expired",
    Failure.TLS_INVALID: "its certificate is for another name or from no known authority",
    Failure.ANSWER_TIMEOUT: "connected, but no complete answer in time",
    Failure.ANSWER_BROKEN: "its answer is not HTTP or broke off",
    Failure.ANSWER_TOO_LARGE: "its answer is longer than is read",
    Failure.REDIRECTED: "it sends elsewhere, which is not followed",
    Failure.CLIENT_ERROR: "it answers 4xx",
    Failure.SERVER_ERROR: "it answers 5xx",
    Failure.NOT_JSON: "its answer is not JSON",
    Failure.WRONG_SHAPE: "its answer is JSON, but not what a node says",
    Failure.NOT_A_CRN: "it answers, but nothing shows a compute node",
    Failure.NO_DESCRIPTORS: "we ran out of file descriptors: raise the limit (ulimit -n)",
    Failure.NO_ROUTE: "this machine has no way there (no network, or no IPv6)",
    Failure.ROUND_DEADLINE: "the round ended before the node had its turn",
    Failure.BLIND: "this vantage could not see in that round: the trouble is on our side",
    Failure.INTERNAL: "a bug of ours; see the log",
}
