"""The outbound guard (RELIABILITY 2.1, row 14): nothing of ours connects to where it must not, however it is spelled."""

import socket
import ssl
import time
from typing import Any

import httpcore2
import httpx2
import pytest

from common import destinations, outbound
from common.destinations import NotAllowed, Rules, parse_internal
from common.outbound import Guard, TooLarge
from tests.providers.listeners import certificate, door, saying, tls_door

# Where an attacker would like us to go. {p} is the port on which this machine listens.
HOSTILE_TEXT = """
//127.0.0.1:{p}/ //127.1:{p}/ //127.0.1:{p}/ //2130706433:{p}/ //0x7f000001:{p}/ //0x7f.0.0.1:{p}/ //0177.0.0.1:{p}/
//017700000001:{p}/ //0x7f.1:{p}/ //127.000.000.001:{p}/ //127.255.255.254:{p}/ //0:{p}/ //0.0.0.0:{p}/ //0x0:{p}/
//localhost:{p}/ //LOCALHOST:{p}/ //localhost.:{p}/ //127.0.0.1.:{p}/ //127。0。0。1:{p}/ //①②⑦.0.0.1:{p}/
//１２７.０.０.１:{p}/ //ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{p}/ //[::1]:{p}/ //[::]:{p}/ //[0:0:0:0:0:0:0:1]:{p}/ //[::ffff:127.0.0.1]:{p}/
//[::ffff:7f00:1]:{p}/ //[0:0:0:0:0:ffff:7f00:1]:{p}/ //[::127.0.0.1]:{p}/ //[::7f00:1]:{p}/ //[64:ff9b::7f00:1]:{p}/
//[64:ff9b::127.0.0.1]:{p}/ //[64:ff9b:1::7f00:1]:{p}/ //[2002:7f00:1::]:{p}/ //[2002:7f00:1::1]:{p}/
//[2001:0:7f00:1::]:{p}/ //[fec0::1]:{p}/ //[fe80::1]:{p}/ //[fc00::1]:{p}/ //[fd00:ec2::254]:{p}/ //[ff02::1]:{p}/
//[5f00::1]:{p}/ //[2001:db8::1]:{p}/ //[100::1]:{p}/ //10.0.0.1:{p}/ //172.16.0.1:{p}/ //192.168.1.1:{p}/
//169.254.169.254:{p}/latest/meta-data/ //169.254.170.2:{p}/ //[::ffff:169.254.169.254]:{p}/ //2852039166:{p}/
//0xa9fea9fe:{p}/ //100.64.0.1:{p}/ //100.100.100.200:{p}/ //168.63.129.16:{p}/ //192.0.0.192:{p}/ //192.0.2.1:{p}/
//192.88.99.1:{p}/ //198.18.0.1:{p}/ //198.51.100.1:{p}/ //203.0.113.1:{p}/ //224.0.0.1:{p}/ //240.0.0.1:{p}/
//255.255.255.255:{p}/ //loops.test:{p}/ //private.test:{p}/ //metadata.test:{p}/ //mixed.test:{p}/ //mapped.test:{p}/
//nat.test:{p}/ //user@127.0.0.1:{p}/ //user:password@127.0.0.1:{p}/ //public.test:{p}@127.0.0.1:{p}/
//127.0.0.1:{p}#@public.test/ //127.0.0.1:{p}?@public.test/ //public.test@localhost:{p}/ //127.0.0.1%00.public.test:{p}/
//127.0.0.1%2f.public.test:{p}/ //[::1%25lo]:{p}/ //[::ffff:0:127.0.0.1]:{p}/ //[::ffff:0127.0.0.1]:{p}/
//localhost%2e:{p}/ //%6c%6f%63%61%6c%68%6f%73%74:{p}/ //127.0.0.1\\@public.test:{p}/ //public.test\\@127.0.0.1:{p}/
//spaced.test%20127.0.0.1:{p}/ //127.0.0.1%09:{p}/ //0x7f.0x0.0x0.0x1:{p}/ //0177.0x0.1:{p}/
"""
HOSTILE = HOSTILE_TEXT.split()

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "loops.test": ["127.0.0.1"],
    "private.test": ["10.1.2.3"],
    "metadata.test": ["169.254.169.254"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "nat.test": ["64:ff9b::7f00:1"],
    "public.test": ["93.184.216.34", "2606:2800:220:1::1"],
    "models.internal": ["127.0.0.1"],
    "sneaky.internal": ["169.254.169.254"],
}


def resolve(host: str, port: int, **asked: Any) -> list[Any]:
    """A name server of our own: names of the table, and every spelling of a number that the system understands."""
    try:
        return socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, **asked)
    except socket.gaierror:
        found = NAMES.get(host.lower())
        if not found:
            raise
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


