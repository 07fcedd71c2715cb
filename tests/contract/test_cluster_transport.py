"""What both transports promise, over a scripted server and over a real API server."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from contract.cluster_cases import CONFIG_MAP, apply, config_map, config_map_key, until
from contract.stub_server import client_of, json_answer, serve, status_answer
from trimtab.adapters.kubernetes import (
    ClusterOptions,
    ConnectionSettings,
    Deadlines,
    KubernetesCluster,
    choose_transport,
    load_kubeconfig,
)
from trimtab.adapters.kubernetes.aiohttp_transport import AiohttpTransport
from trimtab.adapters.kubernetes.pyreqwest_transport import PyreqwestTransport, can_connect
from trimtab.adapters.kubernetes.transport import Endpoint, TransportError, TransportFactory
from trimtab.ports.cluster import (
    ClusterUnreachable,
    CredentialsRefused,
    Forbidden,
    TooManyRequests,
    Write,
)

QUICK = Deadlines(connect=timedelta(seconds=0.5), request=timedelta(seconds=1))


@pytest.fixture(params=[PyreqwestTransport, AiohttpTransport], ids=["pyreqwest", "aiohttp"])
def make(request: pytest.FixtureRequest) -> TransportFactory:
    return request.param


def admin(target) -> ConnectionSettings:
    return load_kubeconfig(target.kubeconfig_path)


async def test_request_carries_method_headers_and_body(make) -> None:
    async def handler(request: web.Request) -> web.Response:
        groups = request.headers.getall("Impersonate-Group")
        seen = [request.method, request.raw_path, groups, (await request.read()).decode()]
        return json_answer(seen, Warning='299 - "first"')

    async with serve(handler) as url:
        transport = make(Endpoint(url), Deadlines())
        headers = (("impersonate-group", "a,b"), ("impersonate-group", "c"))
        answer = await transport.request("PATCH", "/x/a%2Fb?q=1%202", headers, b'{"a":1}')
        assert json.loads(answer.body) == ["PATCH", "/x/a%2Fb?q=1%202", ["a,b", "c"], '{"a":1}']
        assert list(answer.header("warning")) == ['299 - "first"']
        assert list(answer.header("retry-after")) == []
        await transport.aclose()


async def test_stream_is_read_while_it_arrives(make) -> None:
    go_on = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        await go_on.wait()
        await response.write(b"two\n")
        return response

    async with serve(handler) as url:
        transport = make(Endpoint(url), QUICK)
        async with transport.stream("/", ()) as stream:
            assert stream.status == 200
            assert await stream.read() == b"one\n"
            go_on.set()
            assert await stream.read() == b"two\n"
            assert await stream.read() is None
        await transport.aclose()


async def test_stream_that_breaks_is_an_error(make) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serve(handler) as url:
        transport = make(Endpoint(url), QUICK)
        async with transport.stream("/", ()) as stream:
            await stream.read()
            with pytest.raises(TransportError):
                await stream.read()
        await transport.aclose()


async def test_refused_connection_was_not_sent(make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        transport = make(Endpoint(url), QUICK)
        with pytest.raises(TransportError) as failed:
            await transport.request("PATCH", "/", (), b"{}")
        assert not failed.value.sent
        with pytest.raises(TransportError):
            async with transport.stream("/", ()):
                pass
        await transport.aclose()


async def test_silent_server_times_out_after_sending(make) -> None:
    release = asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        await release.wait()
        return json_answer({})

    async with serve(handler) as url:
        transport = make(Endpoint(url), QUICK)
        with pytest.raises(TransportError) as failed:
            await transport.request("GET", "/", ())
        assert failed.value.sent
        assert failed.value.timed_out
        release.set()
        await transport.aclose()


async def test_server_that_never_shakes_hands_times_out_before_sending(make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        transport = make(Endpoint(url, insecure=True), QUICK)
        with pytest.raises(TransportError) as failed:
            await transport.request("PATCH", "/", (), b"{}")
        assert failed.value.timed_out
        await transport.aclose()


async def test_many_requests_to_a_dead_server_fail_together(make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        async with client_of(url, make, deadlines=QUICK, insecure=True) as client:
            async with asyncio.timeout(20):
                failed = await asyncio.gather(
                    *(client.request("GET", "/") for _ in range(60)), return_exceptions=True
                )
            assert all(isinstance(error, ClusterUnreachable) for error in failed)
            assert client.circuit.reachable is False
            with pytest.raises(ClusterUnreachable):
                await client.request("GET", "/")


async def test_cancellation_is_never_lost(make) -> None:
    """Whatever moment it comes at, the answer's arrival included."""

    async def handler(_request: web.Request) -> web.Response:
        return json_answer({})

    async with serve(handler) as url:
        transport = make(Endpoint(url), Deadlines())

        async def work(number: int) -> None:
            if number % 2:
                await transport.request("GET", "/", ())
            else:
                async with transport.stream("/", ()) as stream:
                    await stream.read()
            await asyncio.Event().wait()  # what a lost cancellation would wait for

        async with asyncio.timeout(30):
            for number in range(300):
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(work(number))
                    for _ in range(number % 30):
                        await asyncio.sleep(0)
                    task.cancel()
        await transport.aclose()


