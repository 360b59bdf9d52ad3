"""Which addresses are public, and how `HTTP_ALLOW_HOSTS` is read."""

import pytest

from app.steps.addresses import AllowList, is_host_name, is_public, parse_address

REFUSED = [
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "198.17.255.255",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize("text", REFUSED)
def test_an_address_inside_or_reserved_is_not_public(text: str) -> None:
    assert not is_public(parse_address(text))


@pytest.mark.parametrize(
    ("before", "first", "last", "after"),
    [
        ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
        ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
        ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
        ("168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17"),
        ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"),
        ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
        ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"),
        ("192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"),
        ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
        ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
        ("198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"),
        ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"),
        ("223.255.255.255", "224.0.0.0", "255.255.255.255", "1.0.0.0"),
        ("2001:db7:ffff::", "2001:db8::", "2001:db8:ffff::", "2001:db9::"),
        ("2001:ffff::", "2002::", "2002:ffff::", "2003::"),
        ("2001:200::", "2001::", "2001:1ff::", "2001:200::"),
        ("3ffe:ffff::", "3fff::", "3fff:fff::", "3fff:1000::"),
    ],
)
def test_a_network_is_refused_from_end_to_end_and_its_neighbours_are_not(
    before: str, first: str, last: str, after: str
) -> None:
    public = [is_public(parse_address(text)) for text in (before, first, last, after)]

    assert public == [True, False, False, True]


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(parse_address(text))


@pytest.mark.parametrize(
    "text", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "", "1.2.3.4.5"]
)
def test_only_the_canonical_text_of_an_address_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        parse_address(text)


@pytest.mark.parametrize(
    "name", ["localhost", "a.b-c.example", "xn--bcher-kva.example", "_dmarc.x1", "1.example"]
)
def test_a_name_of_dns_is_a_host_name(name: str) -> None:
    assert is_host_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "a..b", "-a.example", "a b", "127.1", "2130706433", "0x7f000001", "1.2.3.4", "a" * 64 + ".example"],
)
def test_what_is_no_name_or_ends_in_a_number_is_no_host_name(name: str) -> None:
    assert not is_host_name(name)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 1),
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("127.0.0.1", "::ffff:127.0.0.1", 80),
        ("::ffff:127.0.0.1", "127.0.0.1", 80),
        ("::ffff:10.0.0.0/104", "10.9.8.7", 80),
        ("[::1]:8080", "::1", 8080),
        ("[::1]", "::1", 9),
        ("::1", "::1", 9),
        ("10.0.0.0/8", "10.255.0.1", 443),
        ("10.9.9.9/8", "10.255.0.1", 443),
        ("fd00::/8", "fd12::1", 443),
        (" 192.168.0.1 , 10.0.0.0/8 ", "10.0.0.1", 443),
        ("0.0.0.0/0,::/0", "fe80::1%eth0", 443),
    ],
)
def test_an_allowed_address_is_held(text: str, address: str, port: int) -> None:
    assert AllowList.parse(text).holds(parse_address(address), port)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("", "127.0.0.1", 80),
        ("127.0.0.1:8080", "127.0.0.1", 8081),
        ("127.0.0.1", "127.0.0.2", 80),
        ("[::1]:8080", "::1", 80),
        ("10.0.0.0/8", "11.0.0.1", 80),
        ("0.0.0.0/0", "::1", 80),
        ("localhost", "127.0.0.1", 80),
    ],
)
def test_another_address_or_port_is_not_held(text: str, address: str, port: int) -> None:
    assert not AllowList.parse(text).holds(parse_address(address), port)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", 1),
        ("LocalHost", "localhost.", 1),
        ("intern.example:8080", "intern.example", 8080),
        ("bücher.example", "xn--bcher-kva.example", 80),
        ("a.example,b.example", "b.example", 80),
    ],
)
def test_an_allowed_host_is_named(text: str, host: str, port: int) -> None:
    assert AllowList.parse(text).names(host, port)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("intern.example:8080", "intern.example", 80),
        ("example", "a.example", 80),
        ("a.example", "example", 80),
    ],
)
def test_another_host_or_port_is_not_named(text: str, host: str, port: int) -> None:
    assert not AllowList.parse(text).names(host, port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("*.example.com", "no wildcards"),
        ("*", "no wildcards"),
        ("a b", "is not a host name"),
        ("http://a.example", "is not a network"),
        ("10.0.0.0/8:80", "is not a network"),
        ("10.0.0.0/33", "is not a network"),
        ("a.example:0", "from 1 to 65535"),
        ("a.example:65536", "from 1 to 65535"),
        ("a.example:http", "is not a host, host:port"),
        ("[::1", "is not a host, host:port"),
        ("[10.0.0.1]:80", "in its brackets"),
        ("[nonsense]:80", "in its brackets"),
        ("127.1", "is not a host name"),
        ("::1:99999", "is not a host, host:port"),
    ],
)
def test_a_bad_entry_is_refused_with_a_reason_of_one_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        AllowList.parse(f"fine.example,{text}")

    assert text in str(refused.value)
    assert "\n" not in str(refused.value)