def get(url: str, **guard: Any) -> httpx2.Response:
    guarded = Guard(**{"seconds": 5.0, "limit": 100_000, "resolve": resolve, **guard})
    with httpx2.Client(transport=guarded, trust_env=False) as client:
        return client.get(url)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The addresses that are dialled; nobody answers."""
    made: list[tuple[str, int]] = []

    def connect_tcp(self: Any, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        made.append((host, port))
        raise httpcore2.ConnectError("This is a test.")

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", connect_tcp)
    return made


def test_there_are_more_than_sixty_of_them():
    assert len(set(HOSTILE)) == len(HOSTILE) == 89


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_hostile_address_is_dialled(scheme, dialled, monkeypatch):
    monkeypatch.delitem(NAMES, "public.test")
    went_through = []
    with door() as opened:
        rules = Rules(ports=frozenset({opened.port, 443, 80}))  # it is not the port that saves us
        for address in HOSTILE:
            url = f"{scheme}:{address.format(p=opened.port)}"
            try:
                get(url, rules=rules, seconds=1.0)
            except (NotAllowed, httpx2.InvalidURL, httpx2.ConnectError):
                continue
            went_through.append(url)
        assert (went_through, dialled, opened.came) == ([], [], [])


def test_without_the_judgement_the_same_addresses_do_connect(monkeypatch):
    """The test above can fail: it is the judgement of addresses that keeps us out."""
    monkeypatch.setattr(outbound, "check_address", lambda *args, **kwargs: None)
    monkeypatch.delitem(NAMES, "public.test")
    with door() as opened:
        rules = Rules(ports=frozenset({opened.port}))
        for address in HOSTILE[:31]:
            try:
                get(f"https:{address.format(p=opened.port)}", rules=rules, seconds=1.0)
            except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError):
                pass
        assert len(opened.came) > 20


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "unix", "data", "ws", "javascript", "ldap"])
def test_other_schemes_do_not_go_out(scheme, dialled):
    with pytest.raises((NotAllowed, httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
        get(f"{scheme}://public.test/")
    assert dialled == []


def test_a_public_name_is_looked_up_once_and_the_judged_address_is_dialled(dialled):
    asked = []

    def rebinding(host: str, port: int, **more: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with pytest.raises(httpx2.ConnectError):
        get("https://rebind.test/", resolve=rebinding)
    assert (asked, dialled) == (["rebind.test"], [("93.184.216.34", 443)])
    with pytest.raises(NotAllowed):
        get("https://rebind.test/", resolve=rebinding)
    assert dialled == [("93.184.216.34", 443)]


def test_all_addresses_of_a_name_are_judged_before_one_is_dialled(dialled):
    with pytest.raises(NotAllowed, match=r"'mixed\.test' is not a public address"):
        get("https://mixed.test/")
    assert dialled == []


def test_the_next_address_is_dialled_where_one_does_not_answer(dialled):
    with pytest.raises(httpx2.ConnectError):
        get("https://public.test/")
    assert dialled == [("93.184.216.34", 443), ("2606:2800:220:1::1", 443)]


@pytest.mark.parametrize("url", ["http://public.test/", "https://public.test:8080/", "https://public.test:22/",
                                 "https://u:p@public.test/", "https://u@public.test/"])  # fmt: skip
def test_only_https_on_a_listed_port_without_a_name_and_password(url, dialled):
    with pytest.raises(NotAllowed):
        get(url)
    assert dialled == []


def test_a_refusal_tells_how_an_operator_allows_it_and_not_what_is_inside(dialled):
    with pytest.raises(NotAllowed) as caught:
        get("https://private.test/")
    assert caught.value.detail == (
        "'private.test' is not a public address that may be asked by https. "
        "An operator can allow it by PROMPTLEDGER_INTERNAL_HOSTS=private.test:443."
    )


def test_a_listed_host_is_asked_by_http_and_nothing_beside_it():
    with door(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as opened, door() as beside:
        rules = Rules(internal=frozenset({("models.internal", opened.port)}))
        assert get(f"http://models.internal:{opened.port}/v1", rules=rules).text == "ok"
        for other in (f"http://loops.test:{opened.port}/", f"http://127.0.0.1:{opened.port}/",
                      f"http://models.internal:{beside.port}/"):  # fmt: skip
            with pytest.raises(NotAllowed):
                get(other, rules=rules)
        assert (len(opened.came), beside.came) == (1, [])


def test_a_listed_name_that_leads_to_a_clouds_secrets_is_not_asked(dialled):
    with pytest.raises(NotAllowed):
        get("http://sneaky.internal/", rules=Rules(internal=frozenset({("sneaky.internal", 80)})))
    assert dialled == []


def test_in_local_mode_this_machine_may_be_asked_and_its_neighbours_may_not(dialled, local_mode):
    assert destinations.current_rules().loopback
    for url in ("http://localhost:11434/v1", "http://127.0.0.1:11434/v1", "http://[::1]:11434/v1"):
        with pytest.raises(httpx2.ConnectError):
            get(url)
    reached = {address for address, _ in dialled}
    assert reached == {"127.0.0.1", "::1"}
    for url in ("http://10.0.0.1/", "https://192.168.1.1/", "http://169.254.169.254/", "http://public.test/",
                "https://public.test:8080/", "http://0.0.0.0:11434/"):  # fmt: skip
        with pytest.raises(NotAllowed):
            get(url)
    assert {address for address, _ in dialled} == reached


def test_a_server_does_not_ask_itself(settings, dialled):
    assert not settings.LOCAL_MODE
    assert not settings.INTERNAL_HOSTS
    with pytest.raises(NotAllowed):
        get("http://127.0.0.1:11434/v1")
    assert dialled == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_even_by_a_client_that_would(status):
    with door() as target:
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{target.port}/\r\nContent-Length: 0\r\n\r\n"
        with door(saying(answer.encode())) as opened:
            rules = Rules(internal=frozenset({("127.0.0.1", opened.port), ("127.0.0.1", target.port)}))
            guarded = Guard(seconds=5, limit=1000, rules=rules)
            with httpx2.Client(transport=guarded, follow_redirects=True) as client, pytest.raises(NotAllowed):
                client.get(f"http://127.0.0.1:{opened.port}/", headers={"Authorization": "Bearer x"})
        assert (len(opened.came), target.came) == (1, [])


def test_no_proxy_of_the_environment_is_used(monkeypatch, settings):
    with door() as proxy, door(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as opened:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        settings.INTERNAL_HOSTS = frozenset({("127.0.0.1", opened.port)})
        with outbound.client(seconds=5, limit=1000) as client:
            assert client.get(f"http://127.0.0.1:{opened.port}/").text == "ok"
            with pytest.raises(NotAllowed):
                client.get("http://10.0.0.1/")
        assert proxy.came == []


def test_the_certificate_is_asked_for_and_checked_by_the_name(tmp_path):
    names: list[str | None] = []
    heard: list[bytes] = []
    pem = certificate(tmp_path, "models.internal")
    trusting = ssl.create_default_context(cafile=str(pem))
    with tls_door(pem, names, heard) as opened:
        rules = Rules(internal=frozenset({("models.internal", opened.port), ("loops.test", opened.port)}))
        assert get(f"https://models.internal:{opened.port}/v1", rules=rules, verify=trusting).text == "ok"
        assert names == ["models.internal"]
        assert f"Host: models.internal:{opened.port}".encode() in heard[0]
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            get(f"https://loops.test:{opened.port}/v1", rules=rules, verify=trusting)
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            get(f"https://models.internal:{opened.port}/v1", rules=rules)  # the system does not know it
        assert len(heard) == 1


def test_the_whole_exchange_is_bounded_in_time():
    """Each piece comes in good time, and all of them would take 10 s."""
    parts, sent = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x"] * 100], []

    def wait() -> None:
        sent.append(time.sleep(0.1))

    with door(saying(*parts, before=wait)) as opened:
        rules = Rules(internal=frozenset({("127.0.0.1", opened.port)}))
        began = time.monotonic()
        with pytest.raises(httpx2.TimeoutException):
            get(f"http://127.0.0.1:{opened.port}/", rules=rules, seconds=1.0)
        assert time.monotonic() - began > 0.9
        assert 0 < len(sent) < len(parts) / 2


def test_the_answer_is_bounded_in_size_and_may_not_be_compressed():
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    zipped = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"
    for answer, error in ((large, TooLarge), (zipped, NotAllowed)):
        with door(saying(answer)) as opened:
            rules = Rules(internal=frozenset({("127.0.0.1", opened.port)}))
            with pytest.raises(error):
                get(f"http://127.0.0.1:{opened.port}/", rules=rules)


def test_the_list_of_internal_hosts_is_read():
    wanted = {("ollama.internal", 11434), ("127.0.0.1", 8179), ("::1", 9000)}
    assert parse_internal(["Ollama.internal:11434", " 127.0.0.1:8179", "[::1]:9000"]) == wanted


@pytest.mark.parametrize("entry", ["ollama.internal", "*:80", "http://ollama.internal:80", "a:0", "a:65536", ":80",
                                   "10.0.0.0/8:80", "a:b"])  # fmt: skip
def test_a_bad_entry_of_it_is_named(entry):
    with pytest.raises(ValueError, match="PROMPTLEDGER_INTERNAL_HOSTS takes host:port"):
        parse_internal([entry])