async def test_proxy_gets_the_request(make) -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(str(request.url))
        return json_answer({})

    async with serve(proxy) as url:
        transport = make(Endpoint("http://api.test:1234", proxy=url), Deadlines())
        await transport.request("GET", "/version", ())
        assert asked == ["http://api.test:1234/version"]
        await transport.aclose()


async def test_429_is_tried_again_after_the_time_asked_for(make) -> None:
    times: list[float] = []

    async def handler(_request: web.Request) -> web.Response:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            return status_answer(429, "TooManyRequests", Retry_After="1")
        return json_answer({})

    async with serve(handler) as url, client_of(url, make) as client:
        before = client.limiter.limit
        answer = await client.request("PATCH", "/x", body=b"{}")
        assert answer.status == 200
        assert times[1] - times[0] >= 1.0
        assert client.limiter.limit < before


async def test_429_without_end_is_an_error(make) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return status_answer(429, "TooManyRequests", Retry_After="0")

    async with serve(handler) as url, client_of(url, make) as client:
        with pytest.raises(TooManyRequests):
            await client.checked("GET", "/x")


async def test_reads_are_tried_again_and_sent_writes_are_not(make) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        if len(asked) in (1, 3):
            assert request.transport is not None
            request.transport.abort()
        return json_answer({})

    async with serve(handler) as url, client_of(url, make) as client:
        assert (await client.request("GET", "/")).status == 200
        assert asked == ["GET", "GET"]
        with pytest.raises(ClusterUnreachable):
            await client.request("PATCH", "/", body=b"{}")
        assert asked == ["GET", "GET", "PATCH"]


