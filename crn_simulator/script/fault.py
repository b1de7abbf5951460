"""The faults that a simulated node can have; `fault_effect` has what each must lead to."""

from enum import StrEnum


class Fault(StrEnum):
    """One way in which a node, its name or its entry in the directory is wrong."""

    NONE = "none"
    # The address in the directory.
    ADDRESS_EMPTY = "address_empty"
    ADDRESS_JUNK = "address_junk"
    ADDRESS_PRIVATE = "address_private"
    ADDRESS_FORBIDDEN_HOST = "address_forbidden_host"
    ADDRESS_HTTP_ONLY = "address_http_only"
    # The DNS name.
    DNS_NOT_FOUND = "dns_not_found"
    DNS_NO_ADDRESS = "dns_no_address"
    DNS_SERVFAIL = "dns_servfail"
    DNS_REFUSED = "dns_refused"
    DNS_SILENT = "dns_silent"
    DNS_PRIVATE_ADDRESS = "dns_private_address"
    # The TCP connection.
    REFUSED = "refused"
    BLACK_HOLE = "black_hole"
    RESET_ON_CONNECT = "reset_on_connect"
    CLOSE_ON_CONNECT = "close_on_connect"
    SLOW_ACCEPT = "slow_accept"
    # TLS.
    SILENT_IN_TLS = "silent_in_tls"
    RESET_IN_TLS = "reset_in_tls"
    CLOSE_IN_TLS = "close_in_tls"
    TLS_GARBAGE = "tls_garbage"
    TLS_ALERT = "tls_alert"
    PLAIN_ON_TLS = "plain_on_tls"
    CERT_EXPIRED = "cert_expired"
    CERT_NOT_YET_VALID = "cert_not_yet_valid"
    CERT_SELF_SIGNED = "cert_self_signed"
    CERT_UNKNOWN_AUTHORITY = "cert_unknown_authority"
    CERT_WRONG_NAME = "cert_wrong_name"
    # No complete response.
    HANG_BEFORE_HEADERS = "hang_before_headers"
    HANG_IN_HEADERS = "hang_in_headers"
    HANG_AFTER_HEADERS = "hang_after_headers"
    SLOW_DRIP = "slow_drip"
    RESET_AFTER_REQUEST = "reset_after_request"
    CLOSE_AFTER_REQUEST = "close_after_request"
    CUT_OFF = "cut_off"
    HTTP_GARBAGE = "http_garbage"
    HUGE_HEADERS = "huge_headers"
    BAD_ENCODING = "bad_encoding"
    ENDLESS_BODY = "endless_body"
    OVERSIZED_BODY = "oversized_body"
    GZIP_BOMB = "gzip_bomb"
    # A complete response with the wrong content.
    SLOW_ANSWER = "slow_answer"
    REDIRECT = "redirect"
    REDIRECT_PRIVATE = "redirect_private"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    HTML = "html"
    HTML_AS_JSON = "html_as_json"
    EMPTY_BODY = "empty_body"
    TRUNCATED_JSON = "truncated_json"
    INVALID_JSON = "invalid_json"
    NOT_UTF8 = "not_utf8"
    NESTED_JSON = "nested_json"
    NOT_AN_OBJECT = "not_an_object"
    WRONG_TYPES = "wrong_types"
    NAN = "nan"
    HUGE_NUMBERS = "huge_numbers"
    WEB_SERVER = "web_server"
    # A complete response of which a part is wrong.
    NULL_BLOCKS = "null_blocks"
    BAD_FIELDS = "bad_fields"
    NULL_GPU = "null_gpu"
    TOO_MANY_GPUS = "too_many_gpus"
    # A complete response in another spelling.
    WHOLE_FLOATS = "whole_floats"
    BYTE_ORDER_MARK = "byte_order_mark"


class FaultPhase(StrEnum):
    """The step of a visit at which a fault shows."""

    NONE = "none"
    ADDRESS = "address"
    NAME = "name"
    CONNECT = "connect"
    TLS = "tls"
    ANSWER = "answer"