async def test_token_file_is_read_again_when_refused(make, tmp_path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    async def handler(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer new":
            return json_answer({})
        return status_answer(401, "Unauthorized")

    async with serve(handler) as url, client_of(url, make, token_file=str(token)) as client:
        with pytest.raises(CredentialsRefused):
            await client.request("GET", "/")
        token.write_text("new\n")
        assert (await client.request("GET", "/")).status == 200


@pytest.mark.fleet
async def test_client_certificate_is_accepted(make, target, new_namespace) -> None:
    namespace = new_namespace(target.index)
    async with KubernetesCluster(admin(target), ClusterOptions(transport=make)) as cluster:
        written = await apply(cluster, config_map(namespace, "a", {"x": "1"}))
        cluster.ensure([CONFIG_MAP])
        await cluster.wait_synced([CONFIG_MAP], timeout=timedelta(seconds=15))
        assert cluster.live(written.live.key) == written.live


@pytest.mark.fleet
async def test_token_is_accepted(make, target) -> None:
    connection = ConnectionSettings(
        "t", target.server, ca=target.ca_pem.encode(), token=target.token
    )
    async with KubernetesCluster(connection, ClusterOptions(transport=make)) as cluster:
        assert await cluster.get(config_map_key("default", "kube-root-ca.crt")) is not None


@pytest.mark.fleet
async def test_wrong_token_is_refused(make, target) -> None:
    connection = ConnectionSettings("t", target.server, ca=target.ca_pem.encode(), token="wrong")
    async with KubernetesCluster(connection, ClusterOptions(transport=make)) as cluster:
        with pytest.raises(CredentialsRefused, match="not accepted"):
            await cluster.get(config_map_key("default", "a"))
        assert cluster.reachable is True


@pytest.mark.fleet
async def test_expired_certificate_is_refused_and_named(make, target) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = target.user_cert("jane", not_after=yesterday)
    connection = dataclasses.replace(
        admin(target), certificate=expired.cert_pem.encode(), key=expired.key_pem.encode()
    )
    async with KubernetesCluster(connection, ClusterOptions(transport=make)) as cluster:
        with pytest.raises(CredentialsRefused, match=f"expired at {yesterday:%Y-%m-%d}"):
            await cluster.get(config_map_key("default", "a"))


@pytest.mark.fleet
async def test_unknown_authority_is_not_trusted(make, hub, target) -> None:
    connection = dataclasses.replace(admin(target), ca=hub.ca_pem.encode())
    async with KubernetesCluster(connection, ClusterOptions(transport=make)) as cluster:
        with pytest.raises(ClusterUnreachable, match=r"(?i)certificate"):
            await cluster.server_version()
        trusting = dataclasses.replace(connection, ca=b"", insecure=True)
    async with KubernetesCluster(trusting, ClusterOptions(transport=make)) as cluster:
        assert (await cluster.server_version()).startswith("v1.")


@pytest.mark.fleet
async def test_server_name_is_what_the_certificate_must_say(make, target) -> None:
    wrong = dataclasses.replace(admin(target), server_name="other.test")
    async with KubernetesCluster(wrong, ClusterOptions(transport=make)) as cluster:
        with pytest.raises(ClusterUnreachable, match=r"(?i)certificate"):
            await cluster.server_version()
    right = dataclasses.replace(admin(target), server_name="localhost")
    async with KubernetesCluster(right, ClusterOptions(transport=make)) as cluster:
        assert (await cluster.server_version()).startswith("v1.")


async def test_server_name_through_a_proxy_needs_the_second_transport() -> None:
    endpoint = Endpoint("https://10.0.0.1", server_name="api.test", proxy="http://proxy.test")
    assert not can_connect(endpoint)
    assert isinstance(choose_transport(endpoint, Deadlines()), AiohttpTransport)
    direct = dataclasses.replace(endpoint, proxy="")
    assert isinstance(choose_transport(direct, Deadlines()), PyreqwestTransport)


@pytest.mark.fleet
async def test_impersonation_is_the_users_rights(make, target, new_namespace) -> None:
    namespace = new_namespace(target.index)
    async with KubernetesCluster(admin(target), ClusterOptions(transport=make)) as cluster:
        jane = cluster.impersonate("jane", ["devs", "testers"])
        with pytest.raises(Forbidden, match="jane"):
            await apply(jane, config_map(namespace, "a", {}))
        admins = cluster.impersonate("jane", ["devs", "system:masters"])
        assert (await apply(admins, config_map(namespace, "a", {}))).live.meta.uid
        dry = Write("trimtab", dry_run=True)
        with pytest.raises(Forbidden):
            await apply(jane, config_map(namespace, "a", {"x": "1"}), dry)


@pytest.mark.fleet
async def test_300_watches_need_few_sockets(target, new_namespace) -> None:
    namespace = new_namespace(target.index)
    async with KubernetesCluster(admin(target)) as cluster, asyncio.TaskGroup() as tasks:
        await apply(cluster, config_map(namespace, "a", {}))
        before, opened, done = _sockets(), [0], asyncio.Event()
        path = f"/api/v1/namespaces/{namespace}/configmaps?watch=1&timeoutSeconds=60"

        async def watch() -> None:
            async with cluster.client.stream(path) as stream:
                assert await stream.read()
                opened[0] += 1
                await done.wait()

        for _ in range(300):
            tasks.create_task(watch())
        await until(lambda: opened[0] == 300, seconds=60)
        assert _sockets() - before <= 6
        async with asyncio.timeout(5):  # no request waits behind the watches
            await apply(cluster, config_map(namespace, "a", {"x": "1"}))
        done.set()


def _sockets() -> int:
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder's own descriptor
            count += str(link.readlink()).startswith("socket:")
    return count
